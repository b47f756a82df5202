"""pymap: an IMAP server installed by pip, written by others than Dovecot's authors."""

import imaplib
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from tests.rig.process import (
    LOOPBACK,
    free_port,
    has_listener,
)
from tests.rig.server_process import ServerProcess

USER = "demouser"
PASSWORD = "demopass"
COMMAND = Path(sys.executable).parent / "pymap"


class Pymap:
    """An in-memory server with one user."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._server = ServerProcess("pymap", folder / "pymap.log")

    async def __aenter__(self) -> Self:
        where = ["--host", LOOPBACK, "--port", str(self.port), "--no-tls"]
        command = [str(COMMAND), *where, "--no-service", "managesieve", "dict", "--demo-data"]
        await self._server.start(command, partial(has_listener, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(signal.SIGKILL)

    @contextmanager
    def open(self) -> Iterator[imaplib.IMAP4]:
        """Lend a logged-in connection."""
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
        """Return the number of mails in a folder; 0 if there is no such folder."""
        with self.open() as client:
            done, found = client.select(f'"{folder}"', readonly=True)
            return int(found[0] or 0) if done == "OK" else 0
