"""The journal of a worker beside SQLite: its log first, the store a moment later."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from gateway.core.kinds import State
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.journal import logged_journal, worker_log, workers
from gateway.store.journal.logged_journal import LoggedJournal
from gateway.store.journal.worker_log import NotLogged, WorkerLog, left_in, path_for
from gateway.store.schema.journal import attempts, messages
from gateway.store.sending import outbox
from tests.store.journaling import (
    ANN,
    attempt,
    away,
    ended,
    going,
    message,
    notice,
    states,
    until,
)

WORKER = 3


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite store."""
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    yield database
    database.close()


@pytest.fixture
def path(database: Database) -> Path:
    """Where the worker logs."""
    return path_for(str(database.url.database), WORKER)


@pytest.fixture
def refused() -> list[str]:
    """What the store would not take."""
    return []


@pytest.fixture
async def journal(
    database: Database, path: Path, refused: list[str]
) -> AsyncIterator[LoggedJournal]:
    writer = LoggedJournal(
        database, WORKER, WorkerLog(path), committed=lambda *_: None, refused=refused.append
    )
    yield writer
    await writer.close()


async def is_behind(journal: LoggedJournal) -> bool:
    try:
        await journal.begin(message(50))
    except StoreUnavailable:
        return True
    return False


async def test_P1_a_message_is_in_the_log_when_its_future_is_done_even_if_the_store_fails(
    journal: LoggedJournal, database: Database, path: Path
) -> None:
    with away(database):
        await journal.begin(message(0))
        logged = left_in(path)

    assert [message(0).id] == [row[0] for batch in logged for row in batch["messages"]]


async def test_what_is_logged_is_in_the_store_a_moment_later(
    journal: LoggedJournal, database: Database, path: Path
) -> None:
    first = message(0, going(ANN))
    await journal.begin(first)
    journal.finish(first.id, ended(first))
    await until(lambda: states(database, first) == ["relayed by relay: 250 ok"])
    await until(lambda: left_in(path) == [])


async def test_who_waits_for_it_sees_every_outcome_that_was_told_before(
    journal: LoggedJournal, database: Database
) -> None:
    several = [message(minute) for minute in range(5)]
    for one in several:
        await journal.begin(one)
        journal.finish(one.id, ended(one))
    told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    journal.finish(0, (), visible=told)
    await told

    assert [["relayed by relay: 250 ok"]] * 5 == [states(database, one) for one in several]


async def test_K1_what_a_killed_worker_had_logged_is_taken_in_when_it_is_gone(
    database: Database, path: Path
) -> None:
    log = WorkerLog(path)
    writer = LoggedJournal(database, WORKER, log, committed=lambda *_: None, refused=lambda _: None)
    first, second = message(0), message(1)
    with away(database):
        await writer.begin(first, drafts=(notice(first),), attempts=[attempt(first)])
        writer.finish(first.id, ended(first), notices_go=True)
        await until(lambda: any("outcomes" in batch for batch in left_in(path)))
        kept = [part.read_bytes() for part in sorted(path.parent.glob("*-journal-*"))]
    await writer.close()
    for part, octets in zip(sorted(path.parent.glob("*-journal-*")), kept, strict=True):
        part.write_bytes(octets)
    with database.writing() as connection:
        workers.settle(connection, WORKER)
        entries = outbox.list_outbox(connection)
        marks = connection.scalar(select(func.count()).select_from(attempts))

    assert ["relayed by relay: 250 ok"] == states(database, first)
    assert [] == states(database, second)
    assert (1, 1) == (len(entries), marks)
    assert entries[0].next_at is not None


async def test_P10_new_messages_are_refused_while_the_store_is_behind_and_taken_again_after(
    journal: LoggedJournal, database: Database
) -> None:
    first = message(0)
    with away(database):
        await journal.begin(first)
        async with asyncio.timeout(5):
            while not await is_behind(journal):
                await asyncio.sleep(0)
        journal.finish(first.id, ended(first))
    await until(lambda: states(database, first) == ["relayed by relay: 250 ok"])
    await journal.begin(message(1))
    await until(lambda: states(database, message(1)) == ["sending by relay: "])


