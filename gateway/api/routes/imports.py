"""How the feed of each kind stands, and what in it leads nowhere."""

from fastapi import APIRouter, Request, Response

from gateway.api.bearer import READS_FEED
from gateway.api.replies import Cursor, Limit, Using, before_time, page, reply, time_cursor
from gateway.api.schemas import items
from gateway.documents.feed import (
    KindStateDocument,
    OpenReferenceDocument,
    PastImportDocument,
    kind_state_document,
    open_reference_document,
    past_import_document,
)
from gateway.store.feed import feed_faults, open_references

router = APIRouter(prefix="/imports", tags=["feed"], dependencies=[READS_FEED])


@router.get("", responses=items(KindStateDocument))
async def list_imports(request: Request, using: Using) -> Response:
    """List what each source brought last of each kind, and what was wrong with its last file."""
    kind_states = await using.database.read(feed_faults.states)
    return reply(
        request,
        {"items": [kind_state_document(kind_state) for kind_state in kind_states], "next": None},
    )


@router.get("/past", responses=items(PastImportDocument))
async def list_past(
    request: Request, using: Using, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List what each import did, the newest first, as `gateway import past` does."""
    before = before_time(cursor)
    rows = await using.database.read(
        lambda connection: feed_faults.past(connection, before=before, limit=limit + 1)
    )
    return page(
        request,
        rows,
        limit,
        document=past_import_document,
        cursor=lambda done: time_cursor(done.at),
    )


@router.get("/waiting", responses=items(OpenReferenceDocument))
async def list_waiting(request: Request, using: Using) -> Response:
    """List the references that lead nowhere, as `gateway import waiting` does."""
    references = await using.database.read(open_references.listed)
    listed = [open_reference_document(reference) for reference in references]
    return reply(request, {"items": listed, "next": None})
