"""What stands in the way of a message besides suppressions."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.core.decision.burst import BurstKeys
from gateway.core.journal.attempt import Attempt
from gateway.core.journal.message import Delivery, KnownBulk
from gateway.core.kinds import Kind, State
from gateway.store.engine.database import Database
from gateway.store.journal import message_lookup
from gateway.store.journal.journal import write_attempts, write_recorded
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

CLEO = "cleo@example.org"
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
    before = await asked.look_up(known_by(1), 0, NOW)
    pause(database, "bulk", "bulk", "all")
    during = await asked.look_up(known_by(1), 0, NOW)
    with database.writing() as connection:
        lifted = message_lookup.resume(connection)
    after = await asked.look_up(known_by(1), 0, NOW)

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
    view = await asked.look_up(known_by(7), 0, NOW + MINUTE)

    assert MessageStatus(paused=frozenset({"bulk"}), earlier=tuple(known)) == view


async def test_an_attempt_is_forgotten_after_a_day(
    database: Database, asked: MessageLookup
) -> None:
    one = message()
    remember(database, attempt(one))
    counts = [
        len((await asked.look_up(marks(one), 0, NOW + age)).earlier)
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
    views = [await asked.look_up(marks(of), 0, NOW + MINUTE) for of in (one, again)]

    assert [set(known), {known[1]}] == [set(view.earlier) for view in views]


async def test_what_was_said_last_of_a_message_is_all_that_is_known(
    database: Database, asked: MessageLookup
) -> None:
    one = message()
    remember(database, attempt(one), replace(attempt(one), fingerprint=9, dated=1_000))
    remember(database, attempt(one, "verdict"))
    found = (await asked.look_up(marks(one), 0, NOW)).earlier
    like = (await asked.look_up(known_by(9), 0, NOW)).earlier
    remember(database, attempt(one, "heard"))
    after = (await asked.look_up(marks(one), 0, NOW)).earlier

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


KEYS = BurstKeys(subject=7, nameless=5)


async def test_a_burst_is_counted_by_address(database: Database, asked: MessageLookup) -> None:
    burst(database, 0, going(ANN), going(BEN))
    burst(database, 1, going(ANN))
    burst(database, 2, going(CLEO), nameless=6, subject=8)

    assert {ANN, BEN} == await asked.burst(KEYS, NOW, 9)


async def test_one_of_the_two_keys_is_enough(database: Database, asked: MessageLookup) -> None:
    burst(database, 0, going(ANN), subject=8)
    burst(database, 1, going(BEN), nameless=6)
    burst(database, 2, going(CLEO), nameless=7, subject=5)

    assert {ANN, BEN} == await asked.burst(KEYS, NOW, 9)


async def test_a_burst_looks_back_to_a_time_only(database: Database, asked: MessageLookup) -> None:
    burst(database, 0, going(ANN))
    burst(database, 5, going(BEN))

    assert {BEN} == await asked.burst(KEYS, at(1), 9)


async def test_all_the_crm_asked_for_count_whatever_became_of_them(
    database: Database, asked: MessageLookup
) -> None:
    burst(database, 0, refused(ANN))
    burst(database, 1, going(BEN), state=State.ABORTED)

    assert {ANN, BEN} == await asked.burst(KEYS, NOW, 9)


async def test_of_a_burst_no_more_is_read_than_is_needed(
    database: Database, asked: MessageLookup
) -> None:
    for number in range(40):
        burst(database, number / 10, going(f"p{number}@example.org"))

    assert {f"p{number}@example.org" for number in (37, 38, 39)} == await asked.burst(KEYS, NOW, 3)


async def test_one_who_is_tried_over_and_over_hides_nobody(
    database: Database, asked: MessageLookup
) -> None:
    burst(database, 0, going(BEN))
    for number in range(1, 30):
        burst(database, number / 10, going(ANN))

    assert {ANN, BEN} == await asked.burst(KEYS, NOW, 2)


PUT_OFF, WENT = State.DEFERRED, State.RELAYED


@pytest.mark.parametrize(
    ("states", "since"),
    [
        ((), None),
        ((WENT,), None),
        ((PUT_OFF,), 0),
        ((PUT_OFF, PUT_OFF, PUT_OFF), 0),
        ((PUT_OFF, WENT, PUT_OFF, PUT_OFF), 2),
        ((PUT_OFF, WENT), None),
    ],
)
async def test_a_mail_is_put_off_since_the_first_attempt_after_the_last_that_was_not(
    database: Database, asked: MessageLookup, states: tuple[State, ...], since: int | None
) -> None:
    for minute, state in enumerate(states):
        burst(database, minute, going(ANN), state=state)
    burst(database, 9, going(BEN), state=PUT_OFF)

    deferral = await asked.deferral(KEYS, ANN, NOW)

    assert (None if since is None else at(since)) == (deferral.since if deferral else None)
    assert deferral is None or deferral.bulk is None


async def test_a_mail_put_off_as_bulk_stays_bulk(database: Database, asked: MessageLookup) -> None:
    burst(database, 0, going(ANN), state=PUT_OFF)
    bulk = burst(database, 1, going(ANN), state=PUT_OFF, rule="burst")

    deferral = await asked.deferral(KEYS, ANN, NOW)

    assert deferral is not None
    assert (at(0), KnownBulk(bulk, "burst")) == (deferral.since, deferral.bulk)


@pytest.mark.parametrize(
    ("minute", "nameless", "subject", "rule", "is_shown"),
    [
        (1, 5, 8, "burst", True),
        (1, 6, 7, "burst", True),
        (1, 6, 8, "burst", False),
        (1, 5, 7, "precedence", False),
        (1, 5, 7, "", False),
        (0, 5, 7, "burst", False),
    ],
    ids=["one key", "the other key", "no key", "another rule", "individual", "before"],
)
async def test_a_burst_shows_by_what_its_rule_has_found(
    database: Database,
    asked: MessageLookup,
    minute: int,
    nameless: int,
    subject: int,
    rule: str,
    is_shown: bool,
) -> None:
    bulk = burst(database, minute, going(BEN), nameless=nameless, subject=subject, rule=rule)

    shown = await asked.bulk_of_burst(KEYS, at(0.5), frozenset(["burst"]))

    assert (KnownBulk(bulk, "burst") if is_shown else None) == shown


def burst(
    database: Database,
    minute: float,
    *parts: Delivery,
    nameless: int = 5,
    subject: int = 7,
    state: State = State.RELAYED,
    rule: str = "",
) -> int:
    one = replace(
        message(minute, *parts),
        burst_key=nameless,
        burst_subject_key=subject,
        kind=Kind.BULK if rule else Kind.INDIVIDUAL,
        rule=rule or "default",
    )
    with database.writing() as connection:
        write_recorded(connection, 1, [one], ended(one, state))
    return one.id
