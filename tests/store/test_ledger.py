"""The ledger of triggered mail: each occurrence once, whatever happens to those who send it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from gateway.core.journal.message import Delivery, Message, Outcome
from gateway.core.kinds import By, State
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.occurrence import (
    DueOccurrence,
    Occurrence,
    OccurrenceEnding,
    OccurrenceState,
)
from gateway.store.engine.database import Database
from gateway.store.journal import messages
from gateway.store.schema.triggers import occurrences
from gateway.store.triggers import epochs, ledger
from gateway.store.triggers.ledger import LedgerEnd
from tests.store.feeding import NOW
from tests.store.holders import nobody_is_gone, nobody_knows, seen_ended

LEASE = timedelta(minutes=5)
ANN = PersonRef(PersonKind.CANDIDATE, "1")
ALL = frozenset(EVENTS)


def due(number: int = 1, **facts: Any) -> DueOccurrence:
    return DueOccurrence(
        **{
            "id": number,
            "trigger": "birthday",
            "event": "birthday",
            "person": ANN,
            "occurrence": "2026-11-20",
            "due_at": NOW,
            "latest_at": NOW + timedelta(hours=15),
            **facts,
        }
    )


def claim(connection: Connection, holder: str = "a", now: datetime = NOW) -> list[Occurrence]:
    return ledger.claim(connection, holder, now, lease=LEASE, limit=10, events=ALL)


def mail(number: int = 100) -> ledger.LedgerMail:
    message = Message(
        id=number,
        at=NOW,
        listener="triggers",
        sender="office@example.org",
        deliveries=(
            Delivery(
                recipient="ann@example.org",
                address="ann@example.org",
                state=State.SENDING,
                by=By.GATEWAY,
                persons=(ANN,),
            ),
        ),
    )
    return ledger.LedgerMail(
        address="ann@example.org",
        mailbox="ann@example.org",
        subject="Hi",
        message_id="<1@x>",
        body=b"x",
        message=message,
    )


def begin(connection: Connection, holder: str = "a", now: datetime = NOW) -> bool:
    return bool(ledger.begin(connection, holder, {1: mail()}, now=now, lease=LEASE))


def end(connection: Connection, ending: OccurrenceEnding, outcome: Outcome) -> bool:
    return bool(ledger.end(connection, "a", [LedgerEnd(1, ending, outcome)], now=NOW))


def relayed() -> Outcome:
    return Outcome(message=100, position=0, state=State.RELAYED, by=By.RELAY, reply="250 ok")


def one(database: Database) -> Occurrence:
    with database.reading() as connection:
        found = ledger.by_id(connection, 1)
    assert found is not None
    return found


@pytest.fixture
def connection(database: Database) -> Any:
    with database.writing() as connection:
        yield connection


def test_an_occurrence_is_in_the_ledger_only_once(connection: Connection) -> None:
    first = ledger.put(connection, [due(1)], now=NOW)
    again = ledger.put(connection, [due(2), due(3, about="q1")], now=NOW)

    assert ([1], [3]) == (first, again)


@pytest.mark.parametrize(
    "other",
    [
        {"trigger": "other"},
        {"person": PersonRef(PersonKind.CONTACT, "1")},
        {"occurrence": "2027-11-20"},
        {"about": "q2"},
        {"recipient": "staff:3"},
    ],
)
def test_what_differs_in_any_part_of_the_key_is_another_one(
    connection: Connection, other: dict[str, Any]
) -> None:
    ledger.put(connection, [due(1)], now=NOW)

    assert [2] == ledger.put(connection, [due(2, **other)], now=NOW)


def test_what_comes_too_late_is_recorded_as_expired(database: Database) -> None:
    """RELIABILITY E3."""
    with database.writing() as connection:
        ledger.put(connection, [due(latest_at=NOW)], now=NOW)
        taken = claim(connection)

    assert [] == taken
    assert OccurrenceState.EXPIRED is one(database).state


def test_two_nodes_never_take_the_same_row(connection: Connection) -> None:
    """RELIABILITY E4."""
    ledger.put(connection, [due(1), due(2, about="q")], now=NOW)

    first, second = claim(connection, "a"), claim(connection, "b")

    assert ([1, 2], []) == ([row.id for row in first], [row.id for row in second])


def test_who_took_a_row_and_lost_it_may_not_send(connection: Connection) -> None:
    """RELIABILITY E4: a lease that is over is another's, clocks that jump included."""
    ledger.put(connection, [due(latest_at=None)], now=NOW)
    claim(connection, "a")
    claim(connection, "b", NOW + LEASE)

    assert not begin(connection, "a")
    assert begin(connection, "b", NOW + LEASE)
    assert not begin(connection, "b", NOW + LEASE)


def test_a_sent_mail_is_in_the_ledger_and_in_the_journal(database: Database) -> None:
    with database.writing() as connection:
        ledger.put(connection, [due()], now=NOW)
        claim(connection)
        assert begin(connection)
        assert OccurrenceState.SENDING is one_in(connection).state
        sent = OccurrenceEnding(state=OccurrenceState.SENT)
        assert end(connection, sent, relayed())
    with database.reading() as connection:
        [message] = messages.list_messages(connection, to="ann@example.org")

    row = one(database)
    assert (OccurrenceState.SENT, 1, 100, None) == (row.state, row.attempts, row.message, row.body)
    assert State.RELAYED is message.deliveries[0].state


def one_in(connection: Connection) -> Occurrence:
    found = ledger.by_id(connection, 1)
    assert found is not None
    return found


