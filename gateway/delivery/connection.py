"""One connection to a relay: commands out, replies in, every wait with a timeout."""

import asyncio
import base64
import os
import re
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import cast

from gateway.core.errors import GatewayError
from gateway.core.mail.reply import Reply
from gateway.delivery.settings import RelaySettings

#: A line of a reply: its code, a space or (if more lines follow) `-`, its text.
_LINE = re.compile(rb"(\d{3})(?:([ -])(.*))?\Z", re.DOTALL)
_MAX_LINE = 4096  #: Octets of one line of a reply.
_MAX_LINES = 200  #: Lines of one reply.
_HIGH_WATER = 1 << 18  #: Octets that may be buffered before writing pauses.
#: What only Exim puts into its default banner and EHLO response.
_EXIM = "ESMTP Exim "
_EXIM_EXTENSIONS = frozenset(("PIPECONNECT", "X_PIPE_CONNECT"))
CONNECT_SECONDS = 15
GREETING_SECONDS = 30


class RelayLost(GatewayError):
    """The relay closed the connection, didn't answer in time, or answered with garbage."""


class RelayUngreeting(RelayLost):
    """The relay accepted the connection and closed it, or stayed silent, without a greeting."""


class RelaySilent(GatewayError):
    """The relay has not answered in time; the connection keeps listening for the answer."""


class RelayRefuses(GatewayError):
    """The relay refuses the gateway itself: at the greeting, EHLO, STARTTLS or AUTH."""

    def __init__(self, stage: str, reply: Reply) -> None:
        super().__init__(f"{stage}: {reply.text}")
        self.stage = stage
        self.reply = reply


