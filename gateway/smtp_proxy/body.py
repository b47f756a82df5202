"""The content of a message as it comes in from the client."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.mail.content import Cleaner, HeaderBlock, Piece, Splitter, header_block
from gateway.core.mail.invitation import OPENING, opening
from gateway.smtp_proxy.client_reader import ClientReader

_GRACE_SECONDS = 120.0  #: Before the slowest allowed pace counts.
_SLOWEST = 500.0  #: Octets a second (Postfix: smtpd_min_data_rate).
_IDLE_SECONDS = 180.0  #: Between two chunks (RFC 5321, 4.5.3.2.5).
_STALL_SECONDS = 5.0  #: Without any octet, while others wait for the relay.
_CROWDED_GRACE_SECONDS = 10.0  #: Of waiting for the client, before its pace counts then.
_CROWDED_SLOWEST = 10_000.0  #: Octets a second, while others wait for the relay.


class TooLarge(Exception):
    """The content is over the limit."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first octets of the content: the whole header block and perhaps more."""

    octets: bytes  #: As they may go to a relay.
    block: HeaderBlock  #: The header block of these very octets, dots single.
    length: int  #: How many of the octets are the header block.
    last: bool  #: Whether that is all the content.

    @property
    def opening(self) -> bytes:
        """What the rules look at behind the header block: the same wherever chunks were cut."""
        return opening(self.octets[self.length :])

    @property
    def has_opening(self) -> bool:
        """Whether all is there that the rules look at."""
        return len(self.octets) - self.length >= OPENING


class Body:
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
        self._waited = 0.0  # seconds, for the client
        self.size = 0  #: Octets of content read so far, as received.

    async def head(self, cleaner: Cleaner) -> Head:
        """Read until the header block is whole; raise `TooLarge` beyond the size limit."""
        octets = b""
        while True:
            piece = await self.piece()
            octets += cleaner.feed(piece.octets)
            block = header_block(octets, is_all=piece.last)
            if block is not None:
                return Head(octets, block.unstuffed, len(block.octets), piece.last)

    async def with_opening(self, head: Head, cleaner: Cleaner) -> Head:
        """Read on until all is there that the rules look at; raise `TooLarge` as `head`."""
        while not head.last and not head.has_opening:
            piece = await self.piece()
            octets = head.octets + cleaner.feed(piece.octets)
            head = Head(octets, head.block, head.length, piece.last)
        return head

    async def piece(self) -> Piece:
        """Read some more; raise `TooLarge` beyond the size limit."""
        piece = await self._read()
        if self.size > self._max_size:
            raise TooLarge
        return piece

    @property
    def waits(self) -> bool:
        """Whether it is the client that everything waits for."""
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
        """Read the rest and drop it: a refusal is said after the content."""
        while not self._ended:
            await self._read()

    async def _read(self) -> Piece:
        now = self._clock()
        slowest = self._began + _GRACE_SECONDS + self.size / _SLOWEST
        self._client_reader.deadline = min(slowest, now + _IDLE_SECONDS)
        if self._client_reader.pending:
            chunk = await self._client_reader.chunk()
        else:
            chunk = await self._awaited(now)
        piece = self._splitter.feed(chunk)
        self.size += len(piece.octets)
        if piece.last:
            self._ended = True
            self._client_reader.give_back(self._splitter.rest)
        return piece

    async def _awaited(self, now: float) -> bytes:
        self._waits_since = now
        try:
            return await self._client_reader.chunk()
        finally:
            self._waited += self._clock() - now
            self._waits_since = None