@pytest.mark.parametrize("gone", [True, False])
def test_what_a_crash_leaves_is_unknown_and_never_taken_again(
    database: Database, gone: bool
) -> None:
    """RELIABILITY E5: known at once where the process is seen to be gone, else after its lease."""
    later = NOW if gone else NOW + LEASE
    with database.writing() as connection:
        ledger.put(connection, [due()], now=NOW)
        claim(connection)
        begin(connection)
    with database.writing() as connection:
        [left] = ledger.recover(
            connection, later, seen_ended("a") if gone else nobody_is_gone, nobody_knows
        )
        taken = claim(connection, "b", later + timedelta(days=9))
        [message] = messages.list_messages(connection, to="ann@example.org")

    assert [] == taken
    assert (1, OccurrenceState.UNKNOWN) == (left.id, left.state)
    assert State.UNKNOWN is message.deliveries[0].state


def test_a_result_that_comes_after_the_lease_still_counts(database: Database) -> None:
    with database.writing() as connection:
        ledger.put(connection, [due()], now=NOW)
        claim(connection)
        begin(connection)
        ledger.recover(connection, NOW + LEASE, nobody_is_gone, nobody_knows)
        sent = OccurrenceEnding(state=OccurrenceState.SENT)
        assert end(connection, sent, relayed())
        [message] = messages.list_messages(connection, to="ann@example.org")

    assert OccurrenceState.SENT is one(database).state
    assert State.RELAYED is message.deliveries[0].state


def test_what_a_dead_process_took_and_did_not_begin_is_due_at_once(connection: Connection) -> None:
    ledger.put(connection, [due()], now=NOW)
    claim(connection, "a")
    ledger.recover(connection, NOW, seen_ended("a"), nobody_knows)

    assert [1] == [row.id for row in claim(connection, "b")]


def test_of_a_dead_process_what_is_known_is_kept_and_only_the_rest_unknown(
    connection: Connection,
) -> None:
    ledger.put(connection, [due(number, about=str(number)) for number in (1, 2, 3)], now=NOW)
    claim(connection, "a")
    mails = {number: mail(100 * number) for number in (1, 2, 3)}
    ledger.begin(connection, "a", mails, now=NOW, lease=LEASE)

    left = ledger.recover(connection, NOW, seen_ended("a"), {"a": {1: True, 2: False}}.get)
    [again] = claim(connection, "b")

    assert {1: OccurrenceState.SENT, 2: OccurrenceState.UNKNOWN} == {
        row.id: row.state for row in left
    }
    assert (3, 1) == (again.id, again.attempts)
    told = messages.list_messages(connection, to="ann@example.org")
    assert {100: State.RELAYED, 200: State.UNKNOWN, 300: State.DEFERRED} == {
        message.id: message.deliveries[0].state for message in told
    }


def test_a_mail_put_off_is_tried_again_with_the_same_octets(connection: Connection) -> None:
    ledger.put(connection, [due()], now=NOW)
    claim(connection)
    begin(connection)
    later = NOW + timedelta(minutes=1)
    put_off = OccurrenceEnding(state=OccurrenceState.DUE, reason="450 later", next_at=later)
    deferred = replace(relayed(), state=State.DEFERRED)
    end(connection, put_off, deferred)

    assert [] == claim(connection, "b")
    [again] = claim(connection, "b", later)
    assert (b"x", "<1@x>", 1) == (again.body, again.message_id, again.attempts)


def test_what_the_relay_says_of_somebody_erased_meanwhile_is_kept_as_a_code(
    connection: Connection,
) -> None:
    ledger.put(connection, [due()], now=NOW)
    claim(connection)
    begin(connection)
    connection.execute(update(occurrences).values(person="erased:5f0c21ab"))
    said = "550 5.1.1 <ann@example.org> Ann Smit is unknown here"
    failed = OccurrenceEnding(state=OccurrenceState.FAILED, reason=said)
    outcome = replace(relayed(), state=State.REJECTED, reply=said)

    assert end(connection, failed, outcome)

    [message] = messages.list_messages(connection, to="ann@example.org")
    assert ("550", "550") == (one_in(connection).reason, message.deliveries[0].reply)


def test_a_mail_put_off_of_somebody_erased_meanwhile_is_not_tried_again(
    connection: Connection,
) -> None:
    ledger.put(connection, [due()], now=NOW)
    claim(connection)
    begin(connection)
    connection.execute(update(occurrences).values(person="erased:5f0c21ab", body=None))
    later = NOW + timedelta(minutes=1)
    said = "450 4.2.1 <ann@example.org> later"
    put_off = OccurrenceEnding(state=OccurrenceState.DUE, reason=said, next_at=later)
    deferred = replace(relayed(), state=State.DEFERRED, reply=said)

    assert end(connection, put_off, deferred)

    ended = one_in(connection)
    assert [] == claim(connection, "b", later + timedelta(hours=1))
    assert (OccurrenceState.FAILED, "450", None) == (ended.state, ended.reason, ended.next_at)


def test_what_is_held_waits_until_it_is_let_go(connection: Connection) -> None:
    epochs.begin(connection, "one")
    ledger.put(connection, [due(1)], now=NOW)
    taken = claim(connection)

    ledger.hold(connection, "restored")
    ledger.put(connection, [due(2, about="q")], now=NOW)

    assert ([1], []) == ([row.id for row in taken], claim(connection))
    assert not begin(connection)
    assert ledger.resume(connection, NOW, epoch="two", high=7) == 2
    assert epochs.Epoch("one", 7, 0, "") == epochs.read(connection)
    assert [1, 2] == [row.id for row in claim(connection)]


def test_the_epoch_is_the_first_one_given_and_its_mark_only_rises(connection: Connection) -> None:
    epochs.begin(connection, "one")
    epochs.begin(connection, "two")
    epochs.reach(connection, 9)
    epochs.reach(connection, 5)

    assert epochs.Epoch("one", 9, 1, "") == epochs.read(connection)
