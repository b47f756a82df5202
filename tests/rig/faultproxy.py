"""A TCP proxy that delays, slows, chops and cuts the traffic through it."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from tests.rig.client import RESET
from tests.rig.process import LOOPBACK

#: How many octets are remembered for a match that began in an earlier piece.
KEPT = 1024


class Cut(Enum):
    """How a connection is cut."""

    CLOSE = auto()  #: FIN to both sides.
    RESET = auto()  #: RST to both sides.
    BLACKHOLE = auto()  #: Both sides stay connected but receive nothing more.


@dataclass(slots=True, kw_only=True)
class Flow:
    """What happens in one direction; can be changed while connections are open."""

    delay: float = 0.0  #: Seconds before every piece.
    rate: float | None = None  #: Octets per second.
    is_chopped: bool = False  #: Every octet is sent in a separate segment.
    cut: Cut = Cut.CLOSE
    cut_after: int | None = None  #: Cut once this many octets have passed on a connection.
    cut_on: bytes | None = None  #: Cut when these octets pass.
    keeps_match: bool = True  #: Whether a match of `cut_on` is still passed on.
    times: int | None = None  #: How often it cuts; None: always.

    def admit(self, data: bytes, passed: int, before: bytes) -> tuple[bytes, bool]:
        """Return how much of the data passes, and whether the connection is cut after it."""
        if self.times == 0:
            return data, False
        ends = [end for end in (self._limit(passed), self._match(data, before)) if end is not None]
        end = min(ends, default=len(data) + 1)
        if end > len(data):
            return data, False
        return data[:end], True

    def _limit(self, passed: int) -> int | None:
        return None if self.cut_after is None else max(self.cut_after - passed, 0)

    def _match(self, data: bytes, before: bytes) -> int | None:
        if self.cut_on is None:
            return None
        before = before[-(len(self.cut_on) - 1) :] if len(self.cut_on) > 1 else b""
        start = (before + data).find(self.cut_on)
        if start < 0:
            return None
        end = start + len(self.cut_on) * self.keeps_match - len(before)
        return max(end, 0)


class FaultProxy:
    """Listens on 127.0.0.1 and connects every client to one server."""

    def __init__(self, target: int) -> None:
        self.target = (LOOPBACK, target)
        self.to_server = Flow()
        self.to_client = Flow()
        self.port = 0
        self.accepted = 0  #: Connections so far.
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()

    @classmethod
    async def start(cls, target: int) -> Self:
        """Return a proxy to that port, already listening."""
        proxy = cls(target)
        await proxy.listen()
        return proxy

    async def __aenter__(self) -> Self:
        if self._server is None:
            await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def open_connections(self) -> int:
        return len(self._links)

    async def listen(self) -> None:
        """Accept connections (again), on the same port as before."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Stop listening: new connections are refused, open ones continue."""
        if self._server is not None:
            self._server.close()
        self._server = None

    def cut_all(self, cut: Cut = Cut.RESET) -> None:
        """Cut every open connection now."""
        for link in self._links:
            link.cut(cut)

    async def close(self) -> None:
        """Stop listening and break all connections."""
        self.refuse()
        links = list(self._links)
        self.cut_all()
        await asyncio.gather(*(link.task for link in links), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            server = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await link.task
        finally:
            self._links.discard(link)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Link:
    """A client's connection to the server."""

    def __init__(self, proxy: FaultProxy, client: Stream, server: Stream) -> None:
        self._writers = (client[1], server[1])
        self._is_dark = False
        self._broken = asyncio.Event()
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pumps = [
            asyncio.create_task(self._pump(client[0], server[1], lambda: proxy.to_server)),
            asyncio.create_task(self._pump(server[0], client[1], lambda: proxy.to_client)),
        ]
        self.task = asyncio.create_task(self._run())

    def cut(self, cut: Cut) -> None:
        """Cut this connection."""
        self._is_dark = cut is Cut.BLACKHOLE
        for pump in self._pumps:
            pump.cancel()
        if cut is Cut.RESET:
            self._break()

    def _break(self) -> None:
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        self._broken.set()

    async def _run(self) -> None:
        try:
            await asyncio.wait(self._pumps)
            if self._is_dark:
                await self._broken.wait()
        finally:
            for pump in self._pumps:
                pump.cancel()
            for writer in self._writers:
                writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Callable[[], Flow]
    ) -> None:
        try:
            if await self._pump_to_end(reader, writer, flow):
                writer.write_eof()
        except OSError:
            self.cut(Cut.RESET)

    async def _pump_to_end(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Callable[[], Flow]
    ) -> bool:
        """Pass everything on; return False if the connection was cut."""
        passed = 0
        before = b""
        while data := await reader.read(65536):
            current = flow()
            piece, is_last = current.admit(data, passed, before)
            await self._pass(current, writer, piece)
            if is_last:
                self._cut_by(current)
                return False
            passed += len(piece)
            before = (before + piece)[-KEPT:]
        return True

    def _cut_by(self, flow: Flow) -> None:
        if flow.times is not None:
            flow.times -= 1
        self.cut(flow.cut)

    async def _pass(self, flow: Flow, writer: asyncio.StreamWriter, piece: bytes) -> None:
        if flow.delay:
            await asyncio.sleep(flow.delay)
        size = 1 if flow.is_chopped else max(int((flow.rate or 0) / 20), 1)
        if not flow.is_chopped and flow.rate is None:
            size = max(len(piece), 1)
        for start in range(0, len(piece), size):
            writer.write(piece[start : start + size])
            await writer.drain()
            await asyncio.sleep(size / flow.rate if flow.rate else 0)


class HangingPort:
    """A port on 127.0.0.1 where connecting itself hangs, as its backlog is full."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0), backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self._waiting = [socket.socket() for _ in range(4)]
        for one in self._waiting:
            one.setblocking(False)
            one.connect_ex((LOOPBACK, self.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (*self._waiting, self._listener):
            one.close()
