"""Reads that take microseconds, for the path of a message: one held connection, one statement.

SQLite answers faster than a thread can be woken, so it is queried in the event loop itself;
PostgreSQL is queried on the reader threads.
"""

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.wal_index import WalIndex

_BUSY_SECONDS = 1.0
_LOOK_SECONDS = 0.2  #: Between two checks that the file is still the same.
_MAPPED = 1 << 30  #: Octets of the file mapped, to read without a system call per page.


class QuickReader:
    """Runs the few queries every message needs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file = database.file
        self._held: sqlite3.Connection | None = None
        self._index: WalIndex | None = None
        self._look_again = 0.0
        self._of: tuple[int, int] | None = None  # the file that was opened

    async def rows(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement with `?` (SQLite) or `%s` (PostgreSQL) parameters."""
        if self._database.is_sqlite:
            return self.rows_now(sql, parameters)
        return await self._database.read(
            lambda connection: [
                tuple(row) for row in connection.exec_driver_sql(sql, tuple(parameters))
            ]
        )

    def rows_now(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return the rows at once; on SQLite only."""
        try:
            return self._connection().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def version(self) -> bytes | None:
        """Return a value that changes when the store does; None if that can't be told.

        It costs far less than any query. Raises `StoreUnavailable` if the store fails.
        """
        if not self._database.is_sqlite:
            return None
        if self._held is None or time.monotonic() > self._look_again:
            try:
                self._connection()
            except sqlite3.Error as error:
                raise self._unavailable(error) from error
        return self._index.header() if self._index else None

    def _unavailable(self, error: sqlite3.Error) -> StoreUnavailable:
        self.close()
        return StoreUnavailable(f"the store failed: {error}")

    def _connection(self) -> sqlite3.Connection:
        now = time.monotonic()
        if now > self._look_again:
            self._look_again = now + _LOOK_SECONDS
            self._look()
        return self._held or self._open()

    def _open(self) -> sqlite3.Connection:
        assert self._file is not None
        held, self._of = self._file.connect(_BUSY_SECONDS), self._file.identity()
        self._database.check_identity(held)
        held.execute(f"PRAGMA mmap_size = {_MAPPED}")
        self._held, self._index = held, WalIndex(self._file.path)
        return held

    def _look(self) -> None:
        """Close a file that was moved away, deleted or replaced."""
        assert self._file is not None
        if self._of != self._file.identity():
            self.close()

    def close(self) -> None:
        """Close the held connection; the next query opens another."""
        if self._held is not None:
            self._held.close()
            self._held = self._index = None
