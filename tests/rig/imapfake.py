"""A scriptable IMAP server, for the faults that real ones have on bad days."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Self

from tests.rig.process import LOOPBACK

CAPABILITY = "IMAP4rev1 IDLE MOVE UIDPLUS SASL-IR"
_PARTIAL = re.compile(r"BODY\.PEEK\[(HEADER)?\]<(\d+)\.(\d+)>")


class FakeImap:
    """A folder with mails by UID; `faults` answer commands in the server's place.

    A fault is named by the command (`LOGIN`, `UID FETCH`, `GREETING` …). It receives the connection
    and the command's words, and returns whether the server should still answer.
    """

    def __init__(self, *mails: bytes, capability: str = CAPABILITY) -> None:
        self.mails = dict(enumerate(mails, 1))
        self.capability = capability
        self.uidvalidity = 1
        self.moved: list[tuple[str, str]] = []
        self.folders = {"INBOX"}
        self.faults: dict[str, Fault] = {}
        self.commands: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: list[Connection] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def arrive(self, mail: bytes, uid: int = 0) -> None:
        """Add a mail to the folder and notify clients in IDLE."""
        self.mails[uid or max(self.mails, default=0) + 1] = mail
        for connection in self.connections:
            if connection.idles:
                connection.say(f"* {len(self.mails)} EXISTS")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await connection.serve()
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class Connection:
    """A client's connection."""

    def __init__(
        self, server: FakeImap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.tag = ""
        self.idles = False

    def say(self, line: str | bytes) -> None:
        """Send a line."""
        self.writer.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")

    def ok(self, text: str = "done") -> None:
        """Report the command as completed."""
        self.say(f"{self.tag} OK {text}")

    def cut(self) -> None:
        """Close the connection; what was sent arrives first."""
        self.writer.close()

    async def silence(self) -> None:
        """Send nothing until the client has disconnected."""
        while await self.reader.read(1000):
            pass

    async def serve(self) -> None:
        """Speak IMAP until the client disconnects."""
        if await self._faulty("GREETING", []):
            self.say("* OK ready")
        while line := (await self.reader.readline()).decode("latin-1").rstrip("\r\n"):
            self.tag, name, *words = line.split(" ")
            if name == "UID":
                name = f"UID {words.pop(0)}"
            self.server.commands.append(" ".join([name, *words]))
            if await self._faulty(name, words):
                await getattr(self, f"_{name.lower().replace(' ', '_')}")(words)
            if self.writer.is_closing():
                return

    async def _faulty(self, name: str, words: list[str]) -> bool:
        fault = self.server.faults.get(name)
        return fault is None or await fault(self, words)

    async def _capability(self, _: list[str]) -> None:
        self.say(f"* CAPABILITY {self.server.capability}")
        self.ok()

    async def _done(self, _: list[str]) -> None:
        self.ok()

    _login = _authenticate = _subscribe = _noop = _uid_store = _uid_expunge = _done

    async def _logout(self, _: list[str]) -> None:
        self.say("* BYE see you")
        self.ok()

    async def _list(self, words: list[str]) -> None:
        name = " ".join(words[1:]).strip('"')
        if not name or name in self.server.folders:
            self.say(f'* LIST () "/" "{name}"')
        self.ok()

    async def _create(self, words: list[str]) -> None:
        self.server.folders.add(" ".join(words).strip('"'))
        self.ok()

    async def _select(self, _: list[str]) -> None:
        self.say(f"* {len(self.server.mails)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.server.uidvalidity}] valid")
        self.ok("[READ-WRITE] selected")

    async def _uid_search(self, _: list[str]) -> None:
        self.say(" ".join(["* SEARCH", *map(str, self.server.mails)]))
        self.ok()

    async def _uid_fetch(self, words: list[str]) -> None:
        found = _PARTIAL.search(" ".join(words))
        for number, uid in enumerate(self.server.mails, 1):
            if uid not in numbers(words[0]):
                continue
            mail = self.server.mails[uid]
            if found is None:
                when = '"04-Mar-2026 10:00:00 +0000"'
                self.say(
                    f"* {number} FETCH (UID {uid} RFC822.SIZE {len(mail)} INTERNALDATE {when})"
                )
                continue
            whole = mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if found[1] else mail
            start = int(found[2])
            piece = whole[start : start + int(found[3])]
            self.piece(number, uid, found[1] or "", start, piece)
        self.ok()

    def piece(self, number: int, uid: int, section: str, start: int, piece: bytes) -> None:
        """Send part of a mail."""
        name = f"BODY[{section}]<{start}>"
        self.say(f"* {number} FETCH (UID {uid} {name} {{{len(piece)}}}")
        self.writer.write(piece)
        self.say(")")

    async def _uid_copy(self, words: list[str]) -> None:
        self.server.moved.append((words[0], " ".join(words[1:]).strip('"')))
        self.ok()

    async def _uid_move(self, words: list[str]) -> None:
        for uid in numbers(words[0]):
            self.server.moved.append((str(uid), " ".join(words[1:]).strip('"')))
            if uid in self.server.mails:
                number = list(self.server.mails).index(uid) + 1
                del self.server.mails[uid]
                self.say(f"* {number} EXPUNGE")
        self.ok()

    async def _idle(self, _: list[str]) -> None:
        self.say("+ idling")
        self.idles = True
        await self.reader.readline()
        self.idles = False
        self.ok()


Fault = Callable[[Connection, list[str]], Awaitable[bool]]


def numbers(text: str) -> set[int]:
    """Return the UIDs in a set in wire format, `1:3,7`."""
    found: set[int] = set()
    for run in text.split(","):
        first, _, last = run.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found
