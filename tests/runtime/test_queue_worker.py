"""The worker that every queue has: what it begins, finishes and gives back."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from gateway.runtime.queue_worker import QueueWorker
from gateway.store.engine.database import StoreUnavailable

SOON = timedelta(seconds=0.01)


class WorkQueue:
    """Rows in memory; says what became of each."""

    def __init__(self, *rows: str, ahead: int = 0) -> None:
        self.due = list(rows)
        self.ahead = ahead  #: So many more are claimed than can begin.
        self.begun: list[str] = []
        self.done: list[str] = []
        self.given_back: list[str] = []
        self.put_off_by: list[str] = []
        self.rooms: list[int] = []
        self.failures: dict[str, Exception] = {}
        self.go = asyncio.Event()  #: Lets those end whose name begins with `slow`.
        self.stopping = asyncio.Event()

    async def claim(self, room: int) -> Sequence[str]:
        self.rooms.append(room)
        if failure := self.failures.pop("claim", None):
            raise failure
        rows, self.due = self.due[: room + self.ahead], self.due[room + self.ahead :]
        return rows

    async def work(self, row: str) -> None:
        self.begun.append(row)
        await asyncio.sleep(0)
        if row.startswith("slow"):
            await self.go.wait()
        if failure := self.failures.pop(row, None):
            raise failure
        self.done.append(row)
        if row == "last":
            self.stopping.set()

    async def give_back(self, rows: Sequence[str]) -> None:
        self.given_back += rows
        self.due = [*rows, *self.due]

    def put_off(self, error: Exception) -> None:
        if not isinstance(error, StoreUnavailable):
            raise error
        self.put_off_by.append(str(error))
        self.go.set()

    def worker(self, at_once: int, poll: timedelta = SOON) -> QueueWorker[str]:
        return QueueWorker(
            self.claim,
            self.work,
            give_back=self.give_back,
            at_once=lambda: at_once,
            stopping=self.stopping,
            put_off=self.put_off,
            poll=poll,
            away=SOON,
        )


@pytest.mark.parametrize(("at_once", "ahead"), [(1, 0), (1, 3), (2, 0), (4, 9)])
async def test_everything_due_is_done_once(at_once: int, ahead: int) -> None:
    queue = WorkQueue(*"abcdef", ahead=ahead)

    assert 6 == await queue.worker(at_once).work_off()
    assert [*"abcdef"] == sorted(queue.done)
    assert [] == queue.given_back


async def test_one_that_takes_long_keeps_no_other_waiting() -> None:
    queue = WorkQueue("slow", *"abc", "last")
    worker = asyncio.create_task(queue.worker(2).run())
    async with asyncio.timeout(5):
        await queue.stopping.wait()
    is_over = worker.done()
    queue.go.set()
    await worker

    assert not is_over, "it finishes what it has in hand"
    assert [*"abc", "last", "slow"] == queue.done


async def test_no_more_is_claimed_than_can_begin() -> None:
    queue = WorkQueue("slow1", "slow2", "c")
    worker = asyncio.create_task(queue.worker(2, poll=timedelta(minutes=1)).run())
    async with asyncio.timeout(5):
        while len(queue.begun) < 2:
            await asyncio.sleep(0)
    for _ in range(10):  # Turns of the event loop in which it could claim more.
        await asyncio.sleep(0)
    rooms, left = list(queue.rooms), list(queue.due)
    queue.stopping.set()
    queue.go.set()
    await worker

    assert ([2], ["c"]) == (rooms, left)


async def test_what_is_not_begun_is_given_back_when_it_stops() -> None:
    queue = WorkQueue("last", "b", "c", ahead=2)

    await queue.worker(1).run()

    assert (["last"], ["b", "c"]) == (queue.done, queue.given_back)


@pytest.mark.parametrize("where", ["claim", "a"])
async def test_while_the_store_is_away_it_tries_again_later(where: str) -> None:
    queue = WorkQueue("a", "b", "last", ahead=5)
    queue.failures[where] = StoreUnavailable("away")

    await queue.worker(1).run()

    assert ["away"] == queue.put_off_by
    assert (["b", "last"] if where == "a" else ["a", "b", "last"]) == queue.done
    assert (["b", "last"] if where == "a" else []) == queue.given_back


async def test_what_is_in_hand_is_finished_where_another_fails() -> None:
    """A mail under way is not broken off: nobody could say whether it arrived."""
    queue = WorkQueue("slow", "a", "b", ahead=1)
    queue.failures["a"] = StoreUnavailable("away")
    ending = asyncio.create_task(queue.worker(2).work_off())
    while not queue.given_back:
        await asyncio.sleep(0)
    queue.go.set()

    with pytest.raises(StoreUnavailable):
        await ending
    assert (["slow"], ["b"]) == (queue.done, queue.given_back)


async def test_a_fault_ends_it_with_what_is_in_hand_finished() -> None:
    queue = WorkQueue("slow", "a", "b", ahead=1)
    queue.failures["a"] = ZeroDivisionError()
    ending = asyncio.create_task(queue.worker(2).run())
    while not queue.given_back:
        await asyncio.sleep(0)
    queue.go.set()

    with pytest.raises(ZeroDivisionError):
        await ending
    assert (["slow"], ["b"]) == (queue.done, queue.given_back)


async def test_it_looks_at_once_when_it_is_told_of_news() -> None:
    queue = WorkQueue()
    worker = queue.worker(1, poll=timedelta(minutes=5))
    running = asyncio.create_task(worker.run())
    while not queue.rooms:
        await asyncio.sleep(0)
    queue.due.append("last")
    worker.wake()

    async with asyncio.timeout(5):
        await running
    assert ["last"] == queue.done
