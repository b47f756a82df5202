"""What a process has handed to a relay, noted for whoever finds its rows after a crash.

Mails are let go in the store many at once, and then go to the relay a few at a time:

    store    11 to 16 are `sending`
    file     11 begun, 12 begun, 11 taken, 12 refused, 13 begun        then the process is killed

Mail 11 was sent; 13 may have been and becomes `unknown`; 12 and 14 to 16 surely were not, and are
due again. The holder in the rows names the file, for any other process of the machine. Nothing is
taken out of it while its process runs: a store that is put back from a copy may have older rows.

What a process has written the kernel keeps when the process is killed. Not when the machine's power
fails: of a process of an earlier boot the file says nothing, and all its mails are `unknown`.
"""

import os
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from gateway.runtime import processes

_PREFIX = "attempts-"
_NOTE = struct.Struct("<qB")  #: The number of a mail, and what happened to it.
_BEGUN, _TAKEN, _REFUSED = range(3)
_OLD_SECONDS = 24 * 3600  #: By then rows of a holder elsewhere are settled: their lease is over.


def noting_holder(folder: Path) -> str:
    """Return a name for this process in rows that says where its notes are, too."""
    process = processes.holder("triggers")
    name = f"{_PREFIX}{sha256(process.encode()).hexdigest()[:16]}"
    return f"{process} {folder.absolute() / name}"


class AttemptNotes:
    """The file that a holder names: the holder in the first line, then eight octets a note."""

    def __init__(self, holder: str) -> None:
        """Where the holder names no file, nothing is noted."""
        self._holder = holder
        self._path = _path(holder)
        self._file: int | None = None

    @property
    def are_kept(self) -> bool:
        """Whether attempts are noted."""
        return self._file is not None

    def open(self) -> None:
        """Make the file, before the first mail is let go; OSError where that can't be.

        It is tried once: of what was begun before, a later file would say nothing.
        """
        path, self._path = self._path, None
        if path is None:
            return
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        file = os.open(path, flags, 0o600)
        try:
            os.write(file, _head(self._holder))
        except OSError:
            os.close(file)
            path.unlink()
            raise
        self._file = file

    def begun(self, number: int) -> None:
        """Note that the relay may hear of a mail from now on; OSError: it must not."""
        self._note(number, _BEGUN)

    def taken(self, number: int) -> None:
        """Note that the relay took a mail; OSError: nobody will know if this process ends now."""
        self._note(number, _TAKEN)

    def refused(self, number: int) -> None:
        """Note that the relay surely did not take a mail; OSError: as for `taken`."""
        self._note(number, _REFUSED)

    def close(self) -> None:
        """End the file; the notes stay in it for whoever finds rows of this process."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _note(self, number: int, what: int) -> None:
        note = _NOTE.pack(number, what)
        if self._file is not None and os.write(self._file, note) != _NOTE.size:
            raise OSError("a note was written by half")


def attempts_of(holder: str) -> Mapping[int, bool] | None:
    """Return what a relay took (True), or may have taken, from a holder that has ended.

    None: nobody knows.
    """
    path, head = _path(holder), _head(holder)
    if path is None or not processes.is_of_this_boot(holder):
        return None
    try:
        written = path.read_bytes()
    except OSError:
        return None
    notes = written.removeprefix(head)
    if not written.startswith(head) or len(notes) % _NOTE.size:
        return None
    attempts: dict[int, bool] = {}
    for number, what in _NOTE.iter_unpack(notes):
        if what == _REFUSED:
            attempts.pop(number, None)
        else:
            attempts[number] = what == _TAKEN
    return attempts


def forget_ended(folder: Path, is_gone: Callable[[str], bool]) -> None:
    """Remove the files of holders that have ended: whoever calls this has seen to their rows.

    So are old ones of other machines and containers, of which nobody says that they have ended.
    """
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            holder = path.read_bytes().partition(b"\n")[0].decode(errors="replace")
            is_elsewhere = not holder.startswith(f"{processes.node()} ")
            is_old = path.stat().st_mtime < time.time() - _OLD_SECONDS
            if is_gone(holder) or (is_elsewhere and is_old):
                path.unlink()


def _path(holder: str) -> Path | None:
    _, _, rest = holder.partition(" triggers ")
    return Path(rest) if rest else None


def _head(holder: str) -> bytes:
    return holder.encode() + b"\n"
