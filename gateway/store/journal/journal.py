"""The journal's writing side: records of messages, made durable in groups.

    begin(message)        -> a future: done once the message is *durable*, on disk and there after
                          a crash; then its final dot may go.
    finish(message, …)    nobody waits for it, unless `visible` is given: a future that is done once
                          the outcome is in the store, where every process sees it.

`JournalWriter` commits to the store, on a thread: what is durable is visible, too. `LoggedJournal`
(beside SQLite) writes to the worker's log first, in the event loop, a moment later to the store.
"""

import asyncio
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from gateway.core.journal.attempt import Attempt
from gateway.core.journal.message import KnownBulk, Message, Outcome
from gateway.core.quick_values import quick_value
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.database import Database, RowRefused, StoreUnavailable
from gateway.store.journal import known_bulk
from gateway.store.journal.journal_rows import JournalRows

GATHER_SECONDS = 0.02  #: How long outcomes wait for more of them.
RETRY_SECONDS = 0.5  #: Between retries while the store is away and outcomes wait.
_MAX_GROUP = 500


@quick_value()
class BegunMessage:
    """A message that must be on disk before anything happens to it."""

    message: Message
    drafts: tuple[OutboxDraft, ...]
    attempts: tuple[Attempt, ...]
    durable: "asyncio.Future[None]"


@quick_value()
class FinishedMessage:
    """The outcome of a message."""

    message: int
    outcomes: tuple[Outcome, ...]
    attempts: tuple[Attempt, ...]
    notices_go: bool | None  #: What happens to notices that waited for the verdict, if any.
    visible: "asyncio.Future[None] | None" = None  #: Done when every process can see the outcome.


@dataclass(slots=True)
class CommitGroup:
    """Messages and outcomes written together."""

    begun: list[BegunMessage] = field(default_factory=list)
    finished: list[FinishedMessage] = field(default_factory=list)

    def rows(self, worker: int) -> JournalRows:
        """Return the rows the group writes."""
        rows = JournalRows()
        for begun in self.begun:
            rows.begin(worker, begun.message, begun.drafts, begun.attempts)
        for ended in self.finished:
            rows.finish(ended.message, ended.outcomes, ended.attempts, ended.notices_go)
        return rows

    def waiting_futures(self) -> list["asyncio.Future[None]"]:
        """Return the futures of those waiting until the store has the outcomes."""
        return [entry.visible for entry in self.finished if entry.visible is not None]

    def add(self, entry: "BegunMessage | FinishedMessage | CommitGroup") -> None:
        """Add one entry, or all of another group."""
        if isinstance(entry, BegunMessage):
            self.begun.append(entry)
        elif isinstance(entry, FinishedMessage):
            self.finished.append(entry)
        else:
            self.begun += entry.begun
            self.finished += entry.finished

    def __len__(self) -> int:
        return len(self.begun) + len(self.finished)


class MessageJournal(ABC):
    """The journal of this process's messages; `worker` marks them as its own."""

    may_hang: bool  #: Whether the store is remote and may not respond at all.

    def __init__(
        self, database: Database, worker: int, *, committed: Callable[[float, int], None]
    ) -> None:
        """`committed` is called on any thread with each group's seconds and number of messages."""
        self._database = database
        self._worker = worker
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()

    def begin(
        self,
        message: Message,
        *,
        drafts: tuple[OutboxDraft, ...] = (),
        attempts: Sequence[Attempt] = (),
    ) -> "asyncio.Future[None]":
        """Write a message; the future is done when it is on disk, or raises `StoreUnavailable`."""
        durable: asyncio.Future[None] = self._loop.create_future()
        self.put(BegunMessage(message, drafts, tuple(attempts), durable))
        return durable

    def finish(
        self,
        message: int,
        outcomes: Sequence[Outcome],
        *,
        attempts: Sequence[Attempt] = (),
        notices_go: bool | None = None,
        visible: "asyncio.Future[None] | None" = None,
    ) -> None:
        """Write the outcome of a message, even if the store is away for a while.

        `visible` is done when the outcome is in the store for every process to see.
        """
        self.put(FinishedMessage(message, tuple(outcomes), tuple(attempts), notices_go, visible))

    async def remember_bulk(self, identities: Sequence[int], bulk: KnownBulk) -> None:
        """Let every process know that a message is bulk, before the message itself is written.

        This need not be durable: the message is, and says so again.
        """
        rows = [(identity, bulk.message, bulk.rule) for identity in identities]
        await self._database.write_without_sync(known_bulk.write, rows)

    @abstractmethod
    def put(self, entry: BegunMessage | FinishedMessage) -> None:
        """Queue an entry to be committed soon, with others."""

    @abstractmethod
    def commit(self, group: CommitGroup) -> list[FinishedMessage]:
        """Make a group durable; return the outcomes to retry. Messages are not retried."""

    @abstractmethod
    async def close(self) -> None:
        """Write what is queued, then end."""

    def _commit_singly(self, group: CommitGroup, error: Exception) -> list[FinishedMessage]:
        """Commit the entries of a refused group one by one, so that one can't block the others."""
        if len(group) == 1:
            self._tell(group.begun, StoreUnavailable(f"not recorded: {error}"))
            return []
        late: list[FinishedMessage] = []
        for begun in group.begun:
            late += self.commit(CommitGroup(begun=[begun]))
        for finished in group.finished:
            late += self.commit(CommitGroup(finished=[finished]))
        return late

    def _tell(self, begun: list[BegunMessage], error: StoreUnavailable | None) -> None:
        """Resolve the futures of those waiting for messages to be on disk."""
        self._resolve([entry.durable for entry in begun], error)

    def _resolve(
        self, futures: list["asyncio.Future[None]"], error: StoreUnavailable | None = None
    ) -> None:
        if not futures:
            return
        if threading.get_ident() == self._loop_thread:
            _resolve_here(futures, error)
        else:
            self._loop.call_soon_threadsafe(_resolve_here, futures, error)


