"""The journal's writing side: one thread that commits in groups.

A message is on disk before its final dot goes to the relay; its outcome needs no waiting.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from gateway.core.decision.journal import Attempt, KnownBulk, Message, Outcome
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.database import Database, RowRefused, StoreUnavailable
from gateway.store.journal import known_bulk
from gateway.store.journal.journal_rows import JournalRows

GATHER_SECONDS = 0.02  #: How long outcomes wait for company.
RETRY_SECONDS = 0.5  #: Between tries while the store is away and outcomes wait.
_MAX_GROUP = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """A message to be on disk before anything happens to it."""

    message: Message
    drafts: tuple[OutboxDraft, ...]
    attempts: tuple[Attempt, ...]
    durable: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a message ended."""

    message: int
    outcomes: tuple[Outcome, ...]
    attempts: tuple[Attempt, ...]
    notices_go: bool | None  #: What becomes of notices that waited for the verdict, if any.
    told: "asyncio.Future[None] | None" = None  #: Done when every process can see it.


@dataclass(slots=True)
class CommitGroup:
    """Messages and outcomes that are written together."""

    begun: list[Begun] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)

    def rows(self, worker: int) -> JournalRows:
        """Return what the group writes."""
        rows = JournalRows()
        for begun in self.begun:
            rows.begin(worker, begun.message, begun.drafts, begun.attempts)
        for ended in self.finished:
            rows.finish(ended.message, ended.outcomes, ended.attempts, ended.notices_go)
        return rows

    def told(self) -> list["asyncio.Future[None]"]:
        """Return the futures of those who wait until the store has the outcomes."""
        return [entry.told for entry in self.finished if entry.told is not None]

    def add(self, entry: Begun | Finished) -> None:
        """Take one more in."""
        if isinstance(entry, Begun):
            self.begun.append(entry)
        else:
            self.finished.append(entry)

    def __len__(self) -> int:
        return len(self.begun) + len(self.finished)


class JournalWriter:
    """Writes this process's messages; `worker` marks them as its own."""

    may_hang = True  #: Whether a store far away may give no answer at all.

    def __init__(
        self, database: Database, worker: int, *, committed: Callable[[float, int], None]
    ) -> None:
        self._database = database
        self._worker = worker
        self._committed = committed  # seconds and messages of each group, for the metrics
        self._queue: queue.SimpleQueue[Begun | Finished | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def begin(
        self,
        message: Message,
        *,
        drafts: tuple[OutboxDraft, ...] = (),
        attempts: Sequence[Attempt] = (),
    ) -> "asyncio.Future[None]":
        """Queue a message; the future is done when it is on disk, or raises `StoreUnavailable`."""
        durable: asyncio.Future[None] = self._loop.create_future()
        self._put(Begun(message, drafts, tuple(attempts), durable))
        return durable

    def finish(
        self,
        message: int,
        outcomes: Sequence[Outcome],
        *,
        attempts: Sequence[Attempt] = (),
        notices_go: bool | None = None,
        told: "asyncio.Future[None] | None" = None,
    ) -> None:
        """Queue the outcome of a message; it is written even if the store is away for a while.

        `told` is done when the outcome is in the store for every process to see.
        """
        self._put(Finished(message, tuple(outcomes), tuple(attempts), notices_go, told))

    async def remember_bulk(self, identities: Sequence[int], known: KnownBulk) -> None:
        """Let every process know that a message is bulk, ahead of the message itself.

        It need not be durable: the message, which is, says so once more.
        """
        rows = [(identity, known.message, known.rule) for identity in identities]
        await self._database.write(
            lambda connection: known_bulk.write(connection, rows), durable=False
        )

    def _put(self, entry: Begun | Finished) -> None:
        self._queue.put(entry)

    async def close(self) -> None:
        """Write what is queued, then end the thread."""
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, 10.0)

    def _run(self) -> None:
        late: list[Finished] = []
        while True:
            group, last = self._gather(waits=bool(late))
            # What the store didn't take goes alone: it must not take others with it.
            late = self._commit(CommitGroup(finished=late))
            if late:
                late, group.finished = late + group.finished, []
            late += self._commit(group)
            if last:
                return

    def _gather(self, *, waits: bool) -> tuple[CommitGroup, bool]:
        """Wait for work; return it with whether it is the last."""
        group = CommitGroup()
        patience = RETRY_SECONDS if waits else None
        while len(group) < _MAX_GROUP:
            try:
                entry = self._queue.get(timeout=patience)
            except queue.Empty:
                break
            if entry is None:
                return group, True
            group.add(entry)
            # Messages go at once with whatever is there; outcomes alone wait for company.
            patience = 0.0 if group.begun else GATHER_SECONDS
        return group, False

    def _commit(self, group: CommitGroup) -> list[Finished]:
        """Write a group; return the outcomes to try again."""
        if not group:
            return []
        began = time.monotonic()
        try:
            with self._database.writing(durable=bool(group.begun)) as connection:
                group.rows(self._worker).write(connection)
        except RowRefused as error:  # It must not take others with it.
            return self._commit_singly(group, error)
        except StoreUnavailable as error:
            self._tell(group.begun, error)
            return group.finished
        except Exception as error:
            return self._commit_singly(group, error)
        self._committed(time.monotonic() - began, len(group.begun))
        self._tell(group.begun, None)
        self._all_told(group.told())
        return []

    def _commit_singly(self, group: CommitGroup, error: Exception) -> list[Finished]:
        if len(group) == 1:
            self._tell(group.begun, StoreUnavailable(f"not recorded: {error}"))
            return []
        late: list[Finished] = []
        for begun in group.begun:
            late += self._commit(CommitGroup(begun=[begun]))
        for finished in group.finished:
            late += self._commit(CommitGroup(finished=[finished]))
        return late

    def _all_told(self, futures: list["asyncio.Future[None]"]) -> None:
        if futures:
            self._in_loop(_resolve, futures, None)

    def _tell(self, begun: list[Begun], error: StoreUnavailable | None) -> None:
        if begun:
            futures = [entry.durable for entry in begun]
            self._in_loop(_resolve, futures, error)

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(call, *arguments)


def _resolve(futures: list["asyncio.Future[None]"], error: StoreUnavailable | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            future.exception()


def write_attempts(connection: Connection, entries: Iterable[Attempt]) -> None:
    """Remember transactions a client may try again."""
    rows = JournalRows()
    rows.finish(0, (), tuple(entries), None)
    rows.write(connection)


def take_in(
    connection: Connection,
    worker: int,
    messages: Sequence[Message],
    outcomes: Sequence[Outcome],
) -> None:
    """Write what was recorded elsewhere while the store was away; twice is like once."""
    rows = JournalRows()
    for message in messages:
        rows.begin(worker, message, (), ())
    rows.finish(0, outcomes, (), None)
    rows.write(connection)
