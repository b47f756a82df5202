"""pymap: an IMAP server that pip installs, written by others than Dovecot."""

import imaplib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.rig.process import (
    LOOPBACK,
    Guard,
    ended,
    free_port,
    has_listener,
    launch,
    signal_group,
    wait_until,
)

USER = "demouser"
PASSWORD = "demopass"
COMMAND = Path(sys.executable).parent / "pymap"


class Pymap:
    """One server in memory, with one user."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "pymap.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    async def __aenter__(self) -> Self:
        where = ["--host", LOOPBACK, "--port", str(self.port), "--no-tls"]
        command = [str(COMMAND), *where, "--no-service", "managesieve", "dict", "--demo-data"]
        self._process = launch(command, self._log)
        self._guard = Guard.of_group(self._process.pid)
        await wait_until(self._has_started, "the greeting of pymap", timeout=30)
        return self

    async def _has_started(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        return await has_listener(self.port)

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._guard is not None
        signal_group(self._process.pid, signal.SIGKILL)
        await ended(self._process)
        self._guard.release()

    @contextmanager
    def open(self) -> Iterator[imaplib.IMAP4]:
        """Lend a connection that is logged in."""
        with imaplib.IMAP4(LOOPBACK, self.port) as client:
            client.login(USER, PASSWORD)
            yield client

    def empty(self) -> None:
        """Remove what the inbox holds."""
        with self.open() as client:
            client.select("INBOX")
            client.store("1:*", "+FLAGS", "(\\Deleted)")
            client.expunge()

    def deliver(self, *mails: bytes) -> None:
        """Put mails into the inbox."""
        with self.open() as client:
            for mail in mails:
                done, said = client.append("INBOX", "", "", mail)
                assert done == "OK", said

    def count(self, folder: str = "INBOX") -> int:
        """Return how many mails a folder has; none if it isn't."""
        with self.open() as client:
            done, found = client.select(f'"{folder}"', readonly=True)
            return int(found[0] or 0) if done == "OK" else 0
