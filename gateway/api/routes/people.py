"""People: their data, and everything that happened."""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.json_response import (
    MOST,
    Cursor,
    Limit,
    OneAddress,
    PlainText,
    Since,
    Using,
    as_it_is,
    part,
    respond,
    whole_page,
)
from gateway.api.person_cursors import person_before, person_cursor, timeline_cursor, timeline_place
from gateway.api.problems import Problem
from gateway.api.schemas import answers, items
from gateway.core.people.people import PersonRef
from gateway.documents.people import (
    PersonDocument,
    PersonMatchDocument,
    TimelineEventDocument,
    person_document,
    person_match_document,
    timeline_event_document,
)
from gateway.documents.replies import (
    HistoryEntryDocument,
    PersonFileDocument,
    history_entry_document,
    person_file_document,
)
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import history, people
from gateway.store.people.search import search
from gateway.store.views.timeline import TimelineQuery, TimelineType
from gateway.store.views.timeline import pages as timeline
from gateway.store.views.timeline import part as part_of_timeline

T = TypeVar("T")
_Dated = TypeVar("_Dated", HistoryEntryDocument, PersonFileDocument)


router = APIRouter(prefix="/people", tags=["people"], dependencies=[READS])


@router.get("", responses=items(PersonDocument))
async def find_people(
    request: Request,
    using: Using,
    address: Annotated[OneAddress, Query(description="A mail address.")],
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """Find everybody who has an address."""
    with using.standings() as standings:
        pages = await using.database.read(timeline, standings, using.lookup(address))
    records = [person_document(page) for page in pages]
    return whole_page(request, records, limit, cursor, document=as_it_is, key=itemgetter("person"))


@router.get("/search", responses=items(PersonMatchDocument))
async def search_people(
    request: Request,
    using: Using,
    text: Annotated[
        PlainText,
        Query(max_length=200, description="A key, reference, address or its start, a name."),
    ],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Find people; who has just this key, reference or address comes first."""
    after = person_before(cursor)
    address = using.lookup(text)
    matches, end = await using.database.read(
        search, text, address=address, limit=limit, after=after
    )
    listed = [person_match_document(match) for match in matches]
    return respond(request, {"items": listed, "next": person_cursor(end)})


@router.get("/{person:id}/timeline", responses=items(TimelineEventDocument))
async def show_timeline(
    request: Request,
    using: Using,
    person: PlainText,
    *,
    type: Annotated[  # noqa: A002
        list[TimelineType] | None, Query(description="Only of these sorts.")
    ] = None,
    since: Since,
    until: Annotated[
        datetime | None, Query(description="Only until then; local time unless it has a zone.")
    ] = None,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List everything that happened with a person, the newest first."""
    timeline_query = TimelineQuery(
        types=frozenset(type or TimelineType),
        since=since,
        until=until.replace(tzinfo=using.zone()) if until and until.tzinfo is None else until,
        after=timeline_place(cursor),
        limit=limit,
    )
    ref = _ref(person)

    def load(connection: StoreTransaction) -> dict[str, object] | None:
        records = people.find(connection, ref)
        if not records:
            return None
        timeline_part = part_of_timeline(connection, standings, records[0], timeline_query)
        return {
            "items": [timeline_event_document(event) for event in timeline_part.events],
            "next": timeline_cursor(timeline_part.end),
        }

    with using.standings() as standings:
        document = await using.database.read(load)
    if document is None:
        raise Problem(404, "nobody is known by this key")
    return respond(request, document)


@router.get("/{person:id}/history", responses=items(HistoryEntryDocument))
async def list_history(
    request: Request,
    using: Using,
    person: PlainText,
    *,
    since: Since,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List the replies filed to a person, the newest first."""
    ref = _ref(person)
    entries = await _list_of_person(
        using,
        ref,
        lambda connection: [
            history_entry_document(entry) for entry in history.of_person(connection, ref)
        ],
    )
    return part(request, _from_then_on(entries, since), limit, cursor)


@router.get("/{person:id}/documents", responses=items(PersonFileDocument))
async def list_documents(
    request: Request,
    using: Using,
    person: PlainText,
    *,
    since: Since,
    limit: Limit = MOST,
    cursor: Cursor = None,
) -> Response:
    """List a person's documents, the newest first."""
    ref = _ref(person)
    documents = await _list_of_person(
        using,
        ref,
        lambda connection: [
            person_file_document(file) for file in history.documents_of(connection, ref)
        ],
    )
    return part(request, _from_then_on(documents, since), limit, cursor)


@router.get("/{person:id}", responses=answers(PersonDocument, "The person with the timeline."))
async def show_person(request: Request, using: Using, person: PlainText) -> Response:
    """Show a person with suppressions, applications and timeline."""
    with using.standings() as standings:
        records = await using.database.read(timeline, standings, _ref(person))
    if not records:
        raise Problem(404, "nobody is known by this key")
    return respond(request, person_document(records[0]))


async def _list_of_person(
    using: Using, ref: PersonRef, load: Callable[[StoreTransaction], list[T]]
) -> list[T]:
    """Return what is found for a person; raise a problem if the person is unknown."""

    def listed(connection: StoreTransaction) -> list[T] | None:
        documents = load(connection)
        return documents if documents or people.find(connection, ref) else None

    documents = await using.database.read(listed)
    if documents is None:
        raise Problem(404, "nobody is known by this key")
    return documents


def _from_then_on(documents: Sequence[_Dated], since: datetime | None) -> Sequence[_Dated]:
    """Drop older entries."""
    if since is None:
        return documents
    return [document for document in documents if datetime.fromisoformat(document["at"]) >= since]


def _ref(text: str) -> PersonRef:
    try:
        return PersonRef.parse(text)
    except ValueError:
        raise Problem(404, "a person is written candidate:17 or contact:17") from None
