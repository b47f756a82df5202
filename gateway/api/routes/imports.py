"""How the feed of each kind stands, and what in it leads nowhere."""

from fastapi import APIRouter, Request, Response

from gateway.api.bearer import READS_FEED
from gateway.api.replies import Using, reply
from gateway.api.schemas import IMPORTED, OPEN_REFERENCE, items
from gateway.core.moments import in_utc
from gateway.store.feed import feed_faults, open_references
from gateway.store.feed.feed_faults import KindState
from gateway.store.views import documents

router = APIRouter(prefix="/imports", tags=["feed"], dependencies=[READS_FEED])


@router.get("", responses=items(IMPORTED))
async def list_imports(request: Request, using: Using) -> Response:
    """List what each source brought last of each kind, and what was wrong with its last file."""
    found = await using.database.read(feed_faults.states)
    return reply(request, {"items": [state_document(one) for one in found], "next": None})


@router.get("/waiting", responses=items(OPEN_REFERENCE))
async def list_waiting(request: Request, using: Using) -> Response:
    """List the references that lead nowhere, as `gateway import waiting` does."""
    found = await using.database.read(open_references.listed)
    listed = [documents.open_reference(one) for one in found]
    return reply(request, {"items": listed, "next": None})


def state_document(one: KindState) -> documents.Document:
    """Return as JSON what a source brought last of a kind."""
    fault = one.fault
    return {
        "source": one.source,
        "kind": one.what,
        "at": in_utc(one.at),
        "fault": fault
        and {
            "file": fault.file,
            "since": in_utc(fault.since),
            "at": in_utc(fault.at),
            "problems": fault.problems,
            "failed": fault.failed,
            "reason": fault.reason,
        },
    }
