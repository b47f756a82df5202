"""Ids made by this process, under a number leased from the store."""

import contextlib
import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.core.ids import IdSource, first_id_at, milliseconds_of
from gateway.runtime import processes
from gateway.store.engine import process_numbers
from gateway.store.engine.database import Database, StoreUnavailable

#: Nothing waits for a number, so a process may be silent for long; and a transaction may last
#: nearly as long.
TERM = timedelta(hours=1)
RENEWALS = 12  #: Per term.
_TRIES = 5

_counted = itertools.count()
_sharing = threading.Lock()


class NumberLost(StoreUnavailable):
    """The lease of this process's number expired in the middle of a transaction."""


class ProcessIds:
    """Ids that no other process makes, on this machine or another.

    An id contains its time and the number of its maker (`core/ids.py`). Whoever holds a number
    makes ids only for times before the end of its lease, and the next holder takes it after that,
    or once the process has ended. So no two are equal, even if a process sleeps past the end of its
    lease: it takes another number before it continues.

    The number is taken before the first id, or before the first transaction that writes, and never
    inside one; a process that makes no ids takes none. Thread-safe.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
    ) -> None:
        self.clock = clock
        self._database = database
        self._holder = processes.holder(f"ids {next(_counted)}")
        self._number: int | None = None
        self._source = IdSource(0)
        self._limit = 0  # The first id that isn't ours: our lease has expired by then.
        self._fresh_until = datetime.min.replace(tzinfo=clock().tzinfo)
        self._making = threading.Lock()
        self._taking = threading.Lock()
        database.id_makers.append(self)

    @property
    def number(self) -> int | None:
        """The number held; None: nothing was made yet, or it was given back."""
        return self._number

    def next(self) -> int:
        """Return a new id for the current time.

        Raise `StoreUnavailable` if no number is available, `NumberLost` (which undoes the
        transaction) if a transaction outlasted its lease.
        """
        for _ in range(_TRIES):
            made = self._make()
            if made is not None:
                return made
            if self._database.is_writing:
                if self._number is None:
                    raise RuntimeError("the first id of a process is made inside a transaction")
                raise NumberLost("the work took too long and was undone: try again")
            self.ready()
        raise NumberLost("each lease of a number was over before it could be used: try again")

    def _make(self) -> int | None:
        with self._making:
            if self._number is None:
                return None
            made = self._source.next(milliseconds_of(self.clock()))
            return made if made < self._limit else None

    def ready(self) -> None:
        """Take a number, or renew its lease if it is time; never inside a transaction."""
        if self._is_fresh():
            return
        with self._taking:
            if self._is_fresh():
                return
            now = self.clock()
            with self._database.writing_without_ids() as connection:
                number = self._number
                if number is None or not process_numbers.renew(
                    connection, number, self._holder, now, TERM
                ):
                    number = process_numbers.take(
                        connection, self._holder, now, TERM, is_gone=processes.has_ended
                    )
            with self._making:
                if number != self._number:
                    self._number, self._source = number, IdSource(number)
                self._limit = first_id_at(now + TERM)
                self._fresh_until = now + TERM / RENEWALS

    def _is_fresh(self) -> bool:
        return self._number is not None and self.clock() < self._fresh_until

    def give_back(self) -> None:
        """Release the number for other processes; while the store is away its lease expires."""
        with self._making:
            number, self._number = self._number, None
        if number is None:
            return
        with (
            contextlib.suppress(StoreUnavailable),
            self._database.writing_without_ids(durable=False) as connection,
        ):
            process_numbers.give_back(connection, number, self._holder, self.clock())


def ids_of(database: Database, clock: Callable[[], datetime]) -> ProcessIds:
    """Return this process's id source for a store and clock."""
    # Two threads asking at once would each make one, with different numbers.
    with _sharing:
        for maker in database.id_makers:
            if isinstance(maker, ProcessIds) and maker.clock is clock:
                return maker
        return ProcessIds(database, clock)