def _resolve_here(futures: list["asyncio.Future[None]"], error: StoreUnavailable | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            future.exception()  # Perhaps nobody awaits it.


class CommitThread:
    """Commits entries in groups, on its own thread; retries those that were late."""

    def __init__(self, commit: Callable[[CommitGroup], list[FinishedMessage]]) -> None:
        """`commit` returns the outcomes to retry."""
        self._commit = commit
        self._queue: queue.SimpleQueue[BegunMessage | FinishedMessage | CommitGroup | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self.run, name="journal", daemon=True)
        self._thread.start()

    def put(self, entry: BegunMessage | FinishedMessage | CommitGroup) -> None:
        """Queue an entry, or a group of them."""
        self._queue.put(entry)

    async def close(self) -> None:
        """Commit what is queued, then end the thread."""
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, 10.0)

    def run(self) -> None:
        """Gather and commit entries until the end."""
        late: list[FinishedMessage] = []
        is_last = False
        while not is_last:
            # Messages are committed at once with whatever is there; outcomes alone wait for more.
            group = CommitGroup()
            patience = RETRY_SECONDS if late else None
            while len(group) < _MAX_GROUP:
                try:
                    entry = self._queue.get(timeout=patience)
                except queue.Empty:
                    break
                if entry is None:
                    is_last = True
                    break
                group.add(entry)
                patience = 0.0 if group.begun else GATHER_SECONDS

            # What the store rejected is committed alone, so that it can't block the rest.
            late = self._commit(CommitGroup(finished=late))
            if late:
                late, group.finished = late + group.finished, []
            late += self._commit(group)


class JournalWriter(MessageJournal):
    """Writes to the store; a message is durable once the store has committed it."""

    may_hang = True

    def __init__(
        self, database: Database, worker: int, *, committed: Callable[[float, int], None]
    ) -> None:
        super().__init__(database, worker, committed=committed)
        self._thread = CommitThread(self.commit)

    def put(self, entry: BegunMessage | FinishedMessage) -> None:
        """Queue an entry for the thread."""
        self._thread.put(entry)

    async def close(self) -> None:
        """Write what is queued, then end the thread."""
        await self._thread.close()

    def commit(self, group: CommitGroup) -> list[FinishedMessage]:
        """Write a group to the store; return the outcomes to retry."""
        if not group:
            return []
        began = time.monotonic()
        # A server that crashes loses what isn't on its disk, while this process lives on and
        # wouldn't check what became of the messages. SQLite loses it only if the machine crashes.
        durable = bool(group.begun) or not self._database.is_sqlite
        try:
            with self._database.writing(durable=durable) as connection:
                group.rows(self._worker).write(connection)
        except RowRefused as error:
            return self._commit_singly(group, error)
        except StoreUnavailable as error:
            self._tell(group.begun, error)
            return group.finished
        except Exception as error:
            return self._commit_singly(group, error)
        self._committed(time.monotonic() - began, len(group.begun))
        self._tell(group.begun, None)
        self._resolve(group.waiting_futures())
        return []


def write_attempts(connection: Connection, entries: Iterable[Attempt]) -> None:
    """Record transactions a client may retry."""
    rows = JournalRows()
    rows.finish(0, (), tuple(entries), None)
    rows.write(connection)


def write_recorded(
    connection: Connection,
    worker: int,
    messages: Sequence[Message],
    outcomes: Sequence[Outcome],
) -> None:
    """Write messages recorded elsewhere, and outcomes; repeating it changes nothing."""
    rows = JournalRows()
    for message in messages:
        rows.begin(worker, message, (), ())
    rows.finish(0, outcomes, (), None)
    rows.write(connection)
