"""Ids that no two processes make alike."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Never

import pytest
from sqlalchemy import select, update

from gateway.core.ids import OTHERS, moment_of
from gateway.runtime.process_ids import RENEWALS, TERM, NumberLost, ProcessIds, ids_of
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.process_numbers import NoNumberFree
from gateway.store.schema.host import leases

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RENEW_AFTER = TERM / RENEWALS

#: Makes ids whenever it is told to by a line, and prints them; ends in order with its input.
MAKER = """
import sys
from datetime import UTC, datetime, timedelta
from gateway.runtime import process_ids
from gateway.runtime.process_ids import ids_of
from gateway.store.engine.database import Database

process_ids.TERM = timedelta(seconds=float(sys.argv[2]))
database = Database(sys.argv[1])
ids = ids_of(database, lambda: datetime.now(UTC))
print("here", flush=True)
for line in sys.stdin:
    print(*(ids.next() for _ in range(int(line))), flush=True)
database.close()
"""


class Clock:
    """A clock that is set."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def number_of(made: int) -> int:
    """Return whose id it is."""
    return made >> 12 & 0x3FF


def held(database: Database) -> list[str]:
    """Return the leases that somebody has."""
    with database.reading() as connection:
        return list(connection.scalars(select(leases.c.name).order_by(leases.c.name)))


def test_who_makes_no_id_takes_no_number(database: Database) -> None:
    ids = ProcessIds(database, Clock())
    nothing = held(database)
    first, second = ids.next(), ids.next()

    assert ([], ["ids 512"]) == (nothing, held(database))
    assert (512, 512) == (number_of(first), number_of(second))
    assert first < second


def test_all_who_make_ids_of_a_process_share_a_number_for_a_store(database: Database) -> None:
    clock = Clock()
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: ids_of(database, clock).next(), range(200)))

    assert (200, {512}) == (len(set(made)), {number_of(number) for number in made})


def test_the_number_is_there_before_a_transaction_that_needs_it(database: Database) -> None:
    ids = ProcessIds(database, Clock())
    with database.writing() as connection:
        made = ids.next()
        named = connection.scalars(select(leases.c.name)).all()

    assert (512, ["ids 512"]) == (number_of(made), named)


def test_no_number_is_taken_inside_a_transaction(database: Database) -> None:
    """A rollback would take it back, and the process go on to use it."""
    with database.writing(), pytest.raises(RuntimeError, match="inside a transaction"):
        ProcessIds(database, Clock()).next()


def test_a_number_is_kept_as_long_as_its_process_works(database: Database) -> None:
    clock = Clock()
    ids, other = ProcessIds(database, clock), ProcessIds(database, clock)
    made = [ids.next()]
    for _ in range(30):
        clock.now += RENEW_AFTER
        with database.writing():
            made.append(ids.next())

    assert {512} == {number_of(number) for number in made}
    assert 513 == number_of(other.next())


def test_a_process_that_slept_over_the_end_of_its_lease_takes_another_number(
    database: Database,
) -> None:
    slept, other = Clock(), Clock()
    sleeper, second = ProcessIds(database, slept), ProcessIds(database, other)
    first = sleeper.next()
    other.now += TERM
    taken_over = second.next()
    slept.now = other.now
    later = sleeper.next()

    assert [512, 512, 513] == [number_of(made) for made in (first, taken_over, later)]
    assert moment_of(first) < NOW + TERM <= moment_of(taken_over)


def test_a_process_whose_clock_is_behind_makes_no_ids_of_its_successors_time(
    database: Database,
) -> None:
    """Whatever clocks say, ids of a number lie on one side of the lease's end or the other."""
    behind, ahead = Clock(NOW - timedelta(minutes=30)), Clock(NOW + timedelta(minutes=45))
    ids, second = ProcessIds(database, behind), ProcessIds(database, ahead)
    first = ids.next()
    taken_over = second.next()
    behind.now += RENEW_AFTER - SECOND
    late = ids.next()
    behind.now += SECOND
    with database.writing():
        renewed = ids.next()

    assert [512, 512, 512, 513] == [number_of(made) for made in (first, taken_over, late, renewed)]
    assert moment_of(late) < behind.now - RENEW_AFTER + TERM <= moment_of(taken_over)


