"""A place for files that are written often: memory, if there is room."""

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")


def memory_folder(*, gigabytes: int = 1) -> Path | None:
    """Return a folder whose files are in memory; None: use the usual temporary folder.

    It needs enough free space, and programs must be executable there. Writes then cost no disk
    access, and `fsync` no time.
    """
    if not _MEMORY.is_dir() or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= gigabytes * 1024**3 else None
