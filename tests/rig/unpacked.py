"""Debian's servers, unpacked for a test but not installed, as they conflict with each other.

The packages' files overlay the system's own in a mount namespace that only the server sees.
"""

import atexit
import os
import re
import shutil
import signal
import subprocess
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Self

from tests.rig.mailboxes import Mailboxes
from tests.rig.process import (
    free_port,
    has_listener,
    needs,
)
from tests.rig.server_process import ServerProcess

_PREPARE = """\
set -e
mkdir "$HOME/changes"
mount -t tmpfs tmpfs "$HOME/changes"
mkdir "$HOME/changes/upper" "$HOME/changes/work"
mount -t overlay overlay -o "lowerdir=$HOME/packages/usr:/usr" /usr
mount -t overlay overlay -o \
    "lowerdir=$HOME/packages/etc:/etc,upperdir=$HOME/changes/upper,workdir=$HOME/changes/work" /etc
mount -t tmpfs tmpfs /run
"""


@cache
def unpacked(*packages: str) -> Path:
    """Unpack packages and their missing dependencies, once for all tests of a process.

    Skips the test if they aren't available.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        needs(packages[0], "only root can unpack it, on Debian")
    missing = _missing(packages)
    if not missing:
        _run("apt-get", "update", "-qq")
        missing = _missing(packages)
    if not missing:
        needs(packages[0], "apt-get knows no such package")
    target = Path(tempfile.mkdtemp(prefix=f"gateway-{packages[0]}-unpacked-"))
    target.chmod(0o755)
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    folder = target / "files"
    folder.mkdir()
    done = _run("apt-get", "download", "-qq", *missing, folder=folder)
    if done.returncode != 0:
        needs(packages[0], done.stderr.strip())
    for file in folder.iterdir():
        _run("dpkg-deb", "-x", str(file), str(target))
    for name in ("lib", "sbin", "bin"):  # Older packages still have them at the top.
        if (target / name).is_dir():
            shutil.copytree(target / name, target / "usr" / name, symlinks=True, dirs_exist_ok=True)
    (target / "etc").mkdir(exist_ok=True)
    return target


def _missing(packages: tuple[str, ...]) -> list[str]:
    done = _run("apt-get", "install", "--simulate", "--no-install-recommends", *packages)
    return re.findall(r"^Inst (\S+)", done.stdout, re.MULTILINE)


def _run(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


class UnpackedServer(Mailboxes):
    """An IMAP server from a Debian package; `script` (bash) ends with its `exec`."""

    def __init__(self, *packages: str, script: str) -> None:
        super().__init__(free_port())
        self._packages = packages
        self._script = script
        self.folder = Path(tempfile.mkdtemp(prefix=f"gateway-{packages[0]}-"))
        self.folder.chmod(0o755)
        self._server = ServerProcess(packages[0], self.folder / "log", self.folder)

    async def __aenter__(self) -> Self:
        (self.folder / "packages").symlink_to(unpacked(*self._packages))
        script = self.folder / "start"
        script.write_text(f"{_PREPARE}LISTEN_PORT={self.port}\n{self._script}")
        # When the first process of the namespace ends, so do all others.
        apart = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        await self._server.start(
            [*apart, "bash", str(script)],
            partial(has_listener, self.port),
            environment={"HOME": str(self.folder)},
            folder=self.folder,
            timeout=60,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
