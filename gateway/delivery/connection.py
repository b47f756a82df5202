"""One connection to a relay: commands out, replies in, every wait with an end."""

import asyncio
import base64
import os
import re
import ssl
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from gateway.core.errors import GatewayError
from gateway.core.mail.reply import Reply
from gateway.delivery.settings import RelaySettings

_LINE = re.compile(rb"(\d{3})(?:([ -])(.*))?\Z", re.DOTALL)
_MAX_LINE = 4096  #: Octets of one line of a reply.
_MAX_LINES = 200  #: Lines of one reply.
_HIGH_WATER = 1 << 18  #: Octets that may wait to be sent before writing pauses.
CONNECT_SECONDS = 15
GREETING_SECONDS = 30


class RelayLost(GatewayError):
    """The relay closed the connection, gave no answer in time, or answered with garbage."""


class RelaySilent(GatewayError):
    """The relay has not answered in time; the connection goes on listening for the answer."""


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
        self._in_content = False  # between 354 and the verdict
        self.refusal: Reply | None = None  #: What the relay said in the middle of the content.
        self._resumed: asyncio.Future[None] | None = None
        self._seconds = self._deadline = 0.0
        self._patient: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.late: asyncio.Future[Reply] | None = None  #: An answer still awaited after silence.

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to listen."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Take replies apart and hand each to the command that waits longest."""
        if not (self._buffer or self._lines) and (replies := _whole(data)):
            for reply in replies:
                self._hear(reply)
            return
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
        self._hear(Reply.received(int(found[1]), lines))

    def _hear(self, reply: Reply) -> None:
        if not self._waiting:
            if self._in_content and reply.code >= 400:
                self.refusal = reply
            self._fail("a reply nobody asked for")
            return
        self._in_content = reply.code == 354
        waiting = self._waiting.popleft()
        if not waiting.done():
            waiting.set_result(reply)

    # One timer per connection is re-armed only when it fires: waits cost nothing else.

    def _wait_until(self, seconds: float) -> None:
        self._seconds, self._deadline = seconds, self._loop.time() + seconds
        if self._timer is not None and self._timer.when() <= self._deadline:
            return
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        left = self._deadline - self._loop.time()
        if left > 0.001:
            self._timer = self._loop.call_later(left, self._look_at_time)
        elif self._patient is not None and self._waiting[0] is self._patient:
            self.late = self._waiting[0] = self._loop.create_future()
            self._patient.set_exception(RelaySilent("no answer in time"))
        else:
            self._fail(f"no answer within {self._seconds:.0f} s")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fail(self, why: str) -> None:
        self._failure = self._failure or why
        self._stop_timer()
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
    def unsent(self) -> bool:
        """Whether some of what was written has not left yet."""
        return self._transport is not None and self._transport.get_write_buffer_size() > 0

    @property
    def pipelining(self) -> bool:
        """Whether several commands may be sent at once (RFC 2920)."""
        return "PIPELINING" in self.extensions

    def _expect(self) -> "asyncio.Future[Reply]":
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
            await self._until_resumed(self._resumed, seconds)

    async def _until_resumed(self, resumed: "asyncio.Future[None]", seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(resumed)
        except TimeoutError as error:
            raise RelayLost("the relay takes no more content") from error

    async def commands(self, lines: Sequence[bytes], seconds: float) -> list[Reply]:
        """Send command lines and return their replies; in one write where the relay allows it.

        A relay that says 421 means it for all that follows.
        """
        if not self.pipelining:
            return await self._one_by_one(lines, seconds)
        futures = [self._expect() for _ in lines]
        self.write(b"".join(lines))
        self._wait_until(seconds)
        try:
            return [await future for future in futures]
        except RelayLost:
            said = [one.result() for one in futures if one.done() and not one.exception()]
            if not said or said[-1].code != 421:
                raise
            return said + said[-1:] * (len(lines) - len(said))

    async def _one_by_one(self, lines: Sequence[bytes], seconds: float) -> list[Reply]:
        until = self._loop.time() + seconds
        said: list[Reply] = []
        for line in lines:
            said.append(await self.command(line, until - self._loop.time()))
            if said[-1].code == 421:
                break
        return said + said[-1:] * (len(lines) - len(said))

    async def command(self, line: bytes, seconds: float) -> Reply:
        """Send one command line and return its reply."""
        future = self._expect()
        self.write(line)
        self._wait_until(seconds)
        return await future

    async def verdict(self, octets: bytes, seconds: float) -> Reply:
        """Send the end of the content and return the reply to it.

        Raises `RelaySilent` when none came in time: `late` is then a future for it.
        """
        future = self._patient = self._expect()
        self.write(octets)
        self._wait_until(seconds)
        return await future

    def abort(self) -> None:
        """Close at once, whatever was under way."""
        self._failure = self._failure or "closed by the gateway"
        self._stop_timer()
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
        banner = await self._banner
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
        connection._banner = connection._expect()
        connection._wait_until(CONNECT_SECONDS + GREETING_SECONDS)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: connection, settings.host, settings.port, ssl=context
                )
            await connection.greet()
        except ssl.SSLError as error:
            connection.abort()
            raise RelayRefuses("TLS", Reply.of(f"454 4.7.5 {error}")) from error
        except (OSError, TimeoutError) as error:
            connection.abort()
            raise RelayLost(f"{settings.name}: {_reason(error)}") from error
        except BaseException:
            connection.abort()
            raise
        return connection

    _banner: "asyncio.Future[Reply]"


@lru_cache(1024)
def _whole(data: bytes) -> tuple[Reply, ...]:
    """Return the replies of one line each that came together; empty if there is anything else.

    A relay says the same few things all day.
    """
    found = [_LINE.match(line.rstrip(b"\r")) for line in data[:_MAX_LINE].split(b"\n")[:-1]]
    if not data.endswith(b"\n") or len(data) > _MAX_LINE:
        return ()
    if any(one is None or one[2] == b"-" for one in found):
        return ()
    return tuple(Reply.received(int(one[1]), [one[3] or b""]) for one in found if one)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_SECONDS} s"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error) or type(error).__name__
