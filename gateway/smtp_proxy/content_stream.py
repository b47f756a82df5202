"""The content of one mail, from the client's DATA until the relay has all but the last octets.

    c: DATA
    s: 354 End data with <CR><LF>.<CR><LF>
    c: From: Example <news@example.org>
    c: List-Unsubscribe: <https://example.org/u>
    c:                                   the header is complete: is it bulk, and who is left out?
    c: Dear Ann,                         to the relay: DATA, Received: …, and all content so far
    c: …                                 to the relay, piece by piece
    c: Yours
    c: .                                 held back with the last piece, until it is recorded

The client gets no reply before its dot; earlier refusals are raised here and sent then.
"""

import asyncio
from typing import TYPE_CHECKING

from gateway.core.journal.message import KnownBulk
from gateway.core.kinds import By
from gateway.core.mail.content import (
    Cleaner,
    HeaderBlock,
    dot_unstuff,
    header_block,
    with_fields_on_top,
)
from gateway.core.mail.content_hash import ContentHash
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import OPENING, opening
from gateway.core.mail.reply import Reply
from gateway.core.quick_values import quick_value
from gateway.delivery import replies
from gateway.delivery.transaction import RelayTransaction
from gateway.smtp_proxy.body import BodyReader
from gateway.smtp_proxy.client_reader import ClientReader
from gateway.smtp_proxy.message_answer import AnsweredBefore, MessageRefused
from gateway.smtp_proxy.message_kind import looks_inside
from gateway.smtp_proxy.policy import ListenerPolicy
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.trace_headers import is_looping, trace, unsubscribe_fields
from gateway.smtp_proxy.transaction_record import TransactionRecord

if TYPE_CHECKING:
    from gateway.delivery.dkim_signer import DkimSigner

_LOOPS = Reply.of("554 5.4.6 The message goes round in circles")
_TOO_SLOW = Reply.of("451 4.4.2 Too slow while others wait for the relay; try again later")
_GATHERED = 65_536  #: Octets of content that don't yet make a relay wait for a slow client.


@quick_value()
class ContentHead:
    """The start of the content: the whole header block and perhaps more."""

    octets: bytes  #: As they may go to a relay.
    opening: bytes  #: What the rules see after the header block.
    last: bool  #: Whether that is all of the content.


