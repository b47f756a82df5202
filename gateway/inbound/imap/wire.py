"""aioimaplib's protocol, hardened against misbehaving servers.

aioimaplib's own parser fails on thousands of lines at once, a connection that ends within an answer
or before `+`, literals of any announced size, error challenges in XOAUTH2, and `* ` within a line,
so answers are parsed here instead. Only one command runs at a time, and every wait has a timeout;
after anything unexpected the connection is closed for good.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections import deque
from collections.abc import Coroutine
from typing import Any, cast

from aioimaplib.aioimaplib import (
    AUTH,
    CONNECTED,
    LOGOUT,
    NONAUTH,
    STARTED,
    Command,
    IMAP4ClientProtocol,
    Response,
)

from gateway.inbound.imap.text import LITERAL, Garbled, MailboxLost, Part, quote

_CRLF = b"\r\n"
_LONGEST_LINE = 8_000_000  #: Octets: a search may find a million mails.
_LARGEST_ANSWER = 16_000_000
_COUNT = re.compile(rb"(\d{1,10}) (EXISTS|EXPUNGE|RECENT)\b", re.IGNORECASE)
_SHOWN = 200
SHORTEST_IDLE = 1.0  #: Seconds; a server that ends IDLE sooner doesn't really support it.


class Wire(IMAP4ClientProtocol):  # type: ignore[misc]  # aioimaplib has no types
    """One connection to an IMAP server; a command may take `seconds`."""

    pending_sync_command: Command | None
    transport: Any

    def __init__(self, seconds: float, largest: int) -> None:
        """Accept literals of up to `largest` octets."""
        super().__init__(asyncio.get_running_loop())
        self.news = asyncio.Event()  #: Set when something new is in the folder.
        self.failure: str | None = None
        self._seconds = seconds
        self._largest = largest
        self._turn = asyncio.Lock()
        self._greeting: asyncio.Future[bytes] = self.loop.create_future()
        self.greeting = b""  #: The server's first line, once received.
        self._buffer = bytearray()
        self._searched = 0
        self._missing = 0
        self._parts: list[Part] = []
        self._octets_taken = 0
        self._exists = 0
        self._bye = ""
        self._deaf = False  #: Set while input can't be trusted (before TLS).
        self.has_news = False  #: Whether the server announced something during the last IDLE.
        self._answers: deque[bytes] = deque()

    # Called by the transport

    def data_received(self, data: bytes) -> None:
        """Split answers into lines, and literals with as many octets as a line announces."""
        self._buffer += data
        try:
            while self.failure is None and not self._deaf:
                if self._missing:
                    piece = self._buffer[: self._missing]
                    cast(bytearray, self._parts[-1]).extend(piece)
                    del self._buffer[: len(piece)]
                    self._missing -= len(piece)
                    if self._missing:
                        return
                    continue
                end = self._buffer.find(_CRLF, self._searched)
                if end < 0:
                    self._searched = max(0, len(self._buffer) - 1)
                    if self._searched > _LONGEST_LINE:
                        raise Garbled("a line without end")
                    return
                line = bytes(self._buffer[:end])
                del self._buffer[: end + len(_CRLF)]
                self._searched = 0
                self._parts.append(line)
                self._octets_taken += len(line)
                literal = LITERAL.search(line)
                if literal is None:
                    parts, self._parts = self._parts, []
                    self.take_response(parts)
                    continue
                self._missing = int(literal[1])
                self._octets_taken += self._missing
                if self._missing > self._largest:
                    raise Garbled(f"{self._missing} octets announced, more than was asked for")
                self._parts.append(bytearray())
        except Garbled as error:
            self.fail(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the waits: the connection is gone."""
        self.fail(self._bye or f"the connection was lost{f': {exc}' if exc else ''}")

    def take_response(self, parts: list[Part]) -> None:
        """Handle a whole response: the greeting, an untagged one, `+`, or a command's end."""
        if self._octets_taken > _LARGEST_ANSWER:
            raise Garbled("an answer without end")
        first = bytes(parts[0])
        command = self.pending_sync_command
        if self.state in (STARTED, CONNECTED):
            if not self._greeting.done():
                self._greeting.set_result(first)
        elif first.startswith(b"* "):
            self.take_untagged([first[2:], *parts[1:]])
        elif first.startswith(b"+"):
            if command is None or command.name not in ("IDLE", "AUTHENTICATE"):
                raise Garbled("the server asks for more, but nothing is to be sent")
            if command.name == "IDLE":
                self._idle_event.set()
            else:
                # XOAUTH2 sends its error as a challenge and waits for an empty line.
                self.transport.write((self._answers.popleft() if self._answers else b"") + _CRLF)
        else:
            tag, _, rest = first.partition(b" ")
            if command is None or tag != command.tag.encode():
                raise Garbled("an answer nobody asked for")
            self.pending_sync_command = None
            result, _, text = rest.partition(b" ")
            self._deaf = command.name == "STARTTLS" and result.upper() == b"OK"
            command.close(text, result=result.upper().decode("ascii", "replace"))

    def take_untagged(self, parts: list[Part]) -> None:
        """Handle an untagged response: about the folder, BYE, or for the current command."""
        first = bytes(parts[0])
        if count := _COUNT.match(first):
            number, kind = int(count[1]), count[2].upper()
            if kind == b"EXPUNGE":
                self._exists -= 1
            elif kind == b"EXISTS":
                if number > self._exists:
                    self.news.set()
                self._exists = number
        elif first[:4].upper() == b"BYE ":
            self._bye = f"the server says goodbye: {on_one_line(first[4:])}"
        elif self.pending_sync_command is not None:
            for part in parts:
                self.pending_sync_command.append_to_resp(part)

    def fail(self, why: str) -> None:
        """Close the connection at once; every wait ends with this reason."""
        if self.failure is None:
            self.failure = why
        if self.transport is not None:
            self.transport.abort()
        if not self._greeting.done():
            self._greeting.set_exception(MailboxLost(self.failure))
            self._greeting.exception()  # Mark it as retrieved: perhaps nobody waits for it.
        command, self.pending_sync_command = self.pending_sync_command, None
        if command is not None:
            command._exception = MailboxLost(self.failure)
            command._event.set()
        self.news.set()

    # Commands

    def send(self, line: str, scrub: str | None = None) -> None:  # noqa: ARG002
        """Send a line."""
        self.transport.write(line.encode() + _CRLF)

    async def execute(self, command: Command, scrub: str | None = None) -> Response:  # noqa: ARG002
        """Send a command and return the answer; raise `MailboxLost` if there is none in time."""
        async with self._turn:
            self._begin(command)
            await self._end_of(command)
        return command.response

    def _begin(self, command: Command) -> None:
        if self.failure is not None:
            raise MailboxLost(self.failure)
        self._octets_taken = 0
        self.pending_sync_command = command
        self.send(str(command))

    async def _end_of(self, command: Command) -> None:
        await self._wait_within(command.wait(), f"no answer to {command.name}")

    async def _wait_within(self, wait: Coroutine[Any, Any, Any], complaint: str) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await wait
        except TimeoutError as error:
            self.fail(f"{complaint} within {self._seconds:g} s")
            raise MailboxLost(str(self.failure)) from error
        except asyncio.CancelledError:
            self.fail("given up")
            raise

    def command(self, name: str, *words: str) -> Command:
        """Return a new command with its own tag."""
        return Command(name, self.new_tag(), *words, loop=self.loop)

    async def greet(self) -> bytes:
        """Wait for the greeting and return it; it sets the state."""

        async def wait() -> None:
            self.greeting = await asyncio.shield(self._greeting)

        await self._wait_within(wait(), "no greeting")
        word = self.greeting[2:].partition(b" ")[0].upper()
        self.state = {b"OK": NONAUTH, b"PREAUTH": AUTH}.get(word, LOGOUT)
        return self.greeting

    async def capability(self) -> None:
        """Request the server's capabilities."""
        response = await self.execute(self.command("CAPABILITY"))
        for line in response.lines[:-1]:
            word, _, rest = bytes(line).partition(b" ")
            if word.upper() == b"CAPABILITY":
                self.capabilities = set(rest.decode("ascii", "replace").upper().split())

    async def start_tls(self, context: ssl.SSLContext, host: str) -> Response:
        """Switch to TLS and request the server's capabilities again."""
        response = await self.execute(self.command("STARTTLS"))
        if response.result != "OK":
            return response
        if self._buffer or self._parts:
            self.fail("octets before the TLS handshake")
            raise MailboxLost(str(self.failure))
        self.transport = await self.loop.start_tls(
            self.transport, self, context, server_hostname=host
        )
        self._deaf = False
        self.capabilities = set()
        await self.capability()
        return response

    async def login(self, user: str, password: str) -> Response:
        """Log in with an ASCII password."""
        response = await self.execute(self.command("LOGIN", quote(user), quote(password)))
        return self._logged_in(response)

    async def authenticate(self, mechanism: str, initial: bytes) -> Response:
        """Log in with a mechanism in which the client sends a single message."""
        word = base64.b64encode(initial)
        at_once = "SASL-IR" in self.capabilities
        self._answers = deque(() if at_once else (word,))
        words = (word.decode(),) if at_once else ()
        return self._logged_in(await self.execute(self.command("AUTHENTICATE", mechanism, *words)))

    def _logged_in(self, response: Response) -> Response:
        if response.result == "OK":
            self.state = AUTH
        return response

    async def idle(self, seconds: float, stopping: asyncio.Event) -> bool:
        """Wait for news, at most that long; return False without support for IDLE (RFC 2177).

        A server that ends IDLE at once without news counts as not supporting it, or it would be
        asked again and again without a pause.
        """
        began = self.loop.time()
        async with self._turn:
            command = self.command("IDLE")
            self._idle_event.clear()
            self.has_news = False
            self._begin(command)
            await self._wait_within(
                _wait_for_first(self._idle_event, command._event), "no answer to IDLE"
            )
            is_ended = command._event.is_set()
            if self._idle_event.is_set() and self.failure is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await _wait_for_first(self.news, stopping, command._event)
                # Checked before DONE: some servers hold news back until then.
                self.has_news = self.news.is_set()
                is_ended = command._event.is_set()
                if self.failure is None and not is_ended:
                    self.transport.write(b"DONE" + _CRLF)
            await self._end_of(command)
        took = self.loop.time() - began
        is_none = is_ended and took < SHORTEST_IDLE and not self.news.is_set()
        return bool(command.response.result == "OK") and not is_none


async def _wait_for_first(*events: asyncio.Event) -> None:
    """Wait for the first of some events."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def on_one_line(text: bytes) -> str:
    """Return a server's words in a form that can be shown on one line."""
    decoded = text[:_SHOWN].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in decoded)
