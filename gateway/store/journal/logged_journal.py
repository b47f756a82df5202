"""The journal of a worker beside SQLite: durable in the worker's log, a moment later in the store.

It has the interface of `JournalWriter`. While the store doesn't take what the log holds, messages
are refused as they are without a store; what was taken before waits in the log.
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
    Begun,
    CommitGroup,
    Finished,
    JournalWriter,
)
from gateway.store.journal.journal_rows import JournalRows
from gateway.store.journal.worker_log import NotLogged, WorkerLog

_SLOW_SECONDS = 0.001  #: A disk that usually takes longer is waited for on a thread.
_SLOW_REST_SECONDS = 2.0  #: For how long the thread does, before the event loop tries again.
_USUAL = 0.125  #: What one commit counts in telling what the disk usually takes.
_APART_SECONDS = 0.25  #: Between two times the store is told: what comes in between gathers.
_HURRIED_SECONDS = 0.05  #: The same where somebody waits until the store has it.


class LoggedJournal(JournalWriter):
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
        self._log = log
        self._drain = LogDrain(database, log, refused)
        self._group = CommitGroup()
        self._due_now = self._due_later = False
        self._home = threading.get_ident()
        self._usual = 0.0  #: Seconds a commit takes; a very slow one counts as twice slow.
        self._slow_until = 0.0
        super().__init__(database, worker, committed=committed)

    def _put(self, entry: Begun | Finished) -> None:
        """Have an entry logged with all others of this turn of the loop and the next.

        Where the disk takes its time, it is waited for on a thread.
        """
        if self._loop.time() < self._slow_until:
            super()._put(entry)
            return
        waits = isinstance(entry, Begun) or entry.told is not None
        self._group.add(entry)
        if waits and not self._due_now:
            self._due_now = True
            self._loop.call_soon(self._log_next)
        elif not (waits or self._due_now or self._due_later):
            self._due_later = True
            self._loop.call_later(GATHER_SECONDS, self._log_now)

    def _log_next(self) -> None:
        self._loop.call_soon(self._log_now)

    def _log_now(self) -> None:
        group, self._group = self._group, CommitGroup()
        self._due_now = self._due_later = False
        began = time.monotonic()
        for late in self._commit(group):
            super()._put(late)
        if group.begun:
            self._took(time.monotonic() - began)

    def _took(self, seconds: float) -> None:
        self._usual += _USUAL * (min(seconds, 2 * _SLOW_SECONDS) - self._usual)
        if self._usual > _SLOW_SECONDS:
            self._usual, self._slow_until = 0.0, self._loop.time() + _SLOW_REST_SECONDS

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        if threading.get_ident() == self._home:
            call(*arguments)
        else:
            super()._in_loop(call, *arguments)

    def _commit(self, group: CommitGroup) -> list[Finished]:
        """Log a group; outcomes that can't be logged go to the store by themselves."""
        if not group:
            return []
        began = time.monotonic()
        try:
            self._keep(group)
        except GatewayError as error:
            return self._without_log(group, error)
        except (TypeError, ValueError) as error:  # Something that JSON can't hold.
            return self._commit_singly(group, error)
        self._committed(time.monotonic() - began, len(group.begun))
        self._tell(group.begun, None)
        return []

    def _keep(self, group: CommitGroup) -> None:
        told = group.told()
        after = partial(self._all_told, told) if told else None
        self._drain.take(group.rows(self._worker), new=bool(group.begun), after=after)

    def _without_log(self, group: CommitGroup, error: GatewayError) -> list[Finished]:
        self._tell(group.begun, StoreUnavailable(str(error)))
        if isinstance(error, StoreUnavailable) and group.finished:
            # Only new messages are refused while the store is behind.
            with contextlib.suppress(NotLogged):
                self._keep(CommitGroup(finished=group.finished))
                return []
        return group.finished

    async def close(self) -> None:
        """Log what is queued and tell the store, then end the threads."""
        self._log_now()
        await super().close()
        await asyncio.get_running_loop().run_in_executor(None, self._drain.close)


class LogDrain:
    """Tells the store what the log holds, on a thread of its own."""

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
        self._thread = threading.Thread(target=self._run, name="taker", daemon=True)
        self._thread.start()

    def take(self, rows: JournalRows, *, new: bool, after: Callable[[], None] | None) -> None:
        """Make rows durable; `new` ones are refused (`StoreUnavailable`) while the store is behind.

        `after` is called when the store has them. Raises `NotLogged` if the log can't be written.
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
        """Tell the store the rest; what it doesn't take stays in the log for the next start."""
        self._closing.set()
        with self._turn:
            self._turn.notify()
        self._thread.join(10.0)
        self._log.close()

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._waiting or self._closing.is_set())
                if not self._waiting:
                    return
            self._pause()
            with self._turn:
                rows, self._rows, self._waiting = self._rows, JournalRows(), False
                after, self._after = self._after, []
                self._log.switch()
            if not self._told(rows):
                return
            self._log.forget()
            for call in after:
                call()

    def _pause(self) -> None:
        """Let more come together where the store was told only just now."""
        with self._turn:
            left = self._last + _APART_SECONDS - time.monotonic()
            self._turn.wait_for(lambda: self._after or self._closing.is_set(), left)
        left = self._last + _HURRIED_SECONDS - time.monotonic()
        if left > 0:
            self._closing.wait(left)
        self._last = time.monotonic()

    def _told(self, rows: JournalRows) -> bool:
        """Tell the store until it has it; False when that has to wait for the next start."""
        while True:
            try:
                self._tell(rows)
            except Exception:  # Whatever it is: the log keeps the rows until the store has them.
                self._behind = True
                if self._closing.wait(RETRY_SECONDS):
                    return False
            else:
                self._behind = False
                return True

    def _tell(self, rows: JournalRows) -> None:
        try:
            self._write(rows)
        except RowRefused:
            for one in rows.apart():
                try:
                    self._write(one)
                except RowRefused as error:
                    self._refused(str(error))

    def _write(self, rows: JournalRows) -> None:
        with self._database.writing() as connection:
            rows.write(connection)
