"""Suppressions of single addresses, and everything else that suppresses an address."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.bearer import READS_SUPPRESSIONS, SuppressionsToken
from gateway.api.idempotency import Key, in_one_step
from gateway.api.json_response import (
    JSON,
    AddressOrPerson,
    Cursor,
    Limit,
    PlainText,
    Since,
    StaffName,
    Using,
    octets,
    page,
    read_ref_or_address,
    respond,
    unwrap_cursor,
    wrap_cursor,
)
from gateway.api.managers import acting_manager
from gateway.api.problems import Problem
from gateway.api.schemas import answers, items
from gateway.api.services import ApiServices
from gateway.core.feed.spreadsheet import harmless
from gateway.core.kinds import Scope
from gateway.core.mail.typed.typed_address import NotAnAddress, TypedAddress, read_person_or_address
from gateway.core.people.people import PersonRef, RefOrAddress, Standing
from gateway.documents.suppressions import (
    SUPPRESSION_COLUMNS,
    ReleasedDocument,
    StandingDocument,
    SuppressedAddressDocument,
    SuppressionEntryDocument,
    address_standing_document,
    person_standing_document,
    released_document,
    suppressed_address_document,
    suppression_entry_document,
)
from gateway.store.api.answers import StoredAnswer
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import people, releases, suppression
from gateway.store.people.people import PersonRecord, PersonUnknown
from gateway.store.people.releases import Released
from gateway.store.people.suppressed import (
    AT_ONCE,
    START,
    ListedSource,
    Position,
    SuppressedAddress,
    SuppressionFilter,
    position_after,
)
from gateway.store.views import timeline

router = APIRouter(prefix="/suppressions", tags=["suppressions"])

Source = Annotated[
    ListedSource | None,
    Query(description="`mailchimp`: opt-outs that Mailchimp reported; they are in a group."),
]
Covering = Annotated[
    Scope | None,
    Query(description="Only reasons that stop this mail; `bulk` includes scope `all`."),
]


class NewSuppression(BaseModel):
    """What suppresses an address, or a person, from the next message on."""

    model_config = ConfigDict(extra="forbid")

    address: AddressOrPerson = Field(
        min_length=3, max_length=2000, description="An address; or a person: `candidate:17`."
    )
    scope: Scope = Scope.BULK
    note: PlainText = Field(
        "", max_length=2000, description="Why; only staff see it unless `public`."
    )
    public: bool = False
    until: datetime | None = Field(None, description="Local time unless it has a zone.")
    by: StaffName = Field(
        "",
        max_length=200,
        description="Who asked for it; by default the token's name. A token without the role "
        "`manager` names a member of staff who has it, by crm_id or address.",
    )


@router.get("", responses=items(SuppressedAddressDocument), dependencies=[READS_SUPPRESSIONS])
async def list_suppressions(
    request: Request,
    using: Using,
    *,
    source: Source = None,
    scope: Covering = None,
    since: Since,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List everybody who is suppressed, by address: an entry for each reason in force.

    `since` counts since when a reason holds; reasons nobody knows that of are left out.
    """
    at, listed, selection = (
        using.clock(),
        using.suppressed(),
        SuppressionFilter(source, scope, since),
    )
    after = START if cursor is None else _position(cursor)
    suppressed = await using.database.read(
        listed.page, selection, at=at, after=after, limit=limit + 1
    )
    following = wrap_cursor([str(part) for part in position_after(suppressed[:limit], after)])
    return page(
        request, suppressed, limit, document=suppressed_address_document, cursor=lambda _: following
    )


