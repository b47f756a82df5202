"""A root file system of one's own, in which a mail server is installed and runs as shipped.

The machine's own files lie below it, read only; what is written lies in memory and is gone when it
is closed, with every process inside. So a mail server can be installed that shuts another one out,
with its usual folders in /etc and /var/spool, and nothing of this machine changes. The network is
the machine's.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.clients.libraries import ClientFailed
from tests.rig.process import descendants, ended, wait_until

#: Ends, and the processes inside with it, when whoever started it closes its input or dies.
FIRST_PROCESS = """\
set -eu
base=$1 archives=$2
hostname "$3"
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/tree"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$base/tree"
mount -t proc proc "$base/tree/proc"
mount --rbind /dev "$base/tree/dev"
mount -t tmpfs -o mode=1777 tmpfs "$base/tree/tmp"
mount -t tmpfs -o mode=755 tmpfs "$base/tree/run"
mkdir -p "$base/tree/run/lock" "$base/tree/var/cache/apt/archives"
mount --bind "$archives" "$base/tree/var/cache/apt/archives"
printf '#!/bin/sh\\nexit 101\\n' > "$base/tree/usr/sbin/policy-rc.d"
chmod 755 "$base/tree/usr/sbin/policy-rc.d"
touch "$base/tree/tmp/is-ready"
read -r _ || true
"""
INSTALL_LIMIT = 240.0
HOST_NAME = "app.crm.example"


class PrivateRoot:
    """One such file system; only root can have one."""

    def __init__(self, cache: Path) -> None:
        self._archives = cache / "archives"
        (self._archives / "partial").mkdir(parents=True, exist_ok=True)
        self._base = Path(tempfile.mkdtemp(prefix="gateway-root-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._inside = 0

    async def __aenter__(self) -> Self:
        if os.geteuid() != 0 or not shutil.which("unshare"):
            raise ClientFailed("only root can have a file system of its own")
        namespaces = ("--mount", "--pid", "--uts", "--propagation", "private")
        options = (*namespaces, "--fork", "--kill-child")
        command = ("unshare", *options, "sh", "-c", FIRST_PROCESS, "sh")
        self._process = subprocess.Popen(
            [*command, str(self._base), str(self._archives), HOST_NAME],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        await wait_until(self._is_ready, "a file system of its own", timeout=10)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await ended(self._process)
        self._base.rmdir()

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            assert self._process.stderr is not None
            raise ClientFailed(self._process.stderr.read().decode(errors="replace").strip())
        self._inside = descendants(self._process.pid)[-1]
        return self.path("/tmp/is-ready").exists()

    def path(self, name: str) -> Path:
        """Return where a file inside is seen from outside: `/etc/mailname` → …"""
        return Path(f"/proc/{self._inside}/root{self._base}/tree{name}")

    def write(self, name: str, text: str, *, mode: int = 0o644) -> None:
        """Write a file inside."""
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    async def install(self, *packages: str) -> str:
        """Install Debian packages inside, and return the version of the first."""
        apt = ("apt-get", "install", "-qq", "-y", "--no-install-recommends")
        await self.run(*apt, *packages, timeout=INSTALL_LIMIT)
        shown = await self.run("dpkg-query", "--show", "--showformat=${Version}", packages[0])
        return shown.strip()

    async def run(
        self, *command: str, stdin: bytes = b"", timeout: float = 60.0, good: bool = True
    ) -> str:
        """Run a command inside to its end and return what it printed, errors too."""
        process = await self.start(*command, has_input=True)
        try:
            async with asyncio.timeout(timeout):
                out, _ = await process.communicate(stdin)
        except TimeoutError:
            process.kill()
            raise ClientFailed(f"{' '.join(command)} did not end in {timeout:g} s") from None
        text = out.decode(errors="replace")
        if good and process.returncode:
            raise ClientFailed(f"{' '.join(command)}: {text.strip()[-500:]}")
        return text

    async def start(self, *command: str, has_input: bool = False) -> asyncio.subprocess.Process:
        """Start a command inside, e.g. a daemon; it ends with the file system."""
        enter = ("nsenter", "--target", str(self._inside), "--mount", "--pid", "--uts")
        return await asyncio.create_subprocess_exec(
            *enter,
            "chroot",
            str(self._base / "tree"),
            *command,
            stdin=asyncio.subprocess.PIPE if has_input else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if has_input else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.STDOUT if has_input else asyncio.subprocess.DEVNULL,
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "DEBIAN_FRONTEND": "noninteractive",
                "RUNLEVEL": "1",
                "HOME": "/root",
                "LC_ALL": "C.UTF-8",
                **_proxy_settings(),
            },
        )


def _proxy_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
