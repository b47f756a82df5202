"""The journal of a worker beside SQLite: durable in the worker's log, a moment later in the store.

A message takes this way:

    0 ms      `begin`: it joins the group of this turn of the event loop and of the next
    0.1 ms    one write and one sync of the log: all messages of the group are durable, their
              futures done, their final dots go to the relay
    up to     `LogDrain`, on its thread, writes all that was logged meanwhile to SQLite in one
    250 ms    transaction: every process sees it, futures of `finish(visible=…)` are done

So there are three levels: *put* (in a group), *durable* (in the log, and read from there after a
crash), *visible* (in the store). While the store doesn't accept the log's content, messages are
refused as they are without a store; those accepted earlier wait in the log.

When the drain writes, where it wrote last at 0 ms:

    10 ms     a mail is logged; that the store gets it can wait until 250 ms
    20 ms     a client is to hear 451 once every worker knows its attempt: `visible` is asked for
    50 ms     so both are written now; asked for later than 50 ms, they are written at once

A sync usually takes a fraction of a millisecond, less than waking a thread and being woken by it.
If the disk is slower than `_SLOW_SECONDS`, syncs run on a thread for some time.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial

from gateway.core.errors import GatewayError
from gateway.store.engine.database import Database, RowRefused, StoreUnavailable
from gateway.store.journal.journal import (
    GATHER_SECONDS,
    RETRY_SECONDS,
    BegunMessage,
    CommitGroup,
    CommitThread,
    FinishedMessage,
    MessageJournal,
)
from gateway.store.journal.journal_rows import JournalRows
from gateway.store.journal.worker_log import NotLogged, WorkerLog

_SLOW_SECONDS = 0.001  #: If the disk usually takes longer, syncs run on a thread.
_SLOW_REST_SECONDS = 2.0  #: How long they do, before the event loop tries again.
_USUAL = 0.125  #: Weight of one commit in the average of what the disk takes.
_APART_SECONDS = 0.25  #: Between two writes to the store: what comes in between is gathered.
_HURRIED_SECONDS = 0.05  #: The same if somebody waits until the store has it.


class LoggedJournal(MessageJournal):
    """Writes this process's messages to a log first."""

    may_hang = False

    def __init__(
        self,
        database: Database,
        worker: int,
        log: WorkerLog,
        *,
        committed: Callable[[float, int], None],
        refused: Callable[[str], None],
    ) -> None:
        """`refused` is called with the reason if the store refuses a row because of its content."""
        super().__init__(database, worker, committed=committed)
        self._drain = LogDrain(database, log, refused)
        self._thread = CommitThread(self.commit)  #: For a slow disk, and for what has to wait.
        self._group = CommitGroup()
        self._due_now = self._due_later = False
        self._usual = 0.0  #: Average seconds per commit; a very slow one counts as twice slow.
        self._slow_until = 0.0  #: In the event loop's time.

    def put(self, entry: BegunMessage | FinishedMessage) -> None:
        """Log an entry, together with all others of this turn of the event loop and the next."""
        waits = isinstance(entry, BegunMessage) or entry.visible is not None
        self._group.add(entry)
        if waits and not self._due_now:
            self._due_now = True
            self._loop.call_soon(self._loop.call_soon, self.log_now)
        elif not (waits or self._due_now or self._due_later):
            self._due_later = True
            self._loop.call_later(GATHER_SECONDS, self.log_now)

    def log_now(self) -> None:
        """Log the collected entries in the event loop, or in the thread if the disk is slow."""
        group, self._group = self._group, CommitGroup()
        self._due_now = self._due_later = False
        if self._loop.time() < self._slow_until:
            self._thread.put(group)
            return
        began = time.monotonic()
        for late in self.commit(group):
            self._thread.put(late)
        if group.begun:
            seconds = time.monotonic() - began
            self._usual += _USUAL * (min(seconds, 2 * _SLOW_SECONDS) - self._usual)
            if self._usual > _SLOW_SECONDS:
                self._usual, self._slow_until = 0.0, self._loop.time() + _SLOW_REST_SECONDS

    def commit(self, group: CommitGroup) -> list[FinishedMessage]:
        """Log a group; return outcomes that can't be logged, to be retried."""
        if not group:
            return []
        began = time.monotonic()
        try:
            self._log(group)
        except GatewayError as error:
            self._tell(group.begun, StoreUnavailable(str(error)))
            if isinstance(error, StoreUnavailable) and group.finished:
                # Only new messages are refused while the store is behind.
                with contextlib.suppress(NotLogged):
                    self._log(CommitGroup(finished=group.finished))
                    return []
            return group.finished
        except (TypeError, ValueError) as error:  # A value JSON can't represent.
            return self._commit_singly(group, error)
        self._committed(time.monotonic() - began, len(group.begun))
        self._tell(group.begun, None)
        return []

    def _log(self, group: CommitGroup) -> None:
        waiting = group.waiting_futures()
        after = partial(self._resolve, waiting) if waiting else None
        self._drain.take(group.rows(self._worker), new=bool(group.begun), after=after)

    async def close(self) -> None:
        """Log what is queued and write it to the store, then end the threads."""
        self.log_now()
        await self._thread.close()
        await asyncio.get_running_loop().run_in_executor(None, self._drain.close)


