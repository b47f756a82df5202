"""The gateway's own outgoing mail and webhooks."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import SENDS, OutboxToken
from gateway.api.idempotency import Key, in_one_step
from gateway.api.json_response import (
    JSON,
    Cursor,
    Limit,
    Since,
    Using,
    id_before,
    id_cursor,
    octets,
    page,
    read_id,
    respond,
)
from gateway.api.schemas import answers, items
from gateway.core.sending.outbox import OutboxState
from gateway.documents.sending import OutboxEntryDocument, outbox_entry_document
from gateway.store.api.answers import StoredAnswer
from gateway.store.engine.database import StoreTransaction
from gateway.store.sending import outbox
from gateway.store.triggers import status_mail

router = APIRouter(prefix="/outbox", tags=["outbox"])


@router.get("", responses=items(OutboxEntryDocument), dependencies=[SENDS])
async def list_entries(
    request: Request,
    using: Using,
    *,
    state: Annotated[OutboxState | None, Query(description="Only in this state.")] = None,
    since: Since,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List what was sent or is to be sent, newest first."""
    number, most = id_before(cursor), limit + 1
    entries = await using.database.read(
        lambda connection: status_mail.merge_newest_first(
            outbox.list_outbox(connection, state=state, since=since, before=number, limit=most),
            status_mail.list_waiting_mail(
                connection, state=state, since=since, before=number, limit=most
            ),
            most,
        )
    )
    return page(request, entries, limit, document=outbox_entry_document, cursor=id_cursor)


@router.get("/{id}", responses=answers(OutboxEntryDocument, "The entry."), dependencies=[SENDS])
async def show_entry(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show an entry."""
    number = read_id(id)
    entry = await using.database.read(status_mail.entry, number)
    return respond(request, outbox_entry_document(entry))


@router.post("/{id}/retry", responses=answers(OutboxEntryDocument, "It is queued again."))
async def retry(
    request: Request,
    using: Using,
    token: OutboxToken,
    id: str,  # noqa: A002
    key: Key = None,
) -> Response:
    """Have an entry sent again; a mail that is unknown may then arrive twice."""
    number, now = read_id(id), using.clock()

    def work(connection: StoreTransaction) -> StoredAnswer:
        outbox.retry(connection, number, now)
        return _as_it_is(connection, number)

    return await in_one_step(using, request, token, key, work)


@router.post("/{id}/cancel", responses=answers(OutboxEntryDocument, "It is given up."))
async def cancel(
    request: Request,
    using: Using,
    token: OutboxToken,
    id: str,  # noqa: A002
    key: Key = None,
) -> Response:
    """Give an entry up for good."""
    number, now = read_id(id), using.clock()

    def work(connection: StoreTransaction) -> StoredAnswer:
        status_mail.cancel_entry(connection, number, now)
        return _as_it_is(connection, number)

    return await in_one_step(using, request, token, key, work)


def _as_it_is(connection: StoreTransaction, number: int) -> StoredAnswer:
    body = octets(outbox_entry_document(status_mail.entry(connection, number)))
    return StoredAnswer(status=200, type=JSON, body=body)
