"""One connection to a relay: commands out, replies in, every wait with an end."""

import asyncio
import base64
import re
from collections import deque
from collections.abc import Sequence
from typing import cast

from gateway.core.errors import GatewayError
from gateway.core.reply import Reply
from gateway.delivery.settings import RelaySettings

_LINE = re.compile(rb"(\d{3})(?:([ -])(.*))?\Z", re.DOTALL)
_MAX_LINE = 4096  #: Octets of one line of a reply.
_MAX_LINES = 200  #: Lines of one reply.
_HIGH_WATER = 1 << 20  #: Octets that may wait to be sent before writing pauses.
CONNECT_SECONDS = 15
GREETING_SECONDS = 30


class RelayLost(GatewayError):
    """The relay closed the connection, gave no answer in time, or answered with garbage."""


class RelayRefuses(GatewayError):
    """The relay refuses the gateway itself: at the greeting, EHLO, STARTTLS or AUTH."""

    def __init__(self, stage: str, reply: Reply) -> None:
        super().__init__(f"{stage}: {reply.text}")
        self.stage = stage
        self.reply = reply


class RelayConnection(asyncio.Protocol):
    """A client's side of SMTP: any number of commands may wait for their replies in order."""

    def __init__(self, settings: RelaySettings) -> None:
        self.settings = settings
        self.extensions: dict[str, str] = {}
        self.served = 0  #: Transactions finished on this connection.
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._buffer = b""
        self._lines: list[bytes] = []
        self._failure: str | None = None
        self._resumed: asyncio.Future[None] | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to listen."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Take replies apart and hand each to the command that waits longest."""
        data = self._buffer + data if self._buffer else data
        *lines, self._buffer = data.split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r"))
        if len(self._buffer) > _MAX_LINE:
            self._fail("a reply line without end")

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everyone who waits."""
        self._fail("connection lost" if error is None else f"connection lost: {error}")

    def pause_writing(self) -> None:
        """Make writers wait: the relay reads slowly."""
        self._resumed = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let writers go on."""
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    def _line(self, line: bytes) -> None:
        found = _LINE.match(line)
        if found is None or len(line) > _MAX_LINE or len(self._lines) >= _MAX_LINES:
            self._fail("no SMTP reply")
            return
        self._lines.append(found[3] or b"")
        if found[2] == b"-":
            return
        lines, self._lines = self._lines, []
        if not self._waiting:
            self._fail("a reply nobody asked for")
            return
        waiting = self._waiting.popleft()
        if not waiting.done():
            waiting.set_result(Reply.received(int(found[1]), lines))

    def _fail(self, why: str) -> None:
        self._failure = self._failure or why
        self.abort()
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(RelayLost(why))
                waiting.exception()  # Whoever waits sees it; nobody has to.
        self.resume_writing()

    # What the gateway calls.

    @property
    def usable(self) -> bool:
        """Whether a new transaction may start: open, nothing unread, nothing unanswered."""
        transport = self._transport
        return (
            self._failure is None
            and transport is not None
            and not transport.is_closing()
            and not self._waiting
            and not self._lines
            and not self._buffer
        )

    @property
    def pipelining(self) -> bool:
        """Whether several commands may be sent at once (RFC 2920)."""
        return "PIPELINING" in self.extensions

    def expect(self) -> "asyncio.Future[Reply]":
        """Return a future for the next reply that no earlier command waits for."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        if self._failure is not None:
            future.set_exception(RelayLost(self._failure))
            future.exception()
        else:
            self._waiting.append(future)
        return future

    def write(self, octets: bytes) -> None:
        """Send octets; nothing happens on a lost connection, the waiting replies say so."""
        if self._failure is None and self._transport is not None:
            self._transport.write(octets)

    async def drain(self, seconds: float) -> None:
        """Wait until the relay has read enough; raise `RelayLost` if it doesn't."""
        if self._failure is not None:
            raise RelayLost(self._failure)
        if self._resumed is not None:
            await _in_time(asyncio.shield(self._resumed), seconds)

    async def commands(self, lines: Sequence[bytes], seconds: float) -> list[Reply]:
        """Send command lines and return their replies; in one write where the relay allows it."""
        if self.pipelining:
            futures = [self.expect() for _ in lines]
            self.write(b"".join(lines))
            return [await _in_time(future, seconds) for future in futures]
        return [await self.command(line, seconds) for line in lines]

    async def command(self, line: bytes, seconds: float) -> Reply:
        """Send one command line and return its reply."""
        future = self.expect()
        self.write(line)
        return await _in_time(future, seconds)

    def abort(self) -> None:
        """Close at once, whatever was under way."""
        self._failure = self._failure or "closed by the gateway"
        if self._transport is not None:
            self._transport.abort()

    def quit(self) -> None:
        """Say goodbye without waiting for the answer."""
        if self._failure is None and self._transport is not None:
            self._transport.write(b"QUIT\r\n")
            self._failure = "closed by the gateway"
            self._transport.close()

    # The greeting.

    async def greet(self) -> None:
        """Take the connection from the banner to a state where MAIL may come."""
        settings = self.settings
        banner = await _in_time(self._banner, GREETING_SECONDS)
        if banner.code != 220:
            raise RelayRefuses("greeting", banner)
        await self._ehlo()
        if settings.tls == "starttls":
            await self._starttls()
            await self._ehlo()
        if settings.auth != "none":
            await self._authenticate()

    async def _ehlo(self) -> None:
        name = self.settings.helo_name.encode("ascii", "replace")
        reply = await self.command(b"EHLO %s\r\n" % name, GREETING_SECONDS)
        if reply.code in (500, 501, 502, 504):
            reply = await self.command(b"HELO %s\r\n" % name, GREETING_SECONDS)
            reply = Reply(reply.code, reply.lines[:1])
        if reply.code != 250:
            raise RelayRefuses("EHLO", reply)
        words = (line.partition(" ") for line in reply.lines[1:])
        self.extensions = {word.upper(): rest.upper() for word, _, rest in words}

    async def _starttls(self) -> None:
        if "STARTTLS" not in self.extensions:
            raise RelayRefuses("STARTTLS", Reply.of("454 4.7.5 The relay offers no STARTTLS"))
        reply = await self.command(b"STARTTLS\r\n", GREETING_SECONDS)
        if reply.code != 220:
            raise RelayRefuses("STARTTLS", reply)
        context, transport = self.settings.context, self._transport
        if context is None or transport is None or self._buffer:
            raise RelayLost("octets before the TLS handshake")
        self._transport = cast(
            asyncio.Transport,
            await self._loop.start_tls(
                transport, self, context, server_hostname=self.settings.host
            ),
        )

    async def _authenticate(self) -> None:
        settings = self.settings
        user, secret = settings.username.encode(), settings.password.encode()
        match settings.auth:
            case "plain":
                steps = [b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + secret)]
            case "login":
                steps = [b"AUTH LOGIN", base64.b64encode(user), base64.b64encode(secret)]
            case _:
                token = b"user=%s\1auth=Bearer %s\1\1" % (user, secret)
                steps = [b"AUTH XOAUTH2 " + base64.b64encode(token)]
        for number, step in enumerate(steps, 1):
            reply = await self.command(step + b"\r\n", GREETING_SECONDS)
            if reply.code == 334 and number == len(steps):
                # XOAUTH2 tells its error in a challenge and waits for an empty line.
                reply = await self.command(b"\r\n", GREETING_SECONDS)
            if reply.code not in (235, 334):
                raise RelayRefuses("AUTH", reply)

    @classmethod
    async def open(cls, settings: RelaySettings) -> "RelayConnection":
        """Connect, greet and authenticate; raise `RelayLost` or `RelayRefuses`."""
        loop = asyncio.get_running_loop()
        context = settings.context if settings.tls == "implicit" else None
        connection = cls(settings)
        connection._banner = connection.expect()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: connection, settings.host, settings.port, ssl=context
                )
            await connection.greet()
        except (OSError, TimeoutError) as error:
            connection.abort()
            raise RelayLost(f"{settings.name}: {_reason(error)}") from error
        except BaseException:
            connection.abort()
            raise
        return connection

    _banner: "asyncio.Future[Reply]"


async def _in_time(future: "asyncio.Future[Reply] | asyncio.Future[None]", seconds: float) -> Reply:
    if future.done():
        return cast(Reply, future.result())
    try:
        async with asyncio.timeout(seconds):
            return cast(Reply, await future)
    except TimeoutError as error:
        raise RelayLost(f"no answer within {seconds:.0f} s") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_SECONDS} s"
    return str(error) or type(error).__name__
