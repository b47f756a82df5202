"""A worker of the outbox with a relay, a clock and a store that a test can meddle with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from gateway.core import ids
from gateway.core.sending.outbox import AttemptResult, OutboxDraft, OutboxRow, OutboxState, Sent
from gateway.outbox.worker import Deliver, OutboxLimits, OutboxWorker
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.journal.held_reports import Compose
from gateway.store.sending import outbox

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
ID = ids.first_id_at(NOW)
SOON = timedelta(milliseconds=20)
P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 20.0  #: Seconds until a test gives up waiting.


class Relay:
    """Takes rows, answers as told, and remembers whom it got them from."""

    def __init__(self, answers: Mapping[int, AttemptResult | Exception] | None = None) -> None:
        self.answers = dict(answers or {})
        self.taken: list[int] = []
        self.most = 0  #: Rows in hand at one time.
        self.open = asyncio.Event()
        self.open.set()
        self.news = asyncio.Condition()
        self._in_hand = 0

    async def __call__(self, row: OutboxRow) -> AttemptResult:
        self._in_hand += 1
        self.most = max(self.most, self._in_hand)
        self.taken.append(row.id)
        async with self.news:
            self.news.notify_all()
        try:
            await self.open.wait()
            answer = self.answers.get(row.id, Sent("250 ok"))
        finally:
            self._in_hand -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def has(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE), self.news:
            await self.news.wait_for(lambda: len(self.taken) >= count)


class Shaky(Database):
    """A store that can be away."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_away = False
        self.missed = asyncio.Semaphore(0)  #: Released each time it was asked in vain.

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check()
        return await super().read(work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check()
        return await super().write(work, *args, **kwargs)

    def _check(self) -> None:
        if self.is_away:
            self.missed.release()
            raise StoreUnavailable("the store failed: away")

    async def missed_at_least(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            for _ in range(count):
                await self.missed.acquire()


@contextlib.contextmanager
def shaky_store(url: str) -> Iterator[Shaky]:
    """Open an empty store that can be away."""
    database = Shaky(url)
    database.prepare()
    yield database
    database.close()


class Counts:
    """Counts as the metrics do, and lets a test wait for a count."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, OutboxState]] = []
        self._changed = asyncio.Event()

    def __call__(self, kind: str, state: OutboxState) -> None:
        self.seen.append((kind, state))
        self._changed.set()

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.seen) < count:
                await self._changed.wait()
                self._changed.clear()


class Running:
    """A worker at work."""

    def __init__(
        self,
        database: Database,
        deliver: Deliver,
        limits: OutboxLimits,
        holder: str,
        compose: Compose | None,
    ) -> None:
        self.now = NOW
        self.counts = Counts()
        self.stopping = asyncio.Event()
        self.worker = OutboxWorker(
            database,
            deliver,
            holder=holder,
            stopping=self.stopping,
            clock=lambda: self.now,
            jitter=lambda: 0.0,
            count=self.counts,
            limits=limits,
            compose=compose,
        )
        self.task = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        self.stopping.set()
        async with asyncio.timeout(PATIENCE):
            await self.task


@contextlib.asynccontextmanager
async def running(
    database: Database,
    deliver: Deliver,
    *,
    limits: OutboxLimits | None = None,
    holder: str = "one",
    compose: Compose | None = None,
) -> AsyncIterator[Running]:
    work = Running(database, deliver, limits or OutboxLimits(poll=SOON, away=SOON), holder, compose)
    try:
        yield work
    finally:
        await work.stop()


async def put(database: Database, count: int) -> list[int]:
    numbers = [ID + n for n in range(count)]
    drafts = [
        OutboxDraft(id=n, type="dsn", key=str(n), recipient="a@example.org", body=b"x", due=NOW)
        for n in numbers
    ]
    await database.write(lambda connection: [outbox.put(connection, draft) for draft in drafts])
    return numbers


async def rows(database: Database) -> list[OutboxRow]:
    listed = await database.read(lambda connection: outbox.list_outbox(connection, limit=1000))
    return sorted(listed, key=lambda row: row.id)


async def states(database: Database) -> list[OutboxState]:
    return [row.state for row in await rows(database)]