def test_work_that_outlasts_the_lease_is_undone(database: Database) -> None:
    clock = Clock()
    ids = ProcessIds(database, clock)
    ids.next()

    def outlast() -> None:
        with database.writing() as connection:
            connection.execute(update(leases).values(holder="undone"))
            clock.now += TERM
            ids.next()

    with pytest.raises(NumberLost):
        outlast()
    with database.reading() as connection:
        assert "undone" not in connection.scalars(select(leases.c.holder)).all()
    assert number_of(ids.next()) in OTHERS


def test_without_a_store_no_id_is_made(tmp_path: object) -> None:
    ids = ProcessIds(Database(f"sqlite:///{tmp_path}/none.db"), Clock())

    with pytest.raises(StoreUnavailable):
        ids.next()


def test_a_store_that_is_away_stops_nobody_who_has_a_number(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    ids = ProcessIds(database, clock)
    ids.next()

    def away(**_: object) -> Never:
        raise StoreUnavailable("away")

    monkeypatch.setattr(database, "writing_without_ids", away)
    clock.now += TERM - SECOND
    assert 512 == number_of(ids.next())
    clock.now += SECOND
    with pytest.raises(StoreUnavailable):
        ids.next()


class MakerProcess:
    """A process that makes ids."""

    def __init__(self, url: str, term: float = 3600.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAKER, url, str(term)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._line()

    @classmethod
    @contextmanager
    def of(cls, url: str, term: float = 3600.0) -> Iterator["MakerProcess"]:
        """Lend one; its lease lasts so many seconds."""
        maker = cls(url, term)
        try:
            yield maker
        finally:
            maker.process.kill()
            maker.process.wait()
            for pipe in (maker.process.stdin, maker.process.stdout):
                assert pipe is not None
                pipe.close()

    def start(self, count: int) -> None:
        """Have it make some ids."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()

    def made(self) -> list[int]:
        """Return what it made."""
        return [int(word) for word in self._line().split()]

    def make(self, count: int) -> list[int]:
        """Have it make some and return them."""
        self.start(count)
        return self.made()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process has ended"
        return line

    def end(self) -> None:
        """End it in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0


@pytest.fixture
def makers(store_url: str, database: Database) -> Iterator[list[MakerProcess]]:
    """Three processes on one store that have made nothing yet."""
    del database  # has the schema made
    with ExitStack() as stack:
        yield [stack.enter_context(MakerProcess.of(store_url)) for _ in range(3)]


def test_processes_that_start_at_once_share_no_number(makers: list[MakerProcess]) -> None:
    for maker in makers:
        maker.start(2000)
    made = [maker.made() for maker in makers]

    numbers = [{number_of(number) for number in some} for some in made]
    assert [1, 1, 1] == [len(some) for some in numbers]
    assert 3 == len(set.union(*numbers))
    assert 6000 == len(set.union(*map(set, made)))


def test_the_number_of_a_killed_process_is_taken_over_and_that_of_one_that_hangs_is_not(
    makers: list[MakerProcess], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, hangs, ends = makers
    numbers = [number_of(maker.make(1)[0]) for maker in makers]
    killed.process.kill()
    killed.process.wait()
    hangs.process.send_signal(signal.SIGSTOP)
    ends.end()
    monkeypatch.setattr("gateway.store.engine.process_numbers.OTHERS", numbers)

    first, second = (ProcessIds(database, lambda: datetime.now(UTC)) for _ in range(2))
    taken = number_of(first.next())
    # That of the one that ended is nobody's for a moment.
    with pytest.raises(NoNumberFree):
        second.next()
    hangs.process.send_signal(signal.SIGCONT)

    assert numbers[0] == taken
    assert [numbers[1]] == [number_of(made) for made in hangs.make(1)]


def test_a_process_that_hung_until_others_took_its_number_goes_on_with_another(
    store_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = datetime.now(UTC)
    with MakerProcess.of(store_url, term=1.0) as maker:
        (first,) = maker.make(1)
        maker.process.send_signal(signal.SIGSTOP)
        monkeypatch.setattr("gateway.store.engine.process_numbers.OTHERS", range(512, 513))
        others = ProcessIds(database, lambda: datetime.now(UTC))
        taken = wait_for_number(others)
        maker.process.send_signal(signal.SIGCONT)
        (later,) = maker.make(1)

    assert [512, 512, 513] == [number_of(made) for made in (first, taken, later)]
    assert started + timedelta(seconds=0.9) < moment_of(taken)


def wait_for_number(ids: ProcessIds) -> int:
    """Return the first id once there is a number for it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            return ids.next()
        except NoNumberFree:
            time.sleep(0.05)
    raise AssertionError("no number got free")
