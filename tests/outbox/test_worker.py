"""The worker of the outbox, on both stores."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import Connection

from gateway.core import ids
from gateway.core.sending.outbox import Deferred, OutboxState, Refused, Unknown
from gateway.outbox.worker import OutboxLimits
from gateway.runtime import processes
from gateway.store.engine.database import Database
from gateway.store.journal import held_reports
from gateway.store.sending import outbox
from tests.outbox.outbox_rig import (
    ID,
    NOW,
    SOON,
    Relay,
    Shaky,
    put,
    rows,
    running,
    shaky_store,
    states,
)
from tests.store.test_held_reports import draft


@pytest.fixture
def database(store_url: str) -> Iterator[Shaky]:
    """An empty store of each kind."""
    with shaky_store(store_url) as database:
        yield database


async def test_what_is_due_is_sent_and_counted(database: Database) -> None:
    numbers = await put(database, 3)
    relay = Relay()

    async with running(database, relay) as work:
        await work.counts.reach(3)

    assert numbers == sorted(relay.taken)
    assert [("dsn", OutboxState.SENT)] * 3 == work.counts.seen
    assert [OutboxState.SENT] * 3 == await states(database)


async def test_a_report_that_cannot_be_written_keeps_no_other_from_leaving(
    database: Database,
) -> None:
    def hold(connection: Connection) -> None:
        for number in (1, 2):
            held_reports.put(connection, draft(number))
        held_reports.assign(connection, NOW - timedelta(minutes=1))

    def fail(*_: object) -> bytes:
        raise ValueError("cannot be written")

    await database.write(hold)
    (number,) = await put(database, 1)
    relay = Relay()

    async with running(database, relay, compose=fail) as work:
        await work.counts.reach(1)

    assert [number] == relay.taken
    assert {OutboxState.SENT, OutboxState.FAILED} == set(await states(database))


async def test_each_result_leaves_its_state_and_one_line_in_the_log(database: Database) -> None:
    await put(database, 4)
    relay = Relay(
        {
            ID + 1: Refused("550 5.1.1 <bob@example.org> unknown"),
            ID + 2: Deferred("451 later"),
            ID + 3: Unknown("no answer after the dot"),
        }
    )

    with structlog.testing.capture_logs() as lines:
        async with running(database, relay) as work:
            await work.counts.reach(4)

    sent, refused, deferred, unknown = await rows(database)
    assert (OutboxState.SENT, "") == (sent.state, sent.error)
    assert (OutboxState.FAILED, "550 5.1.1 <bob@example.org> unknown") == (
        refused.state,
        refused.error,
    )
    assert (OutboxState.QUEUED, "451 later", NOW + timedelta(minutes=1)) == (
        deferred.state,
        deferred.error,
        deferred.next_at,
    )
    assert OutboxState.UNKNOWN is unknown.state
    told = {line["entry"]: (line["event"], line["log_level"], line["reason"]) for line in lines}
    assert told == {
        ids.show(ID): ("outbox_sent", "info", ""),
        ids.show(ID + 1): ("outbox_given_up", "error", "550 5.1.1 <…@example.org> unknown"),
        ids.show(ID + 2): ("outbox_put_off", "warning", "451 later"),
        ids.show(ID + 3): ("outbox_unknown", "error", "no answer after the dot"),
    }


async def test_what_was_put_off_is_tried_again_when_it_is_due(database: Database) -> None:
    await put(database, 1)
    relay = Relay({ID: Deferred("no connection")})

    async with running(database, relay) as work:
        await work.counts.reach(1)
        relay.answers.clear()
        work.now += timedelta(minutes=1)
        await work.counts.reach(2)

    assert [ID, ID] == relay.taken
    (row,) = await rows(database)
    assert (OutboxState.SENT, 2) == (row.state, row.attempts)


async def test_after_two_days_of_trying_it_is_given_up_loudly(database: Database) -> None:
    await put(database, 1)
    relay = Relay({ID: Deferred("no connection")})

    with structlog.testing.capture_logs() as lines:
        async with running(database, relay) as work:
            for attempt in range(1, 14):
                await work.counts.reach(attempt)
                work.now += timedelta(hours=7)

    (row,) = await rows(database)
    assert (OutboxState.FAILED, "given up: no connection") == (row.state, row.error)
    assert ("outbox_given_up", "error", 13) == (
        lines[-1]["event"],
        lines[-1]["log_level"],
        lines[-1]["attempts"],
    )


async def test_a_fault_in_one_row_does_not_stop_the_others(database: Database) -> None:
    await put(database, 3)
    relay = Relay({ID: ZeroDivisionError("bug")})

    with structlog.testing.capture_logs() as lines:
        async with running(database, relay) as work:
            await work.counts.reach(3)

    assert [OutboxState.UNKNOWN, OutboxState.SENT, OutboxState.SENT] == await states(database)
    assert "outbox_fault" in [line["event"] for line in lines]


async def test_an_attempt_that_never_ends_is_unknown(database: Database) -> None:
    await put(database, 1)
    relay = Relay()
    relay.open.clear()

    async with running(database, relay, limits=OutboxLimits(poll=SOON, attempt=SOON)) as work:
        await work.counts.reach(1)

    assert [OutboxState.UNKNOWN] == await states(database)


async def test_only_a_few_are_sent_at_once(database: Database) -> None:
    await put(database, 9)
    relay = Relay()
    relay.open.clear()

    async with running(database, relay, limits=OutboxLimits(poll=SOON, concurrency=3)) as work:
        await relay.has(3)
        held = await states(database)
        relay.open.set()
        await work.counts.reach(9)

    assert [OutboxState.SENDING] * 3 + [OutboxState.QUEUED] * 6 == held
    assert relay.most == 3


async def test_it_wakes_early_when_told(database: Database) -> None:
    relay = Relay()
    lazy = OutboxLimits(poll=timedelta(hours=1))

    async with running(database, relay, limits=lazy) as work:
        await put(database, 1)
        work.worker.wake()
        await work.counts.reach(1)

    assert [ID] == relay.taken


async def test_a_stop_finishes_what_is_in_hand_and_begins_nothing(database: Database) -> None:
    await put(database, 6)
    relay = Relay()
    relay.open.clear()

    async with running(database, relay, limits=OutboxLimits(poll=SOON, concurrency=2)) as work:
        await relay.has(2)
        work.stopping.set()
        relay.open.set()

    assert [OutboxState.SENT] * 2 + [OutboxState.QUEUED] * 4 == await states(database)


async def test_E5_what_a_vanished_worker_left_is_reported_unknown_and_not_sent(
    database: Database,
) -> None:
    await put(database, 1)
    lease = timedelta(minutes=5)
    await database.write(lambda connection: outbox.claim(connection, "gone", NOW, lease, 1))
    relay = Relay()

    with structlog.testing.capture_logs() as lines:
        async with running(database, relay) as work:
            work.now += lease
            await work.counts.reach(1)

    assert relay.taken == []
    assert [OutboxState.UNKNOWN] == await states(database)
    assert [("outbox_unknown", outbox.INTERRUPTED)] == [
        (line["event"], line["reason"]) for line in lines
    ]


async def test_E5_what_a_worker_left_whose_process_has_ended_is_told_at_once(
    database: Database,
) -> None:
    await put(database, 1)
    gone = processes.holder().replace(processes.own_name(), "4711.1.00000000")
    lease = timedelta(minutes=5)
    await database.write(lambda connection: outbox.claim(connection, gone, NOW, lease, 1))
    relay = Relay()

    async with running(database, relay) as work:
        await work.counts.reach(1)

    assert ([], [OutboxState.UNKNOWN]) == (relay.taken, await states(database))


async def test_K10_two_workers_on_one_store_send_nothing_twice(
    database: Database, store_url: str
) -> None:
    numbers = await put(database, 60)
    other = Database(store_url)
    relay = Relay()

    try:
        async with running(database, relay) as one, running(other, relay, holder="two") as two:
            await relay.has(60)
            await one.stop()
            await two.stop()
    finally:
        other.close()

    assert numbers == sorted(relay.taken)
    assert [OutboxState.SENT] * 60 == await states(database)
    assert 60 == len(one.counts.seen) + len(two.counts.seen)


async def test_P10_while_the_store_is_away_it_waits_and_then_goes_on(database: Shaky) -> None:
    await put(database, 1)
    relay = Relay()
    database.is_away = True

    async with running(database, relay) as work:
        await database.missed_at_least(2)
        taken_meanwhile = list(relay.taken)
        database.is_away = False
        await work.counts.reach(1)

    assert taken_meanwhile == []
    assert [OutboxState.SENT] == await states(database)


async def test_a_result_waits_for_a_store_that_is_away(database: Shaky) -> None:
    await put(database, 1)
    relay = Relay()
    relay.open.clear()

    async with running(database, relay) as work:
        await relay.has(1)
        database.is_away = True
        relay.open.set()
        await database.missed_at_least(3)
        database.is_away = False
        await work.counts.reach(1)

    assert [ID] == relay.taken
    assert [OutboxState.SENT] == await states(database)


@pytest.mark.parametrize("end", ["stop", "lease"])
async def test_a_result_that_cannot_be_kept_is_reported_and_the_row_not_sent_again(
    database: Shaky, end: str
) -> None:
    await put(database, 1)
    relay = Relay()
    relay.open.clear()

    with structlog.testing.capture_logs() as lines:
        async with running(database, relay) as work:
            await relay.has(1)
            database.is_away = True
            relay.open.set()
            await database.missed_at_least(3)
            if end == "stop":
                await work.stop()
            else:
                work.now += timedelta(minutes=5)
                await database.missed_at_least(3)
    database.is_away = False

    assert [OutboxState.SENDING] == await states(database)
    assert ("outbox_result_lost", "sent") in [(line["event"], line.get("state")) for line in lines]
    assert work.counts.seen == []
