"""Whether an SQLite store has changed, without a system call.

In WAL mode every commit rewrites the header at the start of the `-shm` file, in two copies
(https://www.sqlite.org/walformat.html#the_wal_index_header). SQLite keeps using what it has read as
long as both are unchanged; so may we.
"""

import mmap
import os

_HEADERS = 96  #: Octets: two of 48.
_mapped: dict[tuple[int, int], mmap.mmap] = {}


class WalIndex:
    """The header of a store's `-shm` file; valid only while the store is open."""

    def __init__(self, store: str) -> None:
        self._map = _map(f"{store}-shm")

    def header(self) -> bytes | None:
        """Return a value that changes when the store does; None if that can't be told."""
        return None if self._map is None else self._map[:_HEADERS]


def _map(path: str) -> mmap.mmap | None:
    """Map a file for the life of the process: closing it would drop SQLite's locks on it."""
    try:
        status = os.stat(path)  # noqa: PTH116
        key = (status.st_dev, status.st_ino)
        if key not in _mapped:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            _mapped[key] = mmap.mmap(file, _HEADERS, prot=mmap.PROT_READ)
    except (OSError, ValueError):
        return None
    return _mapped[key]
