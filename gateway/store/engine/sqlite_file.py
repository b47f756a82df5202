"""The file of an SQLite store: SQLite keeps writing to one that was moved away or deleted."""

import os
import sqlite3
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from gateway.core.written import unaccented


@lru_cache(50_000)  # Many people share most names.
def _unaccented(text: str | None) -> str | None:
    """Implement the SQL function of that name: NULL for NULL, as usual in SQL."""
    return None if text is None else unaccented(text)


class SqliteFile:
    """The file at a path, and whether it is still the same."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._address = f"file:{quote(path)}?mode=rw"

    def make(self) -> None:
        """Create the file, empty, if there is none; OSError if that fails.

        Other users of the machine must not read whose data it has; a group may, if the umask allows
        it. SQLite gives the files beside it the same mode.
        """
        Path(self.path).touch(mode=0o640)

    def identity(self) -> tuple[int, int] | None:
        """Return what identifies the file at the path; None if there is none."""
        try:
            status = os.stat(self.path)  # noqa: PTH116  # a Path costs more, once a message
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def connect(self, seconds: float) -> sqlite3.Connection:
        """Connect to the file, which must exist; wait at most this long for other writers."""
        connection = sqlite3.connect(
            self._address, uri=True, timeout=seconds, check_same_thread=False
        )
        try:
            # We manage transactions ourselves (no implicit BEGIN), and they are durable at COMMIT.
            connection.isolation_level = None
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.create_function("unaccented", 1, _unaccented, deterministic=True)
        except sqlite3.Error:  # For example, the file isn't a database.
            connection.close()
            raise
        return connection
