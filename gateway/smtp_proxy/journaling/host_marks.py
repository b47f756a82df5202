"""Marks that all workers on this host see at once.

Through the store, other workers learn of it a twentieth of a second later; a client that retries at
once is faster than that.
"""

import contextlib
import fcntl
import mmap
import os
import struct
from enum import IntEnum
from pathlib import Path

_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, length, pid
_SHIFT = 61
_SIGNAL = 8  #: Octets.


class MarkKind(IntEnum):
    """The meaning of a mark."""

    IN_FLIGHT = 0  #: A transaction may have reached the relay and has no verdict yet.
    AWAITED = 1  #: A retry is waiting for its verdict.
    LOST = 2  #: Its client has gone, or got 451, and the store may not know it yet.


_BEGINS = {kind: int(kind) << _SHIFT for kind in MarkKind}


class HostMarks:
    """Marks by number (63 bits); those of a process end with it.

    Each is a lock on one octet far beyond the end of a file (`F_OFD_SETLK`, Linux): setting or
    removing one takes about 2 µs. Rare marks are not even looked up as long as the file's first
    octets, which change with them, are the same.
    """

    def __init__(self, path: Path) -> None:
        """Open the file that all workers share; raise OSError if that isn't possible."""
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Reading a page with no disk block would kill the process (SIGBUS) on a full disk.
        try:
            os.posix_fallocate(self._file, 0, _SIGNAL)
            self._signal = mmap.mmap(self._file, _SIGNAL, prot=mmap.PROT_READ)
        except OSError:
            os.close(self._file)
            raise
        self._quiet = b""  #: The first octets while there was no rare mark.

    def set(self, kind: MarkKind, number: int) -> bool:
        """Set a mark; False if another worker has it. Several workers may have a rare one."""
        if kind is MarkKind.IN_FLIGHT:
            return self._lock(fcntl.F_WRLCK, kind, number)
        is_set = self._lock(fcntl.F_RDLCK, kind, number)
        with contextlib.suppress(OSError):  # Disk full: other workers learn of it from the store.
            os.pwrite(self._file, os.urandom(_SIGNAL), 0)
        return is_set

    def remove(self, kind: MarkKind, number: int) -> None:
        """Remove a mark of this worker."""
        self._lock(fcntl.F_UNLCK, kind, number)

    def is_set(self, kind: MarkKind, number: int) -> bool:
        """Whether another worker has this mark."""
        return self._is_locked(_flock(fcntl.F_WRLCK, kind, number))

    @property
    def has_seldom(self) -> bool:
        """Whether another worker has any rare mark."""
        signal = self._signal[:]
        if signal == self._quiet:
            return False
        seldom = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, MarkKind.AWAITED << _SHIFT, 0, 0)
        if self._is_locked(seldom):
            return True
        self._quiet = signal
        return False

    def _is_locked(self, query: bytes) -> bool:
        lock: tuple[int, ...] = _FLOCK.unpack(fcntl.fcntl(self._file, fcntl.F_OFD_GETLK, query))
        return lock[0] != fcntl.F_UNLCK

    def _lock(self, type_: int, kind: MarkKind, number: int) -> bool:
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _flock(type_, kind, number))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """Remove all marks of this worker."""
        self._signal.close()
        os.close(self._file)


def _flock(type_: int, kind: MarkKind, number: int) -> bytes:
    return _FLOCK.pack(type_, os.SEEK_SET, _BEGINS[kind] | number >> 2, 1, 0)
