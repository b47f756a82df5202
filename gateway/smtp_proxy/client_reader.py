"""A client's input, as lines or as chunks: bounded memory, and every wait has a timeout.

c: RCPT TO:<ann@example.net>        `line`; `next_is` checks for another RCPT in the same group
c: DATA
c: Dear Ann, …                      `chunk`: whatever has arrived, wherever it is cut
"""

import asyncio
import os
import socket
import sys
from collections.abc import Callable


class ClientGone(Exception):
    """The client closed its side or the connection broke."""

    def __init__(self, *, by_reset: bool = False) -> None:
        super().__init__()
        self.by_reset = by_reset


class ClientSlow(Exception):
    """The client ran out of time."""


class ListenerStopping(Exception):
    """The gateway is stopping; nobody waits for the client any longer."""


class LineTooLong(Exception):
    """An overlong command line, which has been skipped."""


def has_read_all(connection: socket.socket) -> bool:
    """Whether a client that has closed its side has read everything we wrote (Linux).

    A program that closes a connection with unread data resets it, and data arriving later is not
    acknowledged.
    """
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO)
    except OSError:
        return False
    unacknowledged = int.from_bytes(info[_UNACKED], sys.byteorder)
    return info[0] == _CLOSE_WAIT and unacknowledged == 0


_TCP_INFO = 104  #: Octets of Linux's struct tcp_info to request.
_UNACKED = slice(24, 28)  #: Its tcpi_unacked.
_CLOSE_WAIT = 8  #: In its tcpi_state: the other side has closed normally, ours has not.

HIGH_WATER = 128 * 1024  #: Octets buffered before the client has to wait.


class ClientReader:
    """The receiving side of one connection."""

    __slots__ = (
        "_buffer", "_loop", "_over", "_paused", "_transport", "_waiter", "deadline", "watcher",
    )  # fmt: skip

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._buffer = b""
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._over: Exception | None = None
        self.deadline = float("inf")  #: Loop time at which a waiting read ends in `ClientSlow`.
        #: Called when the client sends something or disconnects while nobody reads.
        self.watcher: Callable[[], None] | None = None

    # Called by the protocol.

    def feed(self, data: bytes) -> None:
        """Take the data that has arrived."""
        self._buffer = self._buffer + data if self._buffer else data
        if len(self._buffer) > HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        if self.watcher is not None:
            self.watcher()

    def end(self, why: Exception) -> None:
        """Let reads fail once everything that has arrived is read."""
        if self._over is None or isinstance(self._over, ListenerStopping):
            self._over = why
            self._wake()
            if self.watcher is not None:
                self.watcher()

    def interrupt(self, why: Exception) -> None:
        """Let reads fail at once."""
        self._buffer = b""
        self._over = why
        self._wake()

    def upgrade_to_tls(self, transport: asyncio.Transport) -> None:
        """Continue inside TLS; input from before it is discarded (RFC 3207, 4.2)."""
        self._transport = transport
        self._buffer = b""

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # Called by the session.

    @property
    def has_pending(self) -> bool:
        """Whether there are octets to read."""
        return bool(self._buffer)

    @property
    def is_gone(self) -> bool:
        """Whether the client has closed its side and everything has been read."""
        return isinstance(self._over, ClientGone) and not self._buffer

    @property
    def is_closed(self) -> bool:
        """Whether the client has closed its side, though some input may be left to read."""
        return isinstance(self._over, ClientGone)

    def raise_if_over(self) -> None:
        """Raise what ends reads, if nothing is left to read."""
        if self._over is not None and not self._buffer:
            raise self._over

    def connection(self) -> socket.socket | None:
        """Return a duplicate socket for the connection of a client that may still be listening."""
        inner = self._transport.get_extra_info("socket")
        if self.was_reset or inner is None or self._transport.is_closing():
            return None
        try:
            return socket.socket(fileno=os.dup(inner.fileno()))
        except OSError:
            return None

    @property
    def was_reset(self) -> bool:
        """Whether the client reset the connection rather than closing it."""
        return isinstance(self._over, ClientGone) and self._over.by_reset

    def next_is(self, word: bytes, limit: int) -> bool:
        """Whether a well-formed, not too long line that starts with a word is ready to be read."""
        end = self._buffer.find(b"\n", 0, limit + 1)
        ordered = end > 0 and self._buffer[end - 1 : end] == b"\r"
        return ordered and self._buffer[: len(word)].upper() == word

    def give_back(self, octets: bytes) -> None:
        """Put octets back at the front."""
        self._buffer = octets + self._buffer

    async def line(self, limit: int) -> bytes:
        """Return the next line without its newline; raise `LineTooLong` after skipping one."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                while b"\n" not in self._buffer:
                    self._buffer = b""
                    self._resume()
                    await self._more()
                self._buffer = self._buffer[self._buffer.index(b"\n") + 1 :]
                raise LineTooLong
            await self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        if self._paused:
            self._resume()
        if end > limit:
            raise LineTooLong
        return line

    async def readline(self) -> bytes:
        """Return a line with its newline, as aiosmtpd's AUTH reads it."""
        return await self.line(12288) + b"\r\n"

    async def chunk(self) -> bytes:
        """Return whatever has arrived, waiting if there is nothing."""
        while not self._buffer:
            await self._more()
        data, self._buffer = self._buffer, b""
        if self._paused:
            self._resume()
        return data

    def _more(self) -> "asyncio.Future[None]":
        """Return a future that is done when something arrives, or the input ends."""
        if self._over is not None:
            raise self._over
        if self._paused:
            self._resume()
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def check(self, now: float) -> None:
        """End a wait whose deadline has passed; called every second for every connection."""
        if now > self.deadline and self._waiter is not None:
            self.interrupt(ClientSlow())
