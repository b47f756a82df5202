"""The worker for every durable queue: it claims due rows and handles a few at a time."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from gateway.runtime.periodic import pause
from gateway.store.engine.database import StoreUnavailable

QueueRow = TypeVar("QueueRow")


class QueueWorker(Generic[QueueRow]):
    """Processes one queue until `stopping` is set, then finishes the rows in progress.

    It claims rows only when it has capacity and nothing claimed, so that rows wait in the queue,
    where any process can take them. After a failure, or when it must stop, it starts nothing more,
    finishes what is in progress (a mail being sent isn't cut off because another's row could not be
    written), and gives back what it has claimed but not started.
    """

    def __init__(
        self,
        claim: Callable[[int], Awaitable[Sequence[QueueRow]]],
        work: Callable[[QueueRow], Awaitable[object]],
        *,
        give_back: Callable[[Sequence[QueueRow]], Awaitable[object]] | None = None,
        at_once: Callable[[], int],
        stopping: asyncio.Event,
        put_off: Callable[[Exception], None],
        poll: timedelta = timedelta(seconds=1),
        away: timedelta = timedelta(seconds=2),
    ) -> None:
        """`claim` gets how many rows can be started now, and returns rows for this process.

        `at_once` returns, each time it is called, how many may be in progress at once. `work`
        handles a row and settles it. `give_back` is needed if `claim` may return more rows than can
        be started. `put_off` gets exceptions from either of them: it logs temporary failures, and
        raises those that must end the process. The queue is polled every `poll`, and after a
        failure once `away` has passed.
        """
        self._claim = claim
        self._work = work
        self._give_back = give_back
        self._at_once = at_once
        self._stopping = stopping
        self._put_off = put_off
        self._poll = poll
        self._away = away
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look for work now: something was added."""
        self._news.set()

    async def run(self) -> None:
        """Work for as long as the process lives."""
        await self._work_off(self._put_off, until_idle=False)

    async def work_off(self) -> int:
        """Work until nothing is due; return how many rows were handled, or raise the failure."""

        def give_up(error: Exception) -> None:
            raise error

        return await self._work_off(give_up, until_idle=True)

    async def _work_off(self, failed: Callable[[Exception], None], *, until_idle: bool) -> int:
        claimed: deque[QueueRow] = deque()
        failures: list[Exception] = []
        fatal: Exception | None = None
        busy = count = 0

        async def do(row: QueueRow) -> None:
            nonlocal busy
            try:
                await self._work(row)
            except Exception as error:
                failures.append(error)
            busy -= 1
            self.wake()

        async def notice_stop() -> None:
            await self._stopping.wait()
            self.wake()

        async with asyncio.TaskGroup() as tasks:
            noticing = tasks.create_task(notice_stop())
            while not self._stopping.is_set():
                self._news.clear()
                is_idle = False
                if not (claimed or failures) and busy < self._at_once():
                    try:
                        claimed.extend(await self._claim(self._at_once() - busy))
                    except Exception as error:
                        failures.append(error)
                    count += len(claimed)
                    is_idle = not claimed
                if failures:
                    await self._give_all_back(claimed)
                    reported = tuple(failures)
                    failures.clear()
                    try:
                        for failure in reported:
                            failed(failure)
                    except Exception as error:
                        fatal = error
                        break
                    await pause(self._stopping, self._away)
                    continue
                if is_idle and until_idle and not busy:
                    break
                while claimed and busy < self._at_once() and not self._stopping.is_set():
                    busy += 1
                    tasks.create_task(do(claimed.popleft()))
                if is_idle or busy >= self._at_once():
                    await self._pause(self._poll if is_idle else None)
            noticing.cancel()
            await self._give_all_back(claimed)
        if fatal is not None:
            raise fatal
        for failure in failures:  # of rows in progress
            failed(failure)
        return count

    async def _give_all_back(self, claimed: deque[QueueRow]) -> None:
        rows = tuple(claimed)
        claimed.clear()
        if rows and self._give_back is not None:
            # If the store is away, their lease expires.
            with contextlib.suppress(StoreUnavailable):
                await self._give_back(rows)

    async def _pause(self, longest: timedelta | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if longest is None else longest.total_seconds()):
                await self._news.wait()
