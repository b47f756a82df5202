"""People: what is known of them, and everything that happened."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.problems import Problem
from gateway.api.replies import MOST, Cursor, Limit, MailAddress, Text, Using, part, reply
from gateway.api.schemas import answers, items
from gateway.core.people.people import PersonRef
from gateway.documents.people import PersonDocument, TimelineEventDocument, person_document
from gateway.documents.replies import (
    HistoryEntryDocument,
    PersonFileDocument,
    history_entry_document,
    person_file_document,
)
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import history, people
from gateway.store.views.timeline import pages as timeline

T = TypeVar("T")

router = APIRouter(prefix="/people", tags=["people"], dependencies=[READS])


@router.get("", responses=items(PersonDocument))
async def find_people(
    request: Request,
    using: Using,
    address: Annotated[MailAddress, Query(description="A mail address.")],
) -> Response:
    """Find everybody who has an address."""
    lookup, standings = using.lookup(address), using.standings()
    records = await using.database.read(
        lambda connection: [
            person_document(page) for page in timeline(connection, standings, lookup)
        ]
    )
    return reply(request, {"items": records, "next": None})


@router.get("/{person:id}/timeline", responses=items(TimelineEventDocument))
async def show_timeline(
    request: Request,
    using: Using,
    person: Text,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List everything that happened with a person, the newest first."""
    events = (await _known(using, person))["timeline"]
    return part(request, events, limit, cursor)


@router.get("/{person:id}/history", responses=items(HistoryEntryDocument))
async def list_history(
    request: Request,
    using: Using,
    person: Text,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List the replies filed to a person, the newest first."""
    ref = _ref(person)
    entries = await _listed(
        using,
        ref,
        lambda connection: [
            history_entry_document(entry) for entry in history.of_person(connection, ref)
        ],
    )
    return part(request, entries, limit, cursor)


@router.get("/{person:id}/documents", responses=items(PersonFileDocument))
async def list_documents(
    request: Request,
    using: Using,
    person: Text,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List a person's documents, the newest first."""
    ref = _ref(person)
    documents = await _listed(
        using,
        ref,
        lambda connection: [
            person_file_document(file) for file in history.documents_of(connection, ref)
        ],
    )
    return part(request, documents, limit, cursor)


@router.get("/{person:id}", responses=answers(PersonDocument, "The person with the timeline."))
async def show_person(request: Request, using: Using, person: Text) -> Response:
    """Show a person with suppressions, applications and timeline."""
    return reply(request, await _known(using, person))


async def _listed(
    using: Using, ref: PersonRef, look: Callable[[StoreTransaction], list[T]]
) -> list[T]:
    """Return what is found of a person; of somebody who isn't known, a problem."""

    def listed(connection: StoreTransaction) -> list[T] | None:
        documents = look(connection)
        return documents if documents or people.find(connection, ref) else None

    documents = await using.database.read(listed)
    if documents is None:
        raise Problem(404, "nobody is known by this key")
    return documents


async def _known(using: Using, person: str) -> PersonDocument:
    ref, standings = _ref(person), using.standings()
    records = await using.database.read(lambda connection: timeline(connection, standings, ref))
    if not records:
        raise Problem(404, "nobody is known by this key")
    return person_document(records[0])


def _ref(text: str) -> PersonRef:
    try:
        return PersonRef.parse(text)
    except ValueError:
        raise Problem(404, "a person is written candidate:17 or contact:17") from None
