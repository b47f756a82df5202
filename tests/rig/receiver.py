"""A web server that records what is posted to it and gives scripted answers."""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from tests.rig.process import LOOPBACK, wait_until

#: The reaction to a request: a status, a whole answer, or one of the two below.
Answer = int | bytes | str
HANG = "hang"  #: Read it without answering.
CLOSE = "close"  #: Read it and close the connection.


@dataclass(frozen=True, slots=True)
class Posted:
    """A request."""

    target: str
    headers: dict[str, str]
    body: bytes
    at: float  #: By `time.time`.

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Listens on 127.0.0.1; `answer` decides on each request."""

    def __init__(
        self, answer: Callable[[Posted], Answer] = lambda _: 200, tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.posted: list[Posted] = []
        self.port = 0
        self.most = 0  #: Maximum number of simultaneous requests.
        self._tls = tls
        self._in_hand = 0
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self.port}/hook"

    @property
    def documents(self) -> list[Any]:
        return [one.document for one in self.posted]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for end in list(self._ends):
            end.transport.abort()

    async def has(self, count: int, timeout: float = 20.0) -> None:
        """Wait for this many requests."""
        await wait_until(lambda: len(self.posted) >= count, f"{count} webhooks", timeout)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        self._ends.discard(writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
        names = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:-2]}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        posted = Posted(head[0].split(" ")[1], names, body, time.time())
        self._in_hand += 1
        self.most = max(self.most, self._in_hand)
        self.posted.append(posted)
        try:
            answer = self.answer(posted)
            if answer == HANG:
                await asyncio.sleep(3600)
            if isinstance(answer, str):
                return False
            whole = answer if isinstance(answer, bytes) else b""
            writer.write(whole or f"HTTP/1.1 {answer!s} X\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        finally:
            self._in_hand -= 1
        return not whole
