"""An SMTP client that sends exactly the given octets, in the given segments."""

import asyncio
import base64
import contextlib
import itertools
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from tests.rig.process import LOOPBACK

TIMEOUT = 10.0
REPLY_LINE = re.compile(rb"(\d{3})([ -]?)(.*)", re.DOTALL)
ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
#: On close: discard unsent data and answer with RST.
RESET = struct.pack("ii", 1, 0)


class NothingCame(AssertionError):
    """The other side was silent for longer than the client waits."""


class ConnectionGone(AssertionError):
    """The other side closed or reset the connection when a reply was due."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply, possibly with several lines."""

    code: int
    lines: tuple[bytes, ...]  #: The text of each line, without code and line end.

    @property
    def text(self) -> str:
        """The lines joined by newlines; octets that are not UTF-8 become U+FFFD."""
        return b"\n".join(self.lines).decode(errors="replace")

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code of the first line, e.g. `5.7.1` (RFC 2034)."""
        found = ENHANCED.match(self.lines[0])
        return found[0].decode() if found else None

    @property
    def is_good(self) -> bool:
        return 200 <= self.code < 400

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """All replies to one transaction; commands that were not sent have none."""

    mail: Reply
    recipients: tuple[Reply, ...] = ()
    data: Reply | None = None
    ends: tuple[Reply, ...] = ()  #: After the content: one reply, or one per recipient in LMTP.

    @property
    def end(self) -> Reply:
        """The last reply of the transaction, whichever command it was for."""
        replies = (self.mail, *self.recipients, *filter(None, [self.data]), *self.ends)
        return replies[-1]


def stuff(content: bytes) -> bytes:
    """Return the content as sent over the wire, with dots doubled and the end of data."""
    lines = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
    if lines and not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return lines + b".\r\n"


class RawClient:
    """A connection to an SMTP or LMTP server; every wait ends after `timeout` seconds."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.timeout = timeout
        self.greeting: Reply | None = None
        self._last_sent = b""

    @classmethod
    async def connect(
        cls,
        port: int,
        host: str = LOOPBACK,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
        greeted: bool = True,
        receive_buffer: int | None = None,
    ) -> Self:
        """Connect and, unless told otherwise, read the greeting.

        `tls` starts implicit TLS for the name localhost. `receive_buffer` in octets makes the
        window small, for tests that stop reading.
        """
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setblocking(False)
        async with _limit(timeout, f"a connection to {host}:{port}"):
            try:
                await asyncio.get_running_loop().sock_connect(raw, (host, port))
                name = "localhost" if tls else None
                reader, writer = await asyncio.open_connection(
                    sock=raw, ssl=tls, server_hostname=name, limit=2**20
                )
            except BaseException:
                raw.close()
                raise
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = cls(reader, writer, timeout)
        if greeted:
            client.greeting = await client.reply()
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What is sent

    async def send(self, data: bytes) -> None:
        """Send these octets in one piece."""
        self._last_sent = data
        self.writer.write(data)
        async with _limit(self.timeout, f"the other side to take {_shown(data)}"):
            await self.writer.drain()

    async def send_bytewise(self, data: bytes, pause: float = 0.0) -> None:
        """Send every octet in a separate segment, `pause` seconds apart."""
        await self.send_pieces((data[n : n + 1] for n in range(len(data))), pause)
        self._last_sent = data

    async def send_split(self, data: bytes, *indexes: int, pause: float = 0.005) -> None:
        """Send the octets in segments that end before each index."""
        edges = [0, *indexes, len(data)]
        pieces = (data[start:end] for start, end in itertools.pairwise(edges))
        await self.send_pieces(pieces, pause)
        self._last_sent = data

    async def send_pieces(self, pieces: Iterable[bytes], pause: float = 0.0) -> None:
        """Send every piece in a separate segment, `pause` seconds apart."""
        for piece in pieces:
            await self.send(piece)
            await asyncio.sleep(pause)

    def half_close(self) -> None:
        """Finish sending (FIN), and continue reading."""
        self.writer.write_eof()

    async def reset(self) -> None:
        """Break the connection with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()
        await self._closed()

    async def close(self) -> None:
        """Close the connection (FIN) without QUIT."""
        self.writer.close()
        await self._closed()

    async def _closed(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self.writer.wait_closed()
        except TimeoutError:
            self.writer.transport.abort()
        except OSError:
            pass  # It was reset.

    # What is read

    async def reply(self, timeout: float | None = None) -> Reply:
        """Read one reply, with all its lines; strict about CRLF."""
        lines: list[bytes] = []
        while True:
            line = await self._line(timeout or self.timeout, lines)
            found = REPLY_LINE.fullmatch(line)
            if found is None:
                raise AssertionError(f"not an SMTP reply: {_shown(line)}")
            lines.append(found[3])
            if found[2] != b"-":
                return Reply(int(found[1]), tuple(lines))

    async def replies(self, count: int) -> list[Reply]:
        """Read this many replies."""
        return [await self.reply() for _ in range(count)]

    async def _line(self, timeout: float, before: Sequence[bytes]) -> bytes:
        what = f"the reply to {_shown(self._last_sent)} (so far {list(before)})"
        async with _limit(timeout, what):
            try:
                return (await self.reader.readuntil(b"\r\n"))[:-2]
            except asyncio.IncompleteReadError as error:
                rest = _shown(error.partial)
                raise ConnectionGone(f"end of connection, not {what}; it said {rest}") from None
            except OSError as error:
                raise ConnectionGone(f"{error}, not {what}") from None

    async def rest(self, timeout: float | None = None) -> bytes:
        """Read until the other side closes; a reset counts as closed."""
        received = b""
        async with _limit(timeout or self.timeout, "the other side to close the connection"):
            with contextlib.suppress(OSError):
                while piece := await self.reader.read(65536):
                    received += piece
        return received

    async def is_silent(self, seconds: float) -> bool:
        """Whether nothing arrives for this long (anything that does is lost)."""
        try:
            async with asyncio.timeout(seconds):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False

    def stop_reading(self) -> None:
        """Leave incoming data in the kernel, so that the window closes."""
        self.transport.pause_reading()

    def read_again(self) -> None:
        """Resume reading."""
        self.transport.resume_reading()

    @property
    def transport(self) -> asyncio.Transport:
        """The underlying transport, for what the client has no method for."""
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport)
        return transport

    # Whole commands

    async def command(self, line: bytes) -> Reply:
        """Send one line (CRLF is added) and read its reply."""
        await self.send(line + b"\r\n")
        return await self.reply()

    async def pipeline(self, *lines: bytes) -> list[Reply]:
        """Send all lines in one write (CRLF is added) and read a reply to each."""
        await self.send(b"".join(line + b"\r\n" for line in lines))
        return await self.replies(len(lines))

    async def ehlo(self, name: bytes = b"crm.example") -> Reply:
        """Say EHLO; the extensions are the lines after the first."""
        return await self.command(b"EHLO " + name)

    async def lhlo(self) -> Reply:
        """Say LHLO (RFC 2033)."""
        return await self.command(b"LHLO crm.example")

    async def starttls(self, context: ssl.SSLContext) -> Reply:
        """Request TLS and, if the server agrees, do the handshake for the name localhost."""
        reply = await self.command(b"STARTTLS")
        if reply.code == 220:
            async with _limit(self.timeout, "the TLS handshake"):
                await self.writer.start_tls(context, server_hostname="localhost")
        return reply

    async def login(self, login: str, password: str) -> Reply:
        """Authenticate with AUTH PLAIN (RFC 4616)."""
        secret = base64.b64encode(f"\0{login}\0{password}".encode())
        return await self.command(b"AUTH PLAIN " + secret)

    async def quit(self) -> Reply:
        """Say QUIT and close."""
        reply = await self.command(b"QUIT")
        await self.close()
        return reply

    async def transaction(
        self,
        sender: bytes,
        recipients: Sequence[bytes],
        content: bytes,
        *,
        parameters: bytes = b"",
        lmtp: bool = False,
    ) -> Conversation:
        """Send one mail, addresses without brackets, content without doubled dots.

        Goes as far as the server allows, and resets a transaction that fails.
        """
        mail = await self.command(b"MAIL FROM:<%s>%s" % (sender, parameters and b" " + parameters))
        if not mail.is_good:
            return Conversation(mail=mail)
        answers = tuple([await self.command(b"RCPT TO:<%s>" % one) for one in recipients])
        taken = sum(answer.is_good for answer in answers)
        if not taken:
            await self.command(b"RSET")
            return Conversation(mail=mail, recipients=answers)
        data = await self.command(b"DATA")
        if data.code != 354:
            return Conversation(mail=mail, recipients=answers, data=data)
        await self.send(stuff(content))
        ends = tuple(await self.replies(taken if lmtp else 1))
        return Conversation(mail=mail, recipients=answers, data=data, ends=ends)


@contextlib.asynccontextmanager
async def _limit(seconds: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise NothingCame(f"waited {seconds:g} s for {what}") from None


def _shown(data: bytes) -> str:
    return repr(data) if len(data) <= 80 else f"{data[:50]!r}… ({len(data)} octets)"
