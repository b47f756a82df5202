"""What stands in the way of a message besides suppressions."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from gateway.core.decision.journal import Attempt, Delivery
from gateway.core.kinds import State
from gateway.store.engine.database import Database
from gateway.store.journal import message_lookup
from gateway.store.journal.journal import take_in, write_attempts
from gateway.store.journal.message_lookup import REMEMBERED, MessageLookup, MessageStatus
from gateway.store.schema.journal import attempts
from tests.store.feeding import NOW
from tests.store.journaling import (
    ANN,
    BEN,
    at,
    attempt,
    ended,
    going,
    known_by,
    marks,
    message,
    refused,
)

MINUTE = timedelta(minutes=1)


def remember(database: Database, *kept: Attempt) -> None:
    with database.writing() as connection:
        write_attempts(connection, kept)


def pause(database: Database, *kinds: str) -> None:
    with database.writing() as connection:
        for what in kinds:
            message_lookup.pause(connection, what, now=NOW, by="ops")


# Pauses


async def test_a_pause_counts_from_the_next_message_on(
    database: Database, asked: MessageLookup
) -> None:
    before = await asked.look(known_by(1), 0, NOW)
    pause(database, "bulk", "bulk", "all")
    during = await asked.look(known_by(1), 0, NOW)
    with database.writing() as connection:
        lifted = message_lookup.resume(connection)
    after = await asked.look(known_by(1), 0, NOW)

    nothing = MessageStatus(paused=frozenset(), earlier=())
    assert (nothing, MessageStatus(paused=frozenset({"all", "bulk"}), earlier=()), nothing) == (
        before,
        during,
        after,
    )
    assert ["all", "bulk"] == sorted(lifted)


# Earlier attempts


async def test_earlier_attempts_of_a_transaction_are_shown_oldest_first(
    database: Database, asked: MessageLookup
) -> None:
    first, second, other = message(0), message(1), message(2)
    known = [
        Attempt(fingerprint=7, message=first.id, state="open"),
        Attempt(
            fingerprint=7, message=second.id, state="verdict", content_hash="abc", verdict="250 ok"
        ),
    ]
    remember(database, known[1], known[0], attempt(other))
    pause(database, "bulk")
    view = await asked.look(known_by(7), 0, NOW + MINUTE)

    assert MessageStatus(paused=frozenset({"bulk"}), earlier=tuple(known)) == view


async def test_an_attempt_is_forgotten_after_a_day(
    database: Database, asked: MessageLookup
) -> None:
    one = message()
    remember(database, attempt(one))
    counts = [
        len((await asked.look(marks(one), 0, NOW + age)).earlier)
        for age in (REMEMBERED, REMEMBERED + MINUTE)
    ]

    assert [1, 0] == counts


async def test_an_attempt_is_shown_for_either_of_its_marks(
    database: Database, asked: MessageLookup
) -> None:
    one = message()
    likeness = marks(one).likeness
    known = [attempt(one), replace(attempt(one), fingerprint=likeness, dated=1_000)]
    remember(database, *known)
    again = replace(one, message_id="<another@office.example>")
    views = [await asked.look(marks(of), 0, NOW + MINUTE) for of in (one, again)]

    assert [set(known), {known[1]}] == [set(view.earlier) for view in views]


async def test_what_was_said_last_of_a_message_is_all_that_is_known(
    database: Database, asked: MessageLookup
) -> None:
    one = message()
    remember(database, attempt(one), replace(attempt(one), fingerprint=9, dated=1_000))
    remember(database, attempt(one, "verdict"))
    found = (await asked.look(marks(one), 0, NOW)).earlier
    like = (await asked.look(known_by(9), 0, NOW)).earlier
    remember(database, attempt(one, "heard"))
    after = (await asked.look(marks(one), 0, NOW)).earlier

    assert (["verdict"], (), ()) == ([entry.state for entry in found], like, after)


def test_forgotten_attempts_are_removed(database: Database) -> None:
    old, young = message(0), message(10)
    remember(database, attempt(old), attempt(young))
    with database.writing() as connection:
        count = message_lookup.forget_attempts(connection, NOW + REMEMBERED + 5 * MINUTE)
    with database.reading() as connection:
        left = list(connection.scalars(select(attempts.c.message)))

    assert (1, [young.id]) == (count, left)


# Bursts


async def test_a_burst_is_counted_by_address_with_first_and_last_time(
    database: Database, asked: MessageLookup
) -> None:
    burst(database, 0, going(ANN), going(BEN))
    burst(database, 1, going(ANN))
    burst(database, 2, going(BEN), key=6)
    reached = await asked.burst(5, NOW)

    assert {ANN: (at(0), at(1)), BEN: (at(0), at(0))} == reached


async def test_a_burst_looks_back_to_a_time_only(database: Database, asked: MessageLookup) -> None:
    burst(database, 0, going(ANN))
    burst(database, 5, going(BEN))

    assert {BEN: (at(5), at(5))} == await asked.burst(5, at(1))


async def test_all_the_crm_asked_for_count_whatever_became_of_them(
    database: Database, asked: MessageLookup
) -> None:
    burst(database, 0, refused(ANN))
    burst(database, 1, going(BEN), state=State.ABORTED)

    assert {ANN, BEN} == set(await asked.burst(5, NOW))


def burst(
    database: Database,
    minute: float,
    *parts: Delivery,
    key: int = 5,
    state: State = State.RELAYED,
) -> None:
    one = replace(message(minute, *parts), burst_key=key)
    with database.writing() as connection:
        take_in(connection, 1, [one], ended(one, state))
