"""How the feed of each kind stands, and what in it leads nowhere."""

from fastapi import APIRouter, Request, Response

from gateway.api.bearer import READS_FEED
from gateway.api.replies import Using, reply
from gateway.api.schemas import items
from gateway.documents.feed import (
    KindStateDocument,
    OpenReferenceDocument,
    kind_state_document,
    open_reference_document,
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


@router.get("/waiting", responses=items(OpenReferenceDocument))
async def list_waiting(request: Request, using: Using) -> Response:
    """List the references that lead nowhere, as `gateway import waiting` does."""
    references = await using.database.read(open_references.listed)
    listed = [open_reference_document(reference) for reference in references]
    return reply(request, {"items": listed, "next": None})
