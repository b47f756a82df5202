"""Replacing the operator's files whole: readers see either all of the old or all of the new."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.core.errors import FileUnusable
from gateway.store.engine import on_disk

_USUAL_MODE = 0o644


class FileNotWritten(FileUnusable):
    """A file can't be written, and is unchanged."""


def write_whole(file: Path, text: str) -> None:
    """Write a text to a file; it is on disk when this returns.

    An existing file keeps its mode, a missing one is created. A symbolic link stays: its target is
    replaced. Raises `FileNotWritten`.
    """
    real = Path(os.path.realpath(file))
    made = ""
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else _USUAL_MODE
        # Not named like files read from the folder: `birthday.toml.x1.new`.
        handle, made = tempfile.mkstemp(prefix=f"{real.name}.", suffix=".new", dir=real.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as opened:
            opened.write(text)
            opened.flush()
            os.fchmod(opened.fileno(), mode)
            os.fsync(opened.fileno())
        Path(made).replace(real)
        made = ""
        on_disk.sync(real.parent)
    except OSError as error:
        raise _not_written(file, error) from error
    finally:
        if made:
            with suppress(OSError):
                Path(made).unlink()


def remove_file(file: Path) -> None:
    """Remove a file, if it exists. Raises `FileNotWritten`."""
    try:
        file.unlink(missing_ok=True)
        if file.parent.exists():
            on_disk.sync(file.parent)
    except OSError as error:
        raise _not_written(file, error) from error


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait for other processes on this machine that are in here for the same folder; keep them out.

    The folder is created if it is missing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _not_written(folder, error) from error
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _not_written(file: Path, error: OSError) -> FileNotWritten:
    return FileNotWritten(
        f"{file}: can't be written: {error.strerror}; let the user the gateway runs as write there "
        "(under systemd: ReadWritePaths=)"
    )
