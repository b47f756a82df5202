"""Notes of what a process has handed to a relay, for whoever finds its rows after a crash.

Mails are released in the store many at a time, and then go to the relay a few at a time:

    store    11 to 16 are `sending`
    file     11 begun, 12 begun, 11 taken, 12 refused, 13 begun        then the process is killed

Mail 11 was sent; 13 may have been and becomes `unknown`; 12 and 14 to 16 certainly were not, and
are due again. The holder in the rows names the file, for any other process on the machine. Nothing
is removed from it while its process runs: a store restored from a copy may have older rows.

The kernel keeps what a killed process has written, but not if the power fails: the file of a
process from an earlier boot proves nothing, and all its mails are `unknown`.
"""

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from gateway.runtime import processes
from gateway.store.engine.leases import IsGone

_PREFIX = "attempts-"
_NOTE = struct.Struct("<qB")  #: The number of a mail, and what happened to it.
_BEGUN, _TAKEN, _REFUSED = range(3)
_OLD = timedelta(days=1)  #: By then, rows of a holder elsewhere are settled: their lease has ended.


def noting_holder(folder: Path) -> str:
    """Return a name for this process in rows that also gives the path of its notes."""
    process = processes.holder("triggers")
    name = f"{_PREFIX}{sha256(process.encode()).hexdigest()[:16]}"
    return f"{process} {folder.absolute() / name}"


class AttemptNotes:
    """The file named by a holder: the holder in the first line, then nine octets per note."""

    def __init__(self, holder: str) -> None:
        """If the holder names no file, nothing is noted."""
        self._holder = holder
        self._path = _path(holder)
        self._file: int | None = None

    @property
    def are_kept(self) -> bool:
        """Whether attempts are noted."""
        return self._file is not None

    def open(self) -> None:
        """Create the file, before the first mail is released; OSError if that fails.

        It is tried only once: a later file would lack what was begun before.
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

    def note_begun(self, number: int) -> None:
        """Note that the relay may hear of a mail from now on; on OSError, it must not."""
        self._note(number, _BEGUN)

    def note_taken(self, number: int) -> None:
        """Note that the relay accepted a mail; on OSError, this is lost if the process ends now."""
        self._note(number, _TAKEN)

    def note_refused(self, number: int) -> None:
        """Note that the relay certainly did not accept a mail; OSError as for `note_taken`."""
        self._note(number, _REFUSED)

    def close(self) -> None:
        """Close the file; its notes stay for whoever finds rows of this process."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _note(self, number: int, what: int) -> None:
        note = _NOTE.pack(number, what)
        if self._file is not None and os.write(self._file, note) != _NOTE.size:
            raise OSError("a note was written by half")


def attempts_of(holder: str) -> Mapping[int, bool] | None:
    """Return what a relay accepted (True), or may have accepted, from an ended holder.

    None if nobody knows.
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


def forget_ended(folder: Path, is_gone: IsGone) -> None:
    """Remove the files of ended holders, whose rows the caller has settled.

    Old files of other machines and containers are removed, too, as nobody reports their end.
    """
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            holder = path.read_bytes().partition(b"\n")[0].decode(errors="replace")
            if is_gone(holder, is_silent=processes.is_silent(path, _OLD)):
                path.unlink()


def _path(holder: str) -> Path | None:
    _, _, rest = holder.partition(" triggers ")
    return Path(rest) if rest else None


def _head(holder: str) -> bytes:
    return holder.encode() + b"\n"