class RelayConnection(asyncio.Protocol):
    """The client side of SMTP: any number of commands may await their replies, in order."""

    def __init__(self, settings: RelaySettings) -> None:
        self.settings = settings
        self.extensions: dict[str, str] = {}  #: What EHLO lists, e.g. `SIZE` with `10240000`.
        self.served = 0  #: Transactions finished on this connection.
        self.refusals = 0  #: Refusals since it last accepted a mail.
        self.resets = 0  #: Transactions without a mail since it last accepted one.
        self.is_exim = False  #: Whether the relay says that it is an Exim.
        self.refusal: Reply | None = None  #: The relay's reply in the middle of the content.
        self.late: asyncio.Future[Reply] | None = None  #: An answer still awaited after a timeout.
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._buffer = b""  # an incomplete line
        self._lines: list[bytes] = []  # of an incomplete reply
        self._failure: str | None = None
        self._in_content = False  # between 354 and the verdict
        self._patient: asyncio.Future[Reply] | None = None  # whose answer may be late
        self._resumed: asyncio.Future[None] | None = None  # while the relay reads too slowly
        self._timer = ReplyTimer(self._loop, self._answer_is_due)

    # From connecting to the point where MAIL is allowed.

    @classmethod
    async def open(cls, settings: RelaySettings) -> "RelayConnection":
        """Connect, greet and authenticate; raise `RelayLost` or `RelayRefuses`."""
        connection = cls(settings)
        context = settings.context if settings.tls == "implicit" else None
        is_ready = False
        try:
            # The banner may arrive before `create_connection` returns.
            banner = connection.expect(CONNECT_SECONDS + GREETING_SECONDS)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await asyncio.get_running_loop().create_connection(
                        lambda: connection, settings.host, settings.port, ssl=context
                    )
                greeting = await banner
            except RelayLost as error:
                raise RelayUngreeting(str(error)) from error
            except ConnectionResetError as error:  # implicit TLS: closed instead of a handshake
                raise RelayUngreeting(f"{settings.name}: connection lost") from error
            await connection.greet(greeting)
            is_ready = True
        except ssl.SSLError as error:
            raise RelayRefuses("TLS", Reply.of(f"454 4.7.5 {error}")) from error
        except TimeoutError as error:
            reason = f"no connection within {CONNECT_SECONDS} s"
            raise RelayLost(f"{settings.name}: {reason}") from error
        except OSError as error:
            # Negative numbers are getaddrinfo errors, which only `strerror` describes.
            number, reason = error.errno or 0, error.strerror or str(error)
            reason = os.strerror(number) if number > 0 else reason
            raise RelayLost(f"{settings.name}: {reason or type(error).__name__}") from error
        finally:
            if not is_ready:
                connection.abort()
        return connection

    async def greet(self, banner: Reply) -> None:
        """Take the connection from the banner to the point where MAIL is allowed."""
        settings = self.settings
        if banner.code != 220:
            raise RelayRefuses("greeting", banner)
        await self.say_ehlo()
        if settings.tls == "starttls":
            if "STARTTLS" not in self.extensions:
                raise RelayRefuses("STARTTLS", Reply.of("454 4.7.5 The relay offers no STARTTLS"))
            reply = await self.command(b"STARTTLS\r\n", GREETING_SECONDS)
            if reply.code != 220:
                raise RelayRefuses("STARTTLS", reply)
            context, transport = settings.context, self._transport
            if context is None or transport is None or self._buffer:
                # They may have been injected on the way (RFC 3207, 4.2).
                raise RelayLost("octets before the TLS handshake")
            encrypted = await self._loop.start_tls(
                transport, self, context, server_hostname=settings.host
            )
            self._transport = cast(asyncio.Transport, encrypted)
            await self.say_ehlo()  # Extensions listed before TLS don't count (RFC 3207, 4.2).
        self.is_exim = _EXIM in banner.text or not _EXIM_EXTENSIONS.isdisjoint(self.extensions)
        steps = login_steps(settings)
        for number, step in enumerate(steps, 1):
            reply = await self.command(step + b"\r\n", GREETING_SECONDS)
            if reply.code == 334 and number == len(steps):
                # XOAUTH2 reports an error in a challenge and waits for an empty line.
                reply = await self.command(b"\r\n", GREETING_SECONDS)
            if reply.code not in (235, 334):
                raise RelayRefuses("AUTH", reply)

    async def say_ehlo(self) -> None:
        """Send EHLO, or HELO if the relay doesn't know it, and record the extensions."""
        name = self.settings.helo_name.encode("ascii", "replace")
        reply = await self.command(b"EHLO %s\r\n" % name, GREETING_SECONDS)
        if reply.code in (500, 501, 502, 504):
            reply = await self.command(b"HELO %s\r\n" % name, GREETING_SECONDS)
            reply = Reply(reply.code, reply.lines[:1])
        if reply.code != 250:
            raise RelayRefuses("EHLO", reply)
        words = (line.partition(" ") for line in reply.lines[1:])
        self.extensions = {word.upper(): rest.upper() for word, _, rest in words}

    # Commands and content.

    @property
    def is_usable(self) -> bool:
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
    def can_pipeline(self) -> bool:
        """Whether several commands may be sent at once (RFC 2920)."""
        return "PIPELINING" in self.extensions

    def command(self, line: bytes, seconds: float) -> "asyncio.Future[Reply]":
        """Send one command line; return a future for its reply."""
        reply = self.expect(seconds)
        self.write(line)
        return reply

    async def commands(self, lines: Sequence[bytes], seconds: float) -> list[Reply]:
        """Send command lines and return their replies; in one write if the relay allows it.

        A 421 from the relay applies to all commands that follow.
        """
        answers: list[Reply] = []
        if self.can_pipeline:
            replies = [self.expect(seconds) for _ in lines]
            self.write(b"".join(lines))
            try:
                return [await reply for reply in replies]
            except RelayLost:
                answers = [
                    reply.result() for reply in replies if reply.done() and not reply.exception()
                ]
                if not answers or answers[-1].code != 421:
                    raise
        else:
            until = self._loop.time() + seconds
            for line in lines:
                answers.append(await self.command(line, until - self._loop.time()))
                if answers[-1].code == 421:
                    break
        return answers + answers[-1:] * (len(lines) - len(answers))

    def write(self, octets: bytes) -> None:
        """Send octets; on a lost connection this does nothing, and the awaited replies fail."""
        if self._failure is None and self._transport is not None:
            self._transport.write(octets)

    @property
    def has_unsent(self) -> bool:
        """Whether some of the written data has not been sent yet."""
        return self._transport is not None and self._transport.get_write_buffer_size() > 0

    @property
    def may_be_written(self) -> bool:
        """Whether `drain` would return at once, without an error."""
        return self._failure is None and self._resumed is None

    async def drain(self, seconds: float) -> None:
        """Wait until the relay has read enough; raise `RelayLost` if it doesn't."""
        if self._failure is not None:
            raise RelayLost(self._failure)
        if self._resumed is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._resumed)
        except TimeoutError as error:
            raise RelayLost("the relay takes no more content") from error

    def end_content(self, octets: bytes, seconds: float) -> "asyncio.Future[Reply]":
        """Send the end of the content; return a future for the reply.

        Awaiting it raises `RelaySilent` if no reply came in time: `late` is then a future for it.
        """
        reply = self._patient = self.expect(seconds)
        self.write(octets)
        return reply

    def expect(self, seconds: float) -> "asyncio.Future[Reply]":
        """Wait up to that many seconds for one more reply; the result may be `RelayLost`.

        All awaited replies share the last deadline.
        """
        reply: asyncio.Future[Reply] = self._loop.create_future()
        if self._failure is not None:
            reply.set_exception(RelayLost(self._failure))
            reply.exception()  # Whoever waits sees it, but nobody has to.
        else:
            self._waiting.append(reply)
            self._timer.set(seconds)
        return reply

    def quit(self) -> None:
        """Say QUIT without waiting for the answer."""
        if self._failure is None and self._transport is not None:
            self._transport.write(b"QUIT\r\n")
            self._failure = "closed by the gateway"
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is in progress."""
        self._failure = self._failure or "closed by the gateway"
        self._timer.close()
        if self._transport is not None:
            self._transport.abort()

    # Called by the transport and the timer.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start listening."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Parse replies and give each to the command that has waited longest."""
        if not (self._buffer or self._lines) and (replies := single_line_replies(data)):
            for reply in replies:
                self._answer(reply)
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            parsed = _LINE.match(line.rstrip(b"\r"))
            if parsed is None or len(line) > _MAX_LINE or len(self._lines) >= _MAX_LINES:
                self._fail("no SMTP reply")
                continue
            self._lines.append(parsed[3] or b"")
            if parsed[2] != b"-":
                texts, self._lines = self._lines, []
                self._answer(Reply.received(int(parsed[1]), texts))
        if len(self._buffer) > _MAX_LINE:
            self._fail("a reply line without end")

    def _answer(self, reply: Reply) -> None:
        if not self._waiting:
            if self._in_content and reply.code >= 400:
                self.refusal = reply
            self._fail("a reply nobody asked for")
            return
        if reply.code >= 400:
            self.refusals += 1
        elif self._in_content:
            self.refusals = self.resets = 0
        self._in_content = reply.code == 354
        waiting = self._waiting.popleft()
        if not waiting.done():
            waiting.set_result(reply)

    def _answer_is_due(self) -> None:
        if self._waiting and self._waiting[0] is self._patient:
            self.late = self._waiting[0] = self._loop.create_future()
            self._patient.set_exception(RelaySilent("no answer in time"))
        elif self._waiting:
            self._fail(f"no answer within {self._timer.seconds:.0f} s")

    def connection_lost(self, error: Exception | None) -> None:
        """Fail all waiting commands."""
        self._fail("connection lost" if error is None else f"connection lost: {error}")

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self.abort()
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(RelayLost(reason))
                waiting.exception()  # Whoever waits sees it, but nobody has to.
        self.resume_writing()

    def pause_writing(self) -> None:
        """Make writers wait: the relay reads slowly."""
        self._resumed = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let writers continue."""
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None


class ReplyTimer:
    """Calls back at a deadline that every command resets.

    Resetting it is a mere assignment: the event loop's timer is only changed when it fires early.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self.seconds = 0.0  #: What it was last set to.
        self._loop = loop
        self._callback: Callable[[], None] | None = callback
        self._deadline = 0.0
        self._handle: asyncio.Handle | None = None
        #: When `_handle` rings; uvloop's can't say if it is due at once.
        self._rings_at = 0.0

    def set(self, seconds: float) -> None:
        """Call back in that many seconds, and not before."""
        self.seconds, self._deadline = seconds, self._loop.time() + seconds
        if self._handle is not None:
            if self._rings_at <= self._deadline:
                return
            self._handle.cancel()
        self._ring_in(seconds)

    def close(self) -> None:
        """Never call back again, and drop the reference to the callback."""
        self._callback = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ring(self) -> None:
        self._handle = None
        left = self._deadline - self._loop.time()
        if left > 0.001:
            self._ring_in(left)
        elif self._callback is not None:
            self._callback()

    def _ring_in(self, seconds: float) -> None:
        self._rings_at = self._deadline
        self._handle = self._loop.call_later(seconds, self._ring)


@lru_cache(1024)
def single_line_replies(data: bytes) -> tuple[Reply, ...]:
    """Return the single-line replies in some data; empty if there is anything else.

    A relay gives the same few replies all day.
    """
    if not data.endswith(b"\n") or len(data) > _MAX_LINE:
        return ()
    lines = [_LINE.match(line.rstrip(b"\r")) for line in data.split(b"\n")[:-1]]
    if any(line is None or line[2] == b"-" for line in lines):
        return ()
    return tuple(Reply.received(int(line[1]), [line[3] or b""]) for line in lines if line)


def login_steps(settings: RelaySettings) -> list[bytes]:
    """Return the lines to log in with, each to be sent once the last was answered (RFC 4954).

    XOAUTH2 is Google's: https://developers.google.com/gmail/imap/xoauth2-protocol
    """
    user, secret = settings.username.encode(), settings.password.encode()
    match settings.auth:
        case "none":
            return []
        case "plain":
            return [b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + secret)]
        case "login":
            return [b"AUTH LOGIN", base64.b64encode(user), base64.b64encode(secret)]
        case _:
            token = b"user=%s\1auth=Bearer %s\1\1" % (user, secret)
            return [b"AUTH XOAUTH2 " + base64.b64encode(token)]
