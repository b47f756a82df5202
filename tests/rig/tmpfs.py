"""A small disk that can be filled, and made read-only; requires root."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.rig.process import needs


class SmallDisk:
    """A mounted file system of a few blocks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """Use up all space."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink()

    def protect(self) -> None:
        """Make it read-only; no file on it may be open for writing."""
        _mount("-o", "remount,ro", self.folder)

    def unprotect(self) -> None:
        """Make it writable again."""
        _mount("-o", "remount,rw", self.folder)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[SmallDisk]:
    """Mount a disk of a size such as `1m` for the block; skip if that is not allowed."""
    if os.geteuid() != 0:
        needs("root", "only root can mount a small disk")
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        needs("mount", done.stderr.decode(errors="replace").strip())
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)
