"""People: what is known of them, and everything that happened."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.problems import Problem
from gateway.api.replies import MOST, Cursor, Limit, MailAddress, Text, Using, part, reply
from gateway.api.schemas import DOCUMENT, EVENT, HISTORY, PERSON, answers, items, pages
from gateway.core.people.people import PersonRef
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import history, people
from gateway.store.views import documents
from gateway.store.views.timeline import pages as timeline

router = APIRouter(prefix="/people", tags=["people"], dependencies=[READS])


@router.get("", responses=items(PERSON))
async def find_people(
    request: Request,
    using: Using,
    address: Annotated[MailAddress, Query(description="A mail address.")],
) -> Response:
    """Find everybody who has an address."""
    lookup, standings = using.lookup(address), using.standings()
    found = await using.database.read(
        lambda connection: [
            documents.person(page) for page in timeline(connection, standings, lookup)
        ]
    )
    return reply(request, {"items": found, "next": None})


@router.get("/{person:id}/timeline", responses=pages(EVENT))
async def show_timeline(
    request: Request,
    using: Using,
    person: Text,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List everything that happened with a person, the newest first."""
    events: Any = (await _known(using, person))["timeline"]
    return part(request, events, limit, cursor)


@router.get("/{person:id}/history", responses=pages(HISTORY))
async def list_history(
    request: Request,
    using: Using,
    person: Text,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List the replies filed to a person, the newest first."""
    ref = _ref(person)
    found = await _listed(
        using, ref,
        lambda found: [documents.history_entry(one) for one in history.of_person(found, ref)],
    )  # fmt: skip
    return part(request, found, limit, cursor)


@router.get("/{person:id}/documents", responses=pages(DOCUMENT))
async def list_documents(
    request: Request,
    using: Using,
    person: Text,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List a person's documents, the newest first."""
    ref = _ref(person)
    found = await _listed(
        using, ref,
        lambda found: [documents.document(one) for one in history.documents_of(found, ref)],
    )  # fmt: skip
    return part(request, found, limit, cursor)


@router.get("/{person:id}", responses=answers(PERSON, "The person with the timeline."))
async def show_person(request: Request, using: Using, person: Text) -> Response:
    """Show a person with suppressions, applications and timeline."""
    return reply(request, await _known(using, person))


async def _listed(using: Using, ref: PersonRef, look: Any) -> list[documents.Document]:
    def listed(connection: StoreTransaction) -> list[documents.Document] | None:
        found: list[documents.Document] = look(connection)
        return found if found or people.find(connection, ref) else None

    found = await using.database.read(listed)
    if found is None:
        raise Problem(404, "nobody is known by this key")
    return found


async def _known(using: Using, person: str) -> documents.Document:
    ref, standings = _ref(person), using.standings()
    found = await using.database.read(lambda connection: timeline(connection, standings, ref))
    if not found:
        raise Problem(404, "nobody is known by this key")
    return documents.person(found[0])


def _ref(text: str) -> PersonRef:
    try:
        return PersonRef.parse(text)
    except ValueError:
        raise Problem(404, "a person is written candidate:17 or contact:17") from None
