"""A TCP proxy that keeps every command a mail server says to the gateway, and every reply."""

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import Self

from tests.rig.process import LOOPBACK


@dataclass(slots=True, kw_only=True)
class TappedConnection:
    """What was said on one connection."""

    opened: float  #: Monotonic seconds.
    closed: float | None = None
    said: list[tuple[float, str, str]] = field(default_factory=list)
    """When, `C` or `S`, and the line; content is left out."""
    has_content: bool = False  #: Between 354 and the dot.
    left_over: bytes = b""

    def take(self, side: str, data: bytes) -> None:
        """Keep a piece of what one side said."""
        now = time.monotonic()
        if side == "S":
            for reply_line in data.decode(errors="replace").splitlines():
                self.said.append((now, side, reply_line))
                self.has_content |= reply_line.startswith("354")
            return
        rest = self.left_over + data
        while rest:
            if self.has_content:
                end = (b"\r\n" + rest).find(b"\r\n.\r\n")
                if end < 0:
                    break
                rest, self.has_content = rest[end + 3 :], False
                self.said.append((now, side, "."))
                continue
            line, found, after = rest.partition(b"\r\n")
            if not found:
                break
            self.said.append((now, side, line.decode(errors="replace")))
            rest = after
        self.left_over = rest

    def commands(self, verb: str) -> list[str]:
        """Return the commands of one verb, in order."""
        return [
            line
            for _, side, line in self.said
            if side == "C" and line.upper().startswith(verb.upper())
        ]

    def transactions(self) -> list[list[str]]:
        """Return the RCPT commands of each MAIL."""
        found: list[list[str]] = []
        for _, side, line in self.said:
            if side == "C" and line.upper().startswith("MAIL"):
                found.append([])
            elif side == "C" and line.upper().startswith("RCPT") and found:
                found[-1].append(line)
        return found


#: Replies that say the command itself was not understood.
NOT_UNDERSTOOD = re.compile(r"(?:50[0-4]|555|421)\b")


class Tap:
    """Listens on 127.0.0.1; `target` may be changed for connections to come."""

    def __init__(self) -> None:
        self.target = 0
        self.port = 0
        self.connections: list[TappedConnection] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def not_understood(self) -> list[str]:
        """Return the commands the gateway refused as such, each with its reply."""
        found = []
        for connection in self.connections:
            last = ""
            for _, side, line in connection.said:
                if side == "C":
                    last = line
                elif NOT_UNDERSTOOD.match(line):
                    found.append(f"{last} → {line}")
        return found

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = TappedConnection(opened=time.monotonic())
        self.connections.append(connection)
        try:
            server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self.target)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pass(reader, server_writer, connection, "C"))
                    group.create_task(_pass(server_reader, writer, connection, "S"))
            finally:
                server_writer.close()
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            connection.closed = time.monotonic()
            writer.close()
            self._tasks.discard(task)


async def _pass(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    connection: TappedConnection,
    side: str,
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            connection.take(side, data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()  # Exim ends its side with QUIT and reads on
