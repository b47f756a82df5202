"""Folders for files that were sent to the console and wait for a yes; a killed process leaves none.

Each is locked by its process. One that nobody holds any more was left by a process that was killed,
and has people's data: whoever starts next removes it.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "gateway-upload-"


class UploadFolder:
    """A folder of this process, until it is removed or the process ends."""

    def __init__(self) -> None:
        """OSError where there is no room for one."""
        self._made = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self._made.name)

    def remove(self) -> None:
        """Remove it with what is in it."""
        self._made.cleanup()
        os.close(self._lock)


def remove_left_folders() -> None:
    """Remove our user's folders that no process holds."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # No folder, or another user's.
            continue
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:  # Somebody holds it.
            continue
        finally:
            os.close(lock)
