"""Mail for the importer: what waits for a decision, and what became of the rest."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.json_response import (
    Cursor,
    Limit,
    Since,
    Using,
    id_before,
    id_cursor,
    page,
    read_id,
    respond,
)
from gateway.api.problems import Problem
from gateway.api.schemas import answers, items
from gateway.core.replies.inbox import InboxState
from gateway.documents.replies import (
    ImportAddressesDocument,
    InboxMailDocument,
    InboxReadingDocument,
    import_addresses_document,
    inbox_mail_document,
    inbox_reading_document,
)
from gateway.store.replies import inbox

router = APIRouter(prefix="/inbox", tags=["inbox"], dependencies=[READS])

_State = Annotated[
    list[InboxState] | None, Query(description="Only in these states; by default those that wait.")
]


@router.get("", responses=items(InboxMailDocument))
async def list_mails(
    request: Request,
    using: Using,
    *,
    state: _State = None,
    since: Since,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the mails that wait for a decision, the newest first."""
    number, states = id_before(cursor), state or [InboxState.NEEDS_ATTENTION]
    mails = await using.database.read(
        inbox.list_inbox, states=states, since=since, before=number, limit=limit + 1
    )
    return page(request, mails, limit, document=inbox_mail_document, cursor=id_cursor)


@router.get(
    "/address", responses=answers(ImportAddressesDocument, "Where staff forward replies to.")
)
async def show_address(request: Request, using: Using) -> Response:
    """Show the addresses staff forward replies to; empty if no setting names one."""
    return respond(request, import_addresses_document(using.import_addresses()))


@router.get(
    "/{id}/reading",
    responses=answers(InboxReadingDocument, "What it says, and what it is likely about."),
)
async def read_mail(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show a mail's content, made harmless, with the applications it is probably about."""
    return respond(request, inbox_reading_document(await using.inbox.read_mail(read_id(id))))


@router.get("/{id}", responses=answers(InboxMailDocument, "The mail."))
async def show_mail(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show a mail: where it stands, and why."""
    number = read_id(id)
    mail = await using.database.read(inbox.by_id, number)
    if mail is None:
        raise Problem(404, "the inbox has no such mail")
    return respond(request, inbox_mail_document(mail))