@router.get(
    ".csv",
    dependencies=[READS_SUPPRESSIONS],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_suppressions(
    using: Using, *, source: Source = None, scope: Covering = None, since: Since
) -> Response:
    """Return everybody who is suppressed as CSV; no cell of it is a formula."""
    headers = {"content-disposition": 'attachment; filename="suppressions.csv"'}
    rows = csv_pages(using, SuppressionFilter(source, scope, since))
    first = await anext(rows)  # An unavailable store is reported by a status, not in the middle.
    return StreamingResponse(_from(first, rows), headers=headers, media_type="text/csv")


async def csv_pages(using: ApiServices, selection: SuppressionFilter) -> AsyncIterator[str]:
    """Yield the heading with the first page, then a page at a time."""
    at, listed = using.clock(), using.suppressed()

    async def read(after: Position) -> list[SuppressedAddress]:
        return await using.database.read(listed.page, selection, at=at, after=after, limit=AT_ONCE)

    position = START
    heading: tuple[str, ...] = SUPPRESSION_COLUMNS
    while True:
        rows = await read(position)
        written = io.StringIO()
        writer = csv.writer(written)
        if heading:
            writer.writerow(heading)
        for row in rows:
            document = dict(suppressed_address_document(row))
            writer.writerow([harmless(str(document[name] or "")) for name in SUPPRESSION_COLUMNS])
        yield written.getvalue()
        if len(rows) < AT_ONCE:
            return
        heading, position = (), position_after(rows, position)


async def _from(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece


def _position(cursor: str) -> Position:
    address, number = unwrap_cursor(cursor, 2)
    return address, int(number) if number.isdigit() and len(number) < 10 else 0


@router.post(
    "", status_code=201, responses=answers(SuppressionEntryDocument, "It is suppressed.", 201)
)
async def suppress(
    request: Request,
    using: Using,
    token: SuppressionsToken,
    new_suppression: NewSuppression,
    key: Key = None,
) -> Response:
    """Suppress an address, or a person, from the next message on.

    A person is suppressed at every address they have, and at those they get later.
    """
    now = using.clock()
    until = new_suppression.until
    if until is not None and until.tzinfo is None:
        until = until.replace(tzinfo=using.zone())
    if until is not None and until <= now:
        raise Problem(422, "until: is in the past")

    ref_or_address = read_ref_or_address(using, new_suppression.address)

    def add(connection: StoreTransaction) -> StoredAnswer:
        if isinstance(ref_or_address, PersonRef):
            _known_person(connection, ref_or_address)
        entry = suppression.add(
            connection,
            id=using.new_id(),
            ref_or_address=ref_or_address,
            scope=new_suppression.scope,
            remark=new_suppression.note,
            public=new_suppression.public,
            by=acting_manager(connection, using, token, new_suppression.by),
            since=now,
            until=until,
        )
        return StoredAnswer(status=201, type=JSON, body=octets(suppression_entry_document(entry)))

    return await in_one_step(using, request, token, key, add)


@router.get(
    "/{address:id}",
    responses=answers(StandingDocument, "Everything that suppresses the address or the person."),
    dependencies=[READS_SUPPRESSIONS],
)
async def show_suppressions(request: Request, using: Using, address: AddressOrPerson) -> Response:
    """Show everything that suppresses an address, whoever has it, or a person; and the history."""
    ref_or_address = read_ref_or_address(using, address)

    def load(connection: StoreTransaction) -> StandingDocument:
        erased = standings.names_if_erased(connection, ref_or_address)
        history = suppression.history(connection, ref_or_address, erased=erased)
        if isinstance(ref_or_address, PersonRef):
            record = _known_person(connection, ref_or_address)
            reasons = timeline.suppressions_of(connection, standings, record)
            return person_standing_document(record, reasons, history)
        standing = standings.within(connection, [ref_or_address]).get(ref_or_address, Standing())
        return address_standing_document(ref_or_address, standing, history)

    with using.standings() as standings:
        return respond(request, await using.database.read(load))


@router.delete("/{address:id}", responses=answers(ReleasedDocument, "What was lifted."))
async def release(
    request: Request,
    using: Using,
    token: SuppressionsToken,
    address: PlainText,
    *,
    by: Annotated[StaffName, Query(max_length=200, description="Who asked for it.")] = "",
    note: Annotated[PlainText, Query(max_length=2000, description="Why; only staff see it.")] = "",
) -> Response:
    """Lift what suppresses the address or the person itself, and opt-outs from Mailchimp.

    Their history stays. If Mailchimp itself still refuses them, the answer says so.
    """
    typed = read_person_or_address(address)
    match typed:
        case PersonRef():
            ref_or_address: RefOrAddress = typed
        case TypedAddress():
            ref_or_address = using.lookup(typed.address)
        case NotAnAddress():  # Looked up as written: it may be stored so (`suppress mend`).
            ref_or_address = using.lookup(address)
    now = using.clock()

    def lift(connection: StoreTransaction) -> Released:
        manager = acting_manager(connection, using, token, by)
        erased = standings.names_if_erased(connection, ref_or_address)
        return releases.release(
            connection, ref_or_address, by=manager, now=now, remark=note, erased=erased
        )

    with using.standings() as standings:
        released = await using.database.write(lift)
    if not released.is_any and isinstance(typed, NotAnAddress):
        raise Problem(422, f"address: {typed}")
    if not released.is_any:
        raise Problem(404, "nothing suppresses the address itself, and nobody there opted out")
    return respond(request, released_document(str(ref_or_address), released))


def _known_person(connection: StoreTransaction, ref: PersonRef) -> PersonRecord:
    try:
        return people.known_person(connection, ref)
    except PersonUnknown as error:
        raise Problem(404, str(error)) from error