class LogDrain:
    """Writes the log's content to the store, on its own thread."""

    def __init__(self, database: Database, log: WorkerLog, refused: Callable[[str], None]) -> None:
        self._database = database
        self._log = log
        self._refused = refused
        self._rows = JournalRows()
        self._after: list[Callable[[], None]] = []
        self._turn = threading.Condition()
        self._waiting = False
        self._last = 0.0
        self._behind = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self.run, name="drain", daemon=True)
        self._thread.start()

    def take(self, rows: JournalRows, *, new: bool, after: Callable[[], None] | None) -> None:
        """Make rows durable; refuse `new` ones (`StoreUnavailable`) while the store is behind.

        `after` is called once the store has them. Raises `NotLogged` if the log can't be written.
        """
        with self._turn:
            if new and self._behind:
                raise StoreUnavailable("the store doesn't take what the journal's log holds")
            self._log.append(rows.plain(), durable=new)
            self._rows.add(rows)
            if after is not None:
                self._after.append(after)
            if not self._waiting or after is not None:
                self._waiting = True
                self._turn.notify()

    def close(self) -> None:
        """Write the rest to the store; if that fails, it stays in the log for the next start."""
        self._closing.set()
        with self._turn:
            self._turn.notify()
        self._thread.join(10.0)
        self._log.close()

    def run(self) -> None:
        """Write what was logged to the store and empty the log, until the end."""
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._waiting or self._closing.is_set())
                if not self._waiting:
                    return
                # If the store was written to only just now, more is gathered first.
                left = self._last + _APART_SECONDS - time.monotonic()
                self._turn.wait_for(lambda: self._after or self._closing.is_set(), left)
            left = self._last + _HURRIED_SECONDS - time.monotonic()
            if left > 0:
                self._closing.wait(left)
            self._last = time.monotonic()

            # From here on, entries are logged to the other file.
            with self._turn:
                rows, self._rows, self._waiting = self._rows, JournalRows(), False
                after, self._after = self._after, []
                self._log.switch()
            while True:
                try:
                    self.write(rows)
                except Exception:  # Whatever it is: the log keeps them until the store has them.
                    self._behind = True
                    if self._closing.wait(RETRY_SECONDS):
                        return
                else:
                    self._behind = False
                    break
            self._log.forget()
            for call in after:
                call()

    def write(self, rows: JournalRows) -> None:
        """Write rows to the store; skip a message it refuses, so that it can't block others."""
        try:
            with self._database.writing() as connection:
                rows.write(connection)
        except RowRefused:
            for rows_of_message in rows.by_message():
                try:
                    with self._database.writing() as connection:
                        rows_of_message.write(connection)
                except RowRefused as error:
                    self._refused(str(error))
