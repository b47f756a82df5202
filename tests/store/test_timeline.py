"""A person's timeline, asked for part by part."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Scope, State
from gateway.core.people.history import Document, HistoryEntry
from gateway.core.people.people import PersonRef
from gateway.core.triggers.occurrence import TRIGGERS_LISTENER
from gateway.store.bounces import bounces
from gateway.store.engine.database import Database
from gateway.store.journal.journal import write_recorded
from gateway.store.people import history, people, suppression
from gateway.store.people.suppression import Standings
from gateway.store.views.timeline import TimelineEvent, TimelineQuery, TimelineType, part
from tests.store.feeding import CANDIDATE, person, tell

ANN, BEN = PersonRef(CANDIDATE, "17"), PersonRef(CANDIDATE, "18")
HOME, WORK = "ann@example.org", "ann@work.example"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def number(minutes: float, nth: int = 0) -> int:
    return ids.first_id_at(at(minutes)) + nth


def message(
    minutes: float,
    *to: str,
    nth: int = 0,
    listener: str = "crm",
    persons: tuple[PersonRef, ...] = (),
) -> Message:
    parts = tuple(
        Delivery(recipient=one, address=one, state=State.RELAYED, by=By.RELAY, persons=persons)
        for one in to
    )
    subject = f"mail {minutes:g}.{nth}"
    return Message(
        id=number(minutes, nth), at=at(minutes), listener=listener, sender="crm@example.org",
        subject=subject, rule="x", deliveries=parts,
    )  # fmt: skip


def reply(minutes: float) -> HistoryEntry:
    entry = number(minutes)
    document = Document(
        id=entry + 1, filename=f"cv {minutes:g}.pdf", type="cv", content_type="application/pdf",
        size=1, sha256="0", reference="4711", entry=entry,
    )  # fmt: skip
    return HistoryEntry(
        id=entry, person=ANN, reference="4711", fingerprint=str(entry), inbox=1, raw="0", staff="s",
        sender_name="Ann", sender=HOME, subject=f"re {minutes:g}", documents=(document,),
    )  # fmt: skip


@pytest.fixture
def store(database: Database) -> Database:
    """Ann with a little of everything, among them seven things of one moment."""
    tell(database, "people", person("17", HOME, WORK), person("18", "ben@example.org"))
    with database.writing() as connection:
        messages = [
            message(1, HOME),
            message(2, HOME, WORK),
            message(2, WORK, "ben@example.org", nth=1),
            *(message(3, HOME, nth=nth) for nth in range(5)),
            message(4, "ben@example.org"),
            message(5, WORK, persons=(BEN,)),  # it was Ben's then
            message(6, HOME, listener=TRIGGERS_LISTENER),
            message(9, WORK, persons=(ANN, BEN)),
        ]
        write_recorded(connection, 1, messages, [])
        history.add(connection, reply(3))
        history.add(connection, reply(7))
        for minutes, about, whose in ((8, 2, HOME), (8.5, 4, "ben@example.org"), (8.7, 5, WORK)):
            kept = KeptBounce(
                inbox=number(minutes), position=0, message=number(about), proof=None,
                kind=BounceKind.BOUNCE, address=whose, recipient=whose, action="", status="5.1.1",
                diagnostic="gone", reason="userunknown", hard=True,
            )  # fmt: skip
            bounces.add(connection, [kept])
        suppression.add(
            connection, id=number(8.2), ref_or_address=ANN, scope=Scope.BULK, remark="asked",
            by="me", public=False, until=None,
            since=at(8.2),
        )  # fmt: skip
    return database


EVERYTHING = [
    "message mail 9.0",
    "suppression candidate:17: no bulk mail (asked)",
    "bounce ann@example.org: userunknown: gone",
    "reply Ann: re 7",
    "document cv 7.pdf",
    *(f"message mail 3.{nth}" for nth in (4, 3, 2, 1, 0)),
    "reply Ann: re 3",
    "document cv 3.pdf",
    "message mail 2.1",
    "message mail 2.0",
    "message mail 1.0",
]


def told(events: tuple[TimelineEvent, ...]) -> list[str]:
    return [f"{event.type} {event.summary}" for event in events]


def pages(store: Database, standings: Standings, limit: int) -> Iterator[list[str]]:
    after = None
    with store.reading() as connection:
        record = people.known_person(connection, ANN)
        while True:
            timeline_query = TimelineQuery(limit=limit, after=after)
            found = part(connection, standings, record, timeline_query)
            yield told(found.events)
            after = found.end
            if after is None:
                return


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 14, 15, 100])
def test_parts_of_any_length_tell_everything_once_and_in_order(
    store: Database, standings: Standings, limit: int
) -> None:
    parts = list(pages(store, standings, limit))
    assert EVERYTHING == [event for page in parts for event in page]
    assert -(-len(EVERYTHING) // limit) == len(parts)


@pytest.mark.parametrize(
    ("timeline_query", "expected"),
    [
        (TimelineQuery(types={TimelineType.BOUNCE}), EVERYTHING[2:3]),
        (
            TimelineQuery(types={TimelineType.REPLY, TimelineType.SUPPRESSION}),
            [EVERYTHING[1], EVERYTHING[3], EVERYTHING[10]],
        ),
        (TimelineQuery(since=at(7)), EVERYTHING[:5]),
        (TimelineQuery(until=at(2)), EVERYTHING[-3:]),
        (TimelineQuery(since=at(3), until=at(3)), EVERYTHING[5:12]),
        (TimelineQuery(since=at(10)), []),
    ],
)
def test_a_timeline_is_told_by_sort_and_time(
    store: Database, standings: Standings, timeline_query: TimelineQuery, expected: list[str]
) -> None:
    with store.reading() as connection:
        record = people.known_person(connection, ANN)
        assert expected == told(part(connection, standings, record, timeline_query).events)


# What a statement reads is the same in either database.
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_news_shift_nothing_and_length_costs_no_further_questions(
    store: Database, standings: Standings
) -> None:
    with store.reading() as connection:
        record = people.known_person(connection, ANN)
        first = part(connection, standings, record, TimelineQuery(limit=8))

    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for more in (0, 300):
        with store.writing() as connection:
            write_recorded(
                connection, 1, [message(60 + nth, HOME, nth=1) for nth in range(more)], []
            )
        asked.clear()
        with store.reading() as connection:
            record = people.known_person(connection, ANN)
            rest = part(connection, standings, record, TimelineQuery(after=first.end))
        assert EVERYTHING[8:] == told(rest.events)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 30
