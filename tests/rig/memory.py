"""A place for the files of servers that write many: memory, where there is room."""

import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 1024**3  #: So many octets must be free: a server of a test takes up to a tenth of that.


def memory_folder() -> Path | None:
    """Return a folder whose files are in memory; None: temporary files are where they always are.

    What is written there costs no disk a thought, `fsync` nothing, and it ends with the machine.
    """
    is_roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM
    return _MEMORY if is_roomy else None