class ContentStream:
    """Reads, has decided, and passes on: `header_block`, `decide` and `to_relay`, in that order.

    Each raises `MessageRefused` or `BadContent` for content that may not pass, `AnsweredBefore` for
    a retry, and whatever ended the client.
    """

    def __init__(
        self,
        services: ProxyServices,
        listener: ListenerPolicy,
        record: TransactionRecord,
        relay: RelayTransaction,
        client_reader: ClientReader,
    ) -> None:
        self._services = services
        self._policy = services.policy
        self._listener = listener
        self._record = record
        self._relay = relay
        self._client_reader = client_reader
        self._cleaner = Cleaner()
        self._hash = ContentHash()
        self._decided_at = 0.0  #: By `monotonic`.
        #: Whether the relay is receiving content, which can't be taken back.
        self._at_relay = False
        self.body = record.body = BodyReader(
            client_reader, max_size=self._policy.max_size, clock=services.monotonic
        )
        self.bulk_known: asyncio.Task[None] | None = None  #: Until every process knows.
        self.is_too_slow = False  #: Set from outside: the relay was released for others.

    @property
    def may_stop(self) -> bool:
        """Whether everything waits for the client, and the relay could start again later."""
        return self.body.is_waiting and not self._at_relay

    async def header_block(self) -> ContentHead:
        """Read the header block, and as much after it as the rules need; most need nothing."""
        octets, last = b"", False
        block: HeaderBlock | None = None
        while block is None:
            piece = await self.body.piece()
            octets, last = octets + self._cleaner.feed(piece.octets), piece.last
            block = header_block(octets, is_all=last)
        unstuffed = block.unstuffed
        record = self._record
        record.header_block = unstuffed.octets
        record.headers = Headers.of(unstuffed)
        length = len(block.octets)
        looked_at = b""
        if looks_inside(self._policy, self._listener, record.headers):
            while not last and len(octets) - length < OPENING:
                piece = await self.body.piece()
                octets, last = octets + self._cleaner.feed(piece.octets), piece.last
            looked_at = opening(octets[length:])
        self._hash.feed(octets)
        return ContentHead(octets, looked_at, last)

    async def decide(self, head: ContentHead) -> None:
        """Have the mail's kind and each recipient decided, for the record."""
        record, services = self._record, self._services
        if is_looping(record.headers, self._policy.instance):
            raise MessageRefused(_LOOPS, By.GATEWAY)
        taken_entries = record.taken_recipients
        message = record.to_decide(
            [entry.recipient for entry in taken_entries],
            [entry.address for entry in taken_entries],
            opening=head.opening,
        )
        decision = await services.decider.decide(self._policy, message, record.at)
        record.decision, self._decided_at = decision, services.monotonic()
        record.classification = decision.classification
        if decision.bulk_identities and decision.is_counted:
            known_bulk = KnownBulk(record.id, decision.classification.rule)
            self.bulk_known = services.spawn(
                services.journal_client.bulk(decision.bulk_identities, known_bulk)
            )
        for entry, of_recipient in zip(taken_entries, decision.of_recipients, strict=True):
            entry.decision = of_recipient
        if decision.refusal is not None:
            raise MessageRefused(decision.refusal, By.GATEWAY)

    async def to_relay(self, head: ContentHead) -> bytes:
        """Pass the content on; return the rest, which goes with the final dot.

        If an earlier attempt's answer applies, a message that has come in whole before the relay
        gets DATA is kept from it; a longer one is stopped before its final dot. One that is for
        nobody never reaches the relay.
        """
        record, relay, body = self._record, self._relay, self.body
        going = record.going_recipients
        if not going:
            await relay.end()
            await body.drain()
            await self._answer_of_retry()
            return b""

        # Line ends inside a DKIM signature must stay unchanged (RFC 6376, 3.4): such mail is
        # refused.
        is_signed = "dkim-signature" in record.headers
        self._cleaner.settle(normalise=self._policy.normalise_newlines and not is_signed)

        # A client that is slow to start doesn't occupy a connection to the relay.
        lines = trace(
            record.client,
            lmtp=self._listener.lmtp,
            hostname=self._policy.hostname,
            instance=self._policy.instance,
            message=record.shown_id,
            date=self._services.date(record.at),
            fields=unsubscribe_fields(self._policy, self._listener, record),
        )
        octets, last = with_fields_on_top(lines, head.octets), head.last
        signer = self._listener.signer
        if signer is not None and not last:
            octets, last = await self._read_rest(octets), True
        while not last and len(octets) < _GATHERED:
            piece = await body.piece()
            clean, last = self._cleaner.feed(piece.octets), piece.last
            self._hash.feed(clean)
            octets += clean
        is_whole = last
        if is_whole:
            await self._answer_of_retry()
        if signer is not None:
            octets = await asyncio.to_thread(_sign, signer, octets)

        # The relay's recipients become exactly those who may get the message; then DATA.
        self._at_relay = True
        offered = [entry for entry in record.entries if entry.offered]
        refused: Reply | None = None
        if offered != going:
            refused = await relay.keep([entry.recipient for entry in going])
        if refused is None:
            refused = await relay.begin_content()
        if refused is not None:
            raise MessageRefused(refused, By.RELAY)

        if signer is not None and len(octets) > _GATHERED:
            await self._pass_on(octets[:-_GATHERED])
            octets = octets[-_GATHERED:]
        while not last:
            await self._pass_on(octets)
            piece = await body.piece()
            if self.is_too_slow:
                raise MessageRefused(_TOO_SLOW, By.GATEWAY)
            octets, last = self._cleaner.feed(piece.octets), piece.last
            self._hash.feed(octets)
        if not is_whole:
            await self._answer_of_retry()
        return octets

    async def _read_rest(self, octets: bytes) -> bytes:
        """Return the whole content, given its start, for steps that need all of it."""
        pieces, last = [octets], False
        while not last:
            piece = await self.body.piece()
            clean, last = self._cleaner.feed(piece.octets), piece.last
            self._hash.feed(clean)
            pieces.append(clean)
        return b"".join(pieces)

    async def _pass_on(self, octets: bytes) -> None:
        relay = self._relay
        relay.write(octets)
        stopped = await relay.drain()
        if stopped is not None:
            self._services.note_verdict(relay.settings, stopped)
            client_reply = replies.for_client(stopped, relay.settings.our_fault)
            raise MessageRefused(client_reply, By.RELAY)

    async def _answer_of_retry(self) -> None:
        """Raise `AnsweredBefore` if the answer to an earlier attempt, present or awaited, applies.

        Otherwise the message may go to the relay; from now on a retry of it waits.
        """
        record, services, relay = self._record, self._services, self._relay
        decision, began = record.decision, services.monotonic()
        assert decision is not None
        client_try = record.identify(self._hash.text)
        if record.going_recipients:
            answer = await services.retries.enter(
                client_try,
                decision.earlier,
                asked_at=self._decided_at,
                look_again=lambda: services.decider.look_again(decision, services.now()),
                client_reader=self._client_reader,
                patience=relay.settings.budget.total_seconds(),
                waits=relay.end,
                first_is=record.retry_of.append,
            )
            relay.spend(services.monotonic() - began)
        else:
            answer = client_try.answer_in(decision.earlier)
        if answer is not None:
            raise AnsweredBefore(answer)


def _sign(signer: "DkimSigner", octets: bytes) -> bytes:
    """Return the whole content in wire form, with signatures above our own lines."""
    return with_fields_on_top(signer.signatures(dot_unstuff(octets)), octets)
