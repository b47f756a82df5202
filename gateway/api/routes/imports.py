"""The state of each kind's feed, and its references that lead nowhere."""

from fastapi import APIRouter, Request, Response

from gateway.api.bearer import READS_FEED
from gateway.api.json_response import (
    MOST,
    Cursor,
    Limit,
    Since,
    Using,
    before_time,
    page,
    time_cursor,
    whole_page,
)
from gateway.api.schemas import items
from gateway.documents.feed import (
    KindStateDocument,
    OpenReferenceDocument,
    PastImportDocument,
    kind_state_document,
    open_reference_document,
    past_import_document,
)
from gateway.store.feed import feed_faults
from gateway.store.feed.references import open_references

router = APIRouter(prefix="/imports", tags=["feed"], dependencies=[READS_FEED])


@router.get("", responses=items(KindStateDocument))
async def list_imports(
    request: Request, using: Using, *, since: Since, limit: Limit = MOST, cursor: Cursor = None
) -> Response:
    """Show what each source last sent of each kind, and what was wrong with its last file.

    `since` counts when the last file came, taken in or not.
    """
    states = await using.database.read(feed_faults.states)
    return whole_page(
        request,
        [state for state in states if since is None or state.last_came >= since],
        limit,
        cursor,
        document=kind_state_document,
        key=lambda kind_state: f"{kind_state.source} {kind_state.what}",
    )


@router.get("/past", responses=items(PastImportDocument))
async def list_past(
    request: Request, using: Using, *, since: Since, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List what each import did, the newest first, as `gateway import past` does."""
    before = before_time(cursor)
    rows = await using.database.read(
        feed_faults.list_imports, since=since, before=before, limit=limit + 1
    )
    return page(
        request,
        rows,
        limit,
        document=past_import_document,
        cursor=lambda done: time_cursor(done.at),
    )


@router.get("/waiting", responses=items(OpenReferenceDocument))
async def list_waiting(
    request: Request, using: Using, *, since: Since, limit: Limit = MOST, cursor: Cursor = None
) -> Response:
    """List the references that lead nowhere, as `gateway import waiting` does."""
    return whole_page(
        request,
        await using.database.read(open_references.list_open_texts, since=since),
        limit,
        cursor,
        document=open_reference_document,
        key=lambda waits: f"{waits.reference} {waits.kind} {waits.given}",
    )
