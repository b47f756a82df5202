"""The content of a message as the client sends it: its end, its size, and its pace.

    c: Dear Ann,
    c: ..hidden                  a dot at the start of a line is doubled (RFC 5321, 4.5.2)
    c: .                         the end; the next command follows
    c: QUIT

A client that sends nothing for too long gets `ClientSlow`; one that merely crawls while others wait
for its relay loses the relay (`is_slow`).
"""

from collections.abc import Callable

from gateway.core.kinds import By
from gateway.core.mail.content import ContentPiece, Splitter
from gateway.smtp_proxy.client_reader import ClientReader
from gateway.smtp_proxy.message_answer import TOO_LARGE, MessageRefused

_GRACE_SECONDS = 120.0  #: Before the minimum pace is enforced.
_SLOWEST = 500.0  #: Octets a second (Postfix: smtpd_min_data_rate).
_IDLE_SECONDS = 180.0  #: Between two chunks (RFC 5321, 4.5.3.2.5).
_STALL_SECONDS = 5.0  #: Without any data, while others wait for the relay.
_CROWDED_GRACE_SECONDS = 10.0  #: The same grace period while others wait.
_CROWDED_SLOWEST = 10_000.0  #: Octets a second, while others wait for the relay.


class BodyReader:
    """Reads one message's content: its end and its size."""

    def __init__(
        self, client_reader: ClientReader, *, max_size: int, clock: Callable[[], float]
    ) -> None:
        self._client_reader = client_reader
        self._max_size = max_size
        self._clock = clock
        self._began = clock()
        self._splitter = Splitter()
        self._ended = False
        self._waits_since: float | None = None
        self._waited = 0.0  # seconds spent waiting for the client
        self.size = 0  #: Octets of content read so far, as received.

    async def piece(self) -> ContentPiece:
        """Read some more; raise `MessageRefused` above the size limit."""
        piece = await self._read()
        if self.size > self._max_size:
            raise MessageRefused(TOO_LARGE, By.GATEWAY)
        return piece

    @property
    def is_waiting(self) -> bool:
        """Whether the client is what everything waits for."""
        return self._waits_since is not None

    @property
    def is_slow(self) -> bool:
        """Whether the client takes longer than it may while others wait."""
        if self._waits_since is None:
            return False
        quiet = self._clock() - self._waits_since
        waited = self._waited + quiet
        crawls = waited > _CROWDED_GRACE_SECONDS and self.size < waited * _CROWDED_SLOWEST
        return quiet > _STALL_SECONDS or crawls

    async def drain(self) -> None:
        """Read the rest and discard it: a refusal is sent after the content."""
        while not self._ended:
            await self._read()

    async def _read(self) -> ContentPiece:
        now = self._clock()
        slowest = self._began + _GRACE_SECONDS + self.size / _SLOWEST
        self._client_reader.deadline = min(slowest, now + _IDLE_SECONDS)
        if self._client_reader.has_pending:
            chunk = await self._client_reader.chunk()
        else:
            self._waits_since = now
            try:
                chunk = await self._client_reader.chunk()
            finally:
                self._waited += self._clock() - now
                self._waits_since = None
        piece = self._splitter.feed(chunk)
        self.size += len(piece.octets)
        if piece.last:
            self._ended = True
            if self._splitter.rest:
                self._client_reader.give_back(self._splitter.rest)
        return piece