async def test_K3_a_log_that_cant_be_written_refuses_and_keeps_nothing(
    journal: LoggedJournal, database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            await journal.begin(message(0))
    await journal.begin(message(1))
    await until(lambda: states(database, message(1)) == ["sending by relay: "])

    assert [] == states(database, message(0))


async def test_a_row_the_store_refuses_takes_no_other_with_it(
    journal: LoggedJournal, database: Database, refused: list[str]
) -> None:
    good, bad = message(0), message(1)
    taken = notice(good)
    await journal.begin(good, drafts=(taken,))
    await until(lambda: states(database, good) == ["sending by relay: "])
    clash = notice(bad)
    object.__setattr__(clash, "id", taken.id)
    await journal.begin(bad, drafts=(clash,))
    await journal.begin(message(2))
    await until(lambda: states(database, message(2)) == ["sending by relay: "])

    assert 1 == len(refused)
    assert [] == states(database, bad)


async def test_what_json_cant_hold_fails_alone(journal: LoggedJournal, database: Database) -> None:
    first, second = message(0), message(1)
    for one in (first, second):
        await journal.begin(one)
    journal.finish(first.id, ended(first, reply="half a pair: \ud800"))
    journal.finish(second.id, ended(second))
    await until(lambda: states(database, second) == ["relayed by relay: 250 ok"])

    assert ["sending by relay: "] == states(database, first)


async def test_a_later_outcome_counts_more(journal: LoggedJournal, database: Database) -> None:
    first = message(0)
    await journal.begin(first)
    journal.finish(first.id, ended(first, State.UNKNOWN, "no verdict"))
    journal.finish(first.id, ended(first, State.RELAYED, "250 late"))
    await until(lambda: states(database, first) == ["relayed by relay: 250 late"])


def test_half_a_line_in_the_log_counts_for_nothing(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path / "log")
    log.append({"messages": [[1]]}, durable=True)
    log.switch()
    log.append({"messages": [[2]]}, durable=True)
    log.close()
    part = tmp_path / "log.b"
    part.write_bytes(part.read_bytes() + b'{"n":3,"messages":[[3')

    assert [[[1]], [[2]]] == [batch["messages"] for batch in left_in(tmp_path / "log")]


def test_a_log_begins_empty_and_forgets_what_the_store_has(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path / "log")
    log.append({"messages": [[1]]}, durable=True)
    log.switch()
    log.append({"messages": [[2]]}, durable=True)
    log.forget()
    kept = left_in(tmp_path / "log")
    log.close()
    WorkerLog(tmp_path / "log").close()

    assert [[[2]]] == [batch["messages"] for batch in kept]
    assert [] == left_in(tmp_path / "log")


def test_what_earlier_turns_left_in_a_file_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_log, "_WORTH_KEEPING", range(1000))
    log = WorkerLog(tmp_path / "log")
    for number in range(3):
        log.append({"messages": [[number]]}, durable=True)
    log.switch()
    log.forget()
    log.switch()
    empty = left_in(tmp_path / "log")
    log.append({"messages": [[8]]}, durable=True)  # As long as the first: the others stand whole.
    log.close()

    assert b'"messages":[[2]]' in (tmp_path / "log.a").read_bytes()
    assert [] == empty
    assert [[[8]]] == [batch["messages"] for batch in left_in(tmp_path / "log")]


def test_a_line_half_old_and_half_new_counts_for_nothing(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path / "log")
    log.append({"messages": [[1, "old"]]}, durable=True)
    log.close()
    part = tmp_path / "log.a"
    octets = part.read_bytes()
    part.write_bytes(octets.replace(b"[1,", b"[2,"))

    assert [] == left_in(tmp_path / "log")


@pytest.mark.parametrize("length", [1, 17_000_000])
def test_a_log_gives_room_back_that_it_does_not_need(tmp_path: Path, length: int) -> None:
    log = WorkerLog(tmp_path / "log")
    log.append({"messages": [["x" * length]]}, durable=True)
    log.switch()
    log.forget()
    log.close()

    assert 0 == (tmp_path / "log.a").stat().st_size


@pytest.mark.parametrize(("seconds", "waits_in_loop"), [(0.003, False), (0.0, True)])
async def test_a_slow_disk_is_waited_for_on_a_thread_whatever_outcomes_come_between(
    journal: LoggedJournal, monkeypatch: pytest.MonkeyPatch, seconds: float, waits_in_loop: bool
) -> None:
    threads: list[int] = []
    clock = SimpleNamespace(now=0.0)  # That of a busy machine would tell of slow disks.

    def sync(_: int) -> None:
        threads.append(threading.get_ident())
        clock.now += seconds

    monkeypatch.setattr(logged_journal, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(os, "fdatasync", sync)
    for minute in range(20):
        await journal.begin(message(minute))
        journal.finish(message(minute).id, ended(message(minute)))

    assert waits_in_loop is (threading.get_ident() == threads[-1])


def test_a_log_on_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = WorkerLog(tmp_path / "log")
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda *_: 3)
        with pytest.raises(NotLogged, match="No space left"):
            log.append({"messages": [[1]]}, durable=True)
    log.append({"messages": [[2]]}, durable=True)
    log.close()

    assert [[[2]]] == [batch["messages"] for batch in left_in(tmp_path / "log")]


def test_messages_of_a_store_are_counted_once_however_often_a_log_is_read(
    database: Database, path: Path
) -> None:
    log = WorkerLog(path)
    log.append({"messages": [_row(1)], "deliveries": []}, durable=True)
    log.close()
    for _ in range(2):
        with database.writing() as connection:
            workers.settle(connection, WORKER)
    with database.reading() as connection:
        count = connection.scalar(select(func.count()).select_from(messages))

    assert 1 == count


def _row(number: int) -> list[object]:
    texts = ["crm", None, "127.0.0.1", "a@b", "s", "<m>", "bulk", "default", "relay"]
    return [number, WORKER, *texts, 1, None, None]
