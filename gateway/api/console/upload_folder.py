"""Folders for uploads awaiting confirmation; a killed process leaves none behind for long.

Each is locked by its process. An unlocked one was left by a killed process, and has personal data:
the next process to start removes it.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "gateway-upload-"


class UploadFolder:
    """A folder of this process, which exists until it is removed or the process ends."""

    def __init__(self) -> None:
        """OSError if there is no space for it."""
        self._made = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @property
    def path(self) -> Path:
        """Its path."""
        return Path(self._made.name)

    def remove(self) -> None:
        """Remove it with its content."""
        self._made.cleanup()
        os.close(self._lock)


def remove_left_folders() -> None:
    """Remove our user's folders that no process has locked."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # Not a folder, or another user's.
            continue
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:  # Locked by a process.
            continue
        finally:
            os.close(lock)
