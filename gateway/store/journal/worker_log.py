"""A worker's own log in front of SQLite: one write and one sync make a group of messages durable.

A moment later SQLite gets many groups at once, so the cost of its locks, pages and commits is paid
only once. The log consists of two alternating files: one is written to while the content of the
other goes into the store. Taking in the same lines twice changes nothing.

Under load, a file is overwritten, not truncated: a disk takes twice as long to sync a file that
grows. Lines left from earlier turns are recognised by their numbers, a half-written line by its
checksum.
"""

import contextlib
import errno
import os
import zlib
from pathlib import Path
from typing import Any

import orjson

from gateway.core.errors import GatewayError
from gateway.store.engine import on_disk

#: If a turn wrote this many octets, the file keeps its size for the next.
_WORTH_KEEPING = range(16 * 1024, 16 * 1024 * 1024)
_NOTHING = bytes(8)  #: In place of a checksum: the file is empty.


class NotLogged(GatewayError):
    """The log could not be written durably; nothing in the group may happen."""


class WorkerLog:
    """The log of one worker, written to by one thread."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._files = [os.open(part, flags, 0o600) for part in _parts(path)]
        on_disk.sync(path.parent)  # The names must be as durable as the files' content.
        self._current = 0
        self._number = 0
        self._length = self._length_before = 0

    def append(self, batch: dict[str, Any], *, durable: bool) -> None:
        """Append a batch; a durable one is on disk when this returns.

        Raises `NotLogged` on failure, having kept nothing.
        """
        self._number += 1
        text = orjson.dumps({"n": self._number, **batch})
        line = b"%08x %b\n" % (zlib.crc32(text), text)
        file = self._files[self._current]
        try:
            if os.pwrite(file, line, self._length) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fdatasync(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(file, self._length)
            raise NotLogged(f"the journal's log: {error.strerror}") from error
        self._length += len(line)

    def switch(self) -> None:
        """Switch to the other file, which `forget` has emptied."""
        self._current = 1 - self._current
        self._length_before, self._length = self._length, 0

    def forget(self) -> None:
        """Empty the file that isn't being written to: the store has its content."""
        file = self._files[1 - self._current]
        if self._length_before in _WORTH_KEEPING:
            os.pwrite(file, _NOTHING, 0)
        else:
            os.ftruncate(file, 0)

    def close(self) -> None:
        """Close the files; their content stays."""
        for file in self._files:
            os.close(file)


def path_for(store: str, worker: int) -> Path:
    """Return the path of a worker's log: beside the store's file."""
    return Path(f"{store}-journal-{worker}")


def discard(path: Path) -> None:
    """Remove a log whose batches the store has."""
    for part in _parts(path):
        part.unlink(missing_ok=True)


def left_in(path: Path) -> list[dict[str, Any]]:
    """Return the batches in a worker's log, in order; an incomplete line is ignored."""
    batches = []
    for part in _parts(path):
        try:
            octets = part.read_bytes()
        except OSError:
            continue
        last = 0
        for line in octets.split(b"\n"):
            checksum, _, text = line.partition(b" ")
            if checksum != b"%08x" % zlib.crc32(text):
                break
            batch = orjson.loads(text)
            if batch["n"] <= last:  # From here on, lines are from an earlier turn.
                break
            last = batch["n"]
            batches.append(batch)
    return sorted(batches, key=lambda batch: int(batch["n"]))


def _parts(path: Path) -> tuple[Path, Path]:
    return Path(f"{path}.a"), Path(f"{path}.b")
