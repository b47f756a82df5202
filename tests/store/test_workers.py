"""The processes that write the journal, and what dead ones left behind."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.core.journal.message import Message
from gateway.core.kinds import State
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.database import Database
from gateway.store.engine.leases import IsGone
from gateway.store.engine.process_numbers import NoNumberFree
from gateway.store.journal import journal, message_lookup, workers
from gateway.store.journal import messages as reading
from gateway.store.journal.workers import GRACE
from gateway.store.schema.journal import workers as table
from gateway.store.sending import outbox
from tests.store.feeding import NOW
from tests.store.journaling import (
    ANN,
    BEN,
    EVE,
    ended,
    going,
    marks,
    message,
    notice,
    refused,
    states,
    suppressed,
)

LEFT = "unknown by gateway: the gateway was stopped before the relay's answer was recorded"
HERE, THERE = "here", "there"


class Host:
    """Which processes of this machine run."""

    def __init__(self, *pids: str) -> None:
        self.pids = {*pids}

    def is_gone(self, node: str) -> IsGone:
        """Return what a process of a node knows of others."""

        def is_gone(holder: str, /, *, is_silent: bool = False) -> bool:
            place, pid = holder.split()
            return pid not in self.pids if place == node else is_silent

        return is_gone


def register(
    database: Database, pid: str, host: Host, *, node: str = HERE, seconds: int = 0
) -> int:
    now = NOW + timedelta(seconds=seconds)
    with database.writing() as connection:
        return workers.register(
            connection, holder=f"{node} {pid}", now=now, is_gone=host.is_gone(node)
        )


def beat(
    database: Database,
    number: int,
    pid: str,
    host: Host,
    *,
    node: str = HERE,
    seconds: int = 0,
    steady: int | None = None,
) -> bool:
    """Beat after some seconds; `steady` says for how many no beat was missed."""
    now = NOW + timedelta(seconds=seconds)
    since = None if steady is None else now - timedelta(seconds=steady)
    with database.writing() as connection:
        return workers.beat(
            connection,
            number,
            holder=f"{node} {pid}",
            now=now,
            is_gone=host.is_gone(node),
            steady_since=since,
        )


def numbers(database: Database) -> list[int]:
    with database.reading() as connection:
        return list(connection.scalars(select(table.c.number).order_by(table.c.number)))


def begin(database: Database, number: int, one: Message, *drafts: OutboxDraft) -> None:
    """Leave a message as a process does that is killed before the verdict."""
    with database.writing() as connection:
        journal.write_recorded(connection, number, [one], ())
        for draft in drafts:
            outbox.put(connection, draft)


def test_processes_that_live_have_numbers_of_their_own(database: Database) -> None:
    host = Host("10", "11", "12")

    assert [0, 1, 2] == [register(database, pid, host) for pid in ("10", "11", "12")]


def test_a_number_given_back_is_given_again(database: Database) -> None:
    host = Host("10", "11", "12")
    first, second = register(database, "10", host), register(database, "11", host)
    with database.writing() as connection:
        workers.retire(connection, first, holder=f"{HERE} 10")
    third = register(database, "12", host)

    assert (first, [first, second]) == (third, numbers(database))


def test_there_are_only_so_many_numbers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "NUMBERED", range(2))
    host = Host("10", "11", "12")
    for pid in ("10", "11"):
        register(database, pid, host)
    with pytest.raises(NoNumberFree):
        register(database, "12", host)


# What dead processes left


@pytest.mark.parametrize("successor", ["a new process", "a new process with the old id"])
def test_K1_the_next_process_settles_at_once_what_a_killed_one_left(
    database: Database, successor: str
) -> None:
    number = register(database, "10", Host("10"))
    begin(database, number, message())
    pid = "10" if successor.endswith("old id") else "11"
    register(database, pid, Host(pid))

    assert [LEFT] == states(database, message())


def test_K1_a_neighbour_settles_it_with_its_next_beat(database: Database) -> None:
    host = Host("10", "11")
    first, second = register(database, "10", host), register(database, "11", host)
    begin(database, first, message())
    host.pids.discard("10")
    assert beat(database, second, "11", host, seconds=1)

    assert ([LEFT], [second]) == (states(database, message()), numbers(database))


def test_the_living_are_left_alone_however_long_the_store_was_away(database: Database) -> None:
    host = Host("10", "11")
    first, second = register(database, "10", host), register(database, "11", host)
    begin(database, first, message())
    assert beat(database, second, "11", host, seconds=3600)

    assert ["sending by relay: "] == states(database, message())


@pytest.mark.parametrize(
    ("seconds", "steady", "is_settled"),
    [
        (61, 60, True),
        (59, 59, False),  # its term isn't over
        (3600, 59, False),  # the store was away: nobody could beat for so long
    ],
)
def test_what_a_process_that_hangs_has_under_way_is_settled_and_its_number_stays_its_own(
    database: Database, seconds: int, steady: int, is_settled: bool
) -> None:
    host = Host("10", "11")
    hung, second = register(database, "10", host), register(database, "11", host)
    begin(database, hung, message())
    assert beat(database, second, "11", host, seconds=seconds, steady=steady)

    expected = LEFT if is_settled else "sending by relay: "
    assert [expected] == states(database, message())
    assert [hung, second] == numbers(database)
    assert beat(database, hung, "10", host, seconds=seconds + 1)


def test_a_process_of_another_machine_is_dead_when_it_is_silent(database: Database) -> None:
    far = register(database, "10", Host("10"), node=THERE)
    near = register(database, "10", Host("10"))
    begin(database, far, message())
    patience = int(GRACE.total_seconds())
    seen = []
    for seconds in (patience - 1, patience + 1):
        beat(database, near, "10", Host("10"), seconds=seconds)
        seen.append(states(database, message()))

    assert [["sending by relay: "], [LEFT]] == seen


def test_a_beat_keeps_a_process_of_another_machine_alive(database: Database) -> None:
    far = register(database, "10", Host("10"), node=THERE)
    near = register(database, "10", Host("10"))
    begin(database, far, message())
    beat(database, far, "10", Host("10"), node=THERE, seconds=50)
    beat(database, near, "10", Host("10"), seconds=70)

    assert ["sending by relay: "] == states(database, message())


def test_only_what_was_being_sent_is_settled(database: Database) -> None:
    mixed = message(0, going(ANN), suppressed(BEN), refused(EVE))
    number = register(database, "10", Host("10"))
    begin(database, number, mixed)
    with database.writing() as connection:
        workers.retire(connection, number, holder=f"{HERE} 10")

    assert [LEFT, "send_failed by gateway: ", "rejected by relay: 550 5.1.1 nobody"] == (
        states(database, mixed)
    )


@pytest.mark.parametrize("is_due", [False, True])
def test_P13_a_notice_that_waited_for_a_verdict_that_never_comes_is_not_sent(
    database: Database, is_due: bool
) -> None:
    one = message()
    owed = notice(one, due=NOW if is_due else None)
    number = register(database, "10", Host("10"))
    begin(database, number, one, owed)
    register(database, "11", Host("11"))
    with database.reading() as connection:
        queued = outbox.list_outbox(connection)

    assert ([LEFT], int(is_due)) == (states(database, one), len(queued))


@pytest.mark.parametrize("reject_at", ["content", "rcpt"])
async def test_K1_a_retry_of_what_was_left_is_known_as_one(
    database: Database, reject_at: str
) -> None:
    left = message(0, going(ANN), suppressed(BEN), refused(EVE))
    retry = message(0, going(ANN), *([suppressed(BEN)] if reject_at == "content" else []))
    number = register(database, "10", Host("10"))
    begin(database, number, left)
    register(database, "11", Host("11"))
    asked = message_lookup.MessageLookup(database)
    view = await asked.look_up(marks(retry), 0, NOW)
    asked.close()

    assert [(left.id, "open")] == [(one.message, one.state) for one in view.earlier]


# A process that could not be registered


def test_who_could_not_be_registered_is_by_its_first_beat(database: Database) -> None:
    assert beat(database, 700, "10", Host("10"))

    assert [700] == numbers(database)


def test_who_was_taken_for_dead_is_registered_anew(database: Database) -> None:
    far = register(database, "10", Host("10"), node=THERE)
    near = register(database, "10", Host("10"))
    beat(database, near, "10", Host("10"), seconds=3600)
    assert beat(database, far, "10", Host("10"), node=THERE, seconds=3601)

    assert [far, near] == numbers(database)


def test_nobody_goes_on_with_a_number_that_is_another_s(database: Database) -> None:
    host = Host("10", "11")
    number = register(database, "10", host)

    assert not beat(database, number, "11", host)
    assert beat(database, number, "10", host)


def test_nobody_retires_with_a_number_that_is_another_s(database: Database) -> None:
    host = Host("10", "11")
    number = register(database, "10", host)
    begin(database, number, message())
    with database.writing() as connection:
        workers.retire(connection, number, holder=f"{HERE} 11")

    assert ([number], ["sending by relay: "]) == (numbers(database), states(database, message()))


# What was recorded while the store was away


def test_what_was_recorded_elsewhere_is_taken_in_once_and_what_a_dead_process_left_settled(
    database: Database,
) -> None:
    told, waiting, left = (message(minute) for minute in range(3))
    number = register(database, "10", Host("10"))
    for _ in range(2):
        with database.writing() as connection:
            workers.take_in(connection, number, [told, waiting, left], ended(told), left={left.id})

    assert (["relayed by relay: 250 ok"], ["sending by relay: "], [LEFT]) == (
        states(database, told),
        states(database, waiting),
        states(database, left),
    )


def test_two_messages_recorded_under_one_id_are_both_kept_each_with_its_outcome(
    database: Database,
) -> None:
    first = message(0)
    second = replace(first, message_id="<another@office.example>", deliveries=(going(BEN),))
    for _ in range(2):
        for recorded, outcomes in (
            (first, ended(first)),
            (second, ended(second, State.REJECTED, "550 no such user")),
        ):
            with database.writing() as connection:
                workers.take_in(connection, 5, [recorded], outcomes, left=set())

    assert (["relayed by relay: 250 ok"], ["rejected by relay: 550 no such user"]) == (
        states(database, first),
        states(database, replace(second, id=first.id + 1)),
    )


def test_settling_tells_how_many_messages_that_were(database: Database) -> None:
    for minute in range(2):
        begin(database, 5, message(minute))
    with database.writing() as connection:
        counts = [workers.settle(connection, number) for number in (5, 5, 6)]

    with database.reading() as connection:
        found = reading.list_messages(connection, state=State.UNKNOWN)

    assert ([2, 0, 0], 2) == (counts, len(found))
