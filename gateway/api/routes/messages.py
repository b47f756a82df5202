"""The journal: messages received, the decision for each recipient, and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.json_response import (
    Cursor,
    Limit,
    OneAddress,
    SenderAddress,
    Since,
    Using,
    id_before,
    id_cursor,
    page,
    read_id,
    respond,
)
from gateway.api.problems import Problem
from gateway.api.schemas import Schema, answers, items
from gateway.api.services import ApiServices
from gateway.core.decision.note import with_rewritten_notes
from gateway.core.journal.message import Message
from gateway.core.journal.search_words import MessageSearch
from gateway.core.kinds import State
from gateway.core.languages import primary_subtag
from gateway.core.moments import in_utc
from gateway.documents.messages import MessageDocument, message_document
from gateway.store.bounces import bounces
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import messages, searching
from gateway.store.views.delivery_reasons import deliveries_of, reasons_of

router = APIRouter(prefix="/messages", tags=["messages"], dependencies=[READS])

_From = Annotated[
    SenderAddress | None,
    Query(alias="from", description="From this envelope sender; `<>` is the null sender."),
]
_Language = Annotated[
    str | None, Query(description="Notes in this language instead of the sender's.")
]


def _with_notes_in(using: ApiServices, message: Message, language: str | None) -> Message:
    if language is None:
        return message
    templates = using.notes()
    template = templates.get(primary_subtag(language))
    if template is None:
        raise Problem(422, f"language: notes are in {', '.join(sorted(templates))}")
    return with_rewritten_notes(template, message, using.zone())


_Search = Annotated[
    str | None,
    Query(description="With all these words in subject, addresses and Message-ID; or of this id."),
]


_MISSED: Schema = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
    "description": "With `search`, `rule` or `group`: messages before this time may be missing, "
    "as their words are still being taken (after an upgrade); null: none is.",
}


@router.get("", responses=items(MessageDocument, {"may_miss_before": _MISSED}))
async def list_messages(
    request: Request,
    using: Using,
    *,
    state: Annotated[State | None, Query(description="With a delivery in this state.")] = None,
    to: Annotated[OneAddress | None, Query(description="To this address.")] = None,
    sender: _From = None,
    since: Since,
    search: _Search = None,
    rule: Annotated[str | None, Query(description="Where this rule said the kind.")] = None,
    group: Annotated[
        str | None,
        Query(
            description="Where this group kept somebody from mail: its name, a part, or its key."
        ),
    ] = None,
    language: _Language = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List messages, the newest first."""
    recipient = None if to is None else using.lookup(to)
    number = id_before(cursor)
    message_search = None if search is None else MessageSearch.read(search)
    if search is not None and message_search is None:
        raise Problem(422, "search: no word in it, which is letters and digits")
    is_searched = message_search is not None or rule is not None or group is not None

    def load(connection: StoreTransaction) -> tuple[Sequence[Message], datetime | None]:
        # Queried first, so that what is indexed meanwhile is reported as missing rather than
        # skipped.
        missed = searching.unsearched_before(connection) if is_searched else None
        rows = messages.list_messages(
            connection,
            state=state,
            to=recipient,
            sender=sender,
            since=since,
            before=number,
            search=message_search,
            rule=rule,
            group=group,
            limit=limit + 1,
        )
        return rows, missed

    rows, missed = await using.database.read(load)
    rewritten = [_with_notes_in(using, message, language) for message in rows]
    more = {"may_miss_before": in_utc(missed) if missed else None} if is_searched else {}
    return page(request, rewritten, limit, document=message_document, cursor=id_cursor, more=more)


@router.get("/{id}", responses=answers(MessageDocument, "The message with its deliveries."))
async def show_message(
    request: Request,
    using: Using,
    id: str,  # noqa: A002
    language: _Language = None,
    why: Annotated[bool, Query(description="With `why` of each delivery that failed.")] = False,
) -> Response:
    """Show a message with the outcome for each recipient, and the note that says why."""
    number = read_id(id)

    def load(connection: StoreTransaction) -> MessageDocument | None:
        message = messages.by_id(connection, number)
        if message is None:
            return None
        reports = list(bounces.of_message(connection, number))
        reasons = None
        if why:
            reasons = reasons_of(
                connection,
                standings,
                deliveries_of(message),
                rules=using.rules(),
                zone=using.zone(),
            )
        return message_document(_with_notes_in(using, message, language), reports, reasons)

    with using.standings() as standings:
        document = await using.database.read(load)
    if document is None:
        raise Problem(404, "the journal has no such message")
    return respond(request, document)
