"""Suppressions of single addresses, and all that suppresses one."""

import csv
import io
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.bearer import READS_SUPPRESSIONS, Suppressor
from gateway.api.once import Key, in_one_step
from gateway.api.problems import Problem
from gateway.api.replies import (
    JSON,
    Cursor,
    Limit,
    MailAddress,
    Text,
    Using,
    octets,
    page,
    reply,
    unwrapped,
    wrapped,
)
from gateway.api.schemas import ENTRY, RELEASED, STANDING, answers, pages
from gateway.core.kinds import Scope
from gateway.core.people import Standing
from gateway.core.spreadsheet import harmless
from gateway.core.typed_address import NotAnAddress, read_address
from gateway.store import documents, releases, suppression
from gateway.store.answers import Answer
from gateway.store.suppression import Entry

router = APIRouter(prefix="/suppressions", tags=["suppressions"])

Connection = Any  #: A transaction of the store, handed on to it.
_COLUMNS = ("address", "scope", "since", "until", "by", "note")


class NewSuppression(BaseModel):
    """What suppresses an address from the next message on."""

    model_config = ConfigDict(extra="forbid")

    address: MailAddress = Field(min_length=3, max_length=2000)
    scope: Scope = Scope.BULK
    note: Text = Field("", max_length=2000, description="Why; stays inside unless `public`.")
    public: bool = False
    until: datetime | None = Field(None, description="Local unless it says otherwise.")
    by: Text = Field("", max_length=200, description="Who asked for it; else the token's name.")


@router.get("", responses=pages(ENTRY), dependencies=[READS_SUPPRESSIONS])
async def list_suppressions(
    request: Request,
    using: Using,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the suppressions of single addresses in force, by address."""
    at = using.clock()
    after = None
    if cursor is not None:
        address, number = unwrapped(cursor, 2)
        after = (address, int(number) if number.isdigit() and len(number) < 19 else 0)
    found = await using.database.read(
        lambda connection: suppression.listed(connection, at=at, after=after, limit=limit + 1)
    )
    return page(request, found, limit, document=documents.entry, cursor=_cursor)


@router.get(
    ".csv",
    dependencies=[READS_SUPPRESSIONS],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_suppressions(using: Using) -> Response:
    """Return the suppressions in force as CSV; no cell of it is a formula."""
    at = using.clock()
    found = await using.database.read(lambda connection: suppression.listed(connection, at=at))
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(_COLUMNS)
    for one in found:
        told = documents.entry(one)
        writer.writerow([harmless(str(told[name] or "")) for name in _COLUMNS])
    headers = {"content-disposition": 'attachment; filename="suppressions.csv"'}
    return Response(written.getvalue(), headers=headers, media_type="text/csv")


@router.post("", status_code=201, responses=answers(ENTRY, "It is suppressed.", 201))
async def suppress(
    request: Request, using: Using, token: Suppressor, asked: NewSuppression, key: Key = None
) -> Response:
    """Suppress an address from the next message on."""
    now = using.clock()
    until = asked.until
    if until is not None and until.tzinfo is None:
        until = until.replace(tzinfo=using.zone())
    if until is not None and until <= now:
        raise Problem(422, "until: is in the past")
    entry = Entry(
        id=using.new_id(),
        address=using.lookup(asked.address),
        scope=asked.scope,
        remark=asked.note,
        public=asked.public,
        by=asked.by or token.name,
        since=now,
        until=until,
        released_at=None,
        released_by="",
    )

    def add(connection: Connection) -> Answer:
        suppression.add(
            connection,
            id=entry.id,
            address=entry.address,
            scope=entry.scope,
            remark=entry.remark,
            public=entry.public,
            by=entry.by,
            since=now,
            until=until,
        )
        return Answer(status=201, type=JSON, body=octets(documents.entry(entry)))

    return await in_one_step(using, request, token, key, add)


@router.get(
    "/{address:path}",
    responses=answers(STANDING, "All that suppresses the address."),
    dependencies=[READS_SUPPRESSIONS],
)
async def show_suppressions(request: Request, using: Using, address: MailAddress) -> Response:
    """Show all that suppresses an address, whoever has it, and its history."""
    lookup = using.lookup(address)
    standings = using.standings()

    def look(connection: Connection) -> documents.Document:
        standing = standings.within(connection, [lookup]).get(lookup, Standing())
        return documents.standing(lookup, standing, suppression.history(connection, lookup))

    return reply(request, await using.database.read(look))


@router.delete("/{address:path}", responses=answers(RELEASED, "What was lifted."))
async def release(
    request: Request,
    using: Using,
    token: Suppressor,
    address: Text,
    by: Annotated[Text, Query(max_length=200, description="Who asked for it.")] = "",
) -> Response:
    """Lift what suppresses the address itself, and opt-outs from Mailchimp; their history stays.

    Mailchimp itself may go on refusing: that is told.
    """
    typed = read_address(address)
    # What is no address is looked for as it stands: older versions stored what was told.
    lookup = using.lookup(address if isinstance(typed, NotAnAddress) else typed.address)
    who, now = by or token.name, using.clock()
    found = await using.database.write(
        lambda connection: releases.release(connection, lookup, by=who, now=now)
    )
    if not found.is_any and isinstance(typed, NotAnAddress):
        raise Problem(422, f"address: {typed}")
    if not found.is_any:
        raise Problem(404, "nothing suppresses the address itself, and nobody there opted out")
    return reply(request, documents.released(lookup, found))


def _cursor(one: Entry) -> str:
    return wrapped([one.address, str(one.id)])
