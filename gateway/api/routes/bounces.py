"""Bounces and complaints."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.json_response import (
    Cursor,
    Limit,
    OneAddress,
    Since,
    Using,
    page,
    unknown_cursor,
    unwrap_cursor,
    wrap_cursor,
)
from gateway.api.schemas import items
from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.documents.bounces import BounceDocument, bounce_document
from gateway.store.bounces import bounces

router = APIRouter(prefix="/bounces", tags=["bounces"], dependencies=[READS])


@router.get("", responses=items(BounceDocument))
async def list_bounces(
    request: Request,
    using: Using,
    *,
    address: Annotated[OneAddress | None, Query(description="Only of this address.")] = None,
    kind: Annotated[BounceKind | None, Query(description="Only what is of this kind.")] = None,
    undecided: Annotated[
        bool, Query(description="Only what suppresses nobody by itself: a person has to decide.")
    ] = False,
    since: Since,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List bounces and complaints, an entry for each recipient, newest first."""
    lookup_form = "" if address is None else using.lookup(address)
    after = None if cursor is None else _place(cursor)
    entries = await using.database.read(
        bounces.list_bounces,
        address=lookup_form,
        kinds=() if kind is None else (kind,),
        undecided=undecided,
        since=since,
        after=after,
        limit=limit + 1,
    )

    def cursor_of(bounce: KeptBounce) -> str:
        return wrap_cursor([str(bounce.inbox), str(bounce.position)])

    return page(request, entries, limit, document=bounce_document, cursor=cursor_of)


def _place(cursor: str) -> tuple[int, int]:
    mail, position = unwrap_cursor(cursor, 2)
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in (mail, position)):
        raise unknown_cursor()
    return int(mail), int(position)
