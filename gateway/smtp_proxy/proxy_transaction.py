"""One mail on a `crm` listener, from MAIL to the verdict (RFC 5321, 3.3), and on to a relay.

Each recipient goes to the relay at once, and the relay's reply goes back to the client:

    c: MAIL FROM:<news@example.org>
    s: 250 2.1.0 Ok
    c: RCPT TO:<ann@example.net>         to the relay: MAIL FROM:<news…> and RCPT TO:<ann…>
    s: 250 2.1.5 Ok                      the relay's 250
    c: RCPT TO:<gone@example.net>        to the relay: RCPT TO:<gone…>
    s: 550 5.1.1 No such user            the relay's 550
    c: DATA
    s: 354 End data with <CR><LF>.<CR><LF>
    c: (the mail)                        read, decided on, passed on: `content_stream.py`
    c: .                                 recorded, then sent: `transaction_outcome.py`
    s: 250 2.0.0 Ok: queued as 4XZ1      the relay's verdict

Whether the mail may go to Ann is decided after its header block. If anybody drops out then, the
relay gets RSET and an envelope without them; if nobody is left, it never gets DATA and the client
gets a 550 that says why.
"""

import asyncio
from collections.abc import Sequence

from gateway.core.kinds import By
from gateway.core.mail.address import domain_of
from gateway.core.mail.content import BadContent
from gateway.core.mail.envelope import Recipient, Sender, malformed_recipient, with_address
from gateway.core.mail.reply import Reply
from gateway.delivery.settings import choose
from gateway.delivery.transaction import RelayTransaction
from gateway.smtp_proxy.client_reader import ClientGone, ClientReader, ClientSlow, ListenerStopping
from gateway.smtp_proxy.content_stream import ContentStream
from gateway.smtp_proxy.decider import RecipientDecision
from gateway.smtp_proxy.message_answer import (
    CLIENT_GONE,
    RECIPIENT_TAKEN,
    TOO_MANY_RECIPIENTS,
    AnsweredBefore,
    MessageRefused,
    state_after,
)
from gateway.smtp_proxy.policy import ListenerPolicy
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.transaction_outcome import TransactionOutcome
from gateway.smtp_proxy.transaction_record import RecipientRecord, SmtpClient, TransactionRecord

_RESET = Reply.of("250 2.0.0 Reset")


class ProxyTransaction:
    """From MAIL to the verdict. `content` returns replies, or raises what ended the client."""

    def __init__(
        self, services: ProxyServices, listener: ListenerPolicy, client: SmtpClient, sender: Sender
    ) -> None:
        self._services = services
        self._policy = services.policy
        self._listener = listener
        self._sender = sender
        self._well_formed = 0  #: Recipients that count towards `max_recipients`.
        self._stream: ContentStream | None = None  #: Once the client has sent DATA.
        self._record = TransactionRecord(services, listener, client, sender)
        relays = self._policy.relays
        settings = relays[0]
        if len(relays) > 1:
            settings = choose(
                relays,
                listener=listener.name,
                login=client.login,
                sender_domain=domain_of(sender.address),
            )
        self._record.relay = settings.name
        if listener.return_address is not None and sender.address:
            # Bounces then name the message. `<>` stays: it must get no bounces.
            sender = with_address(sender, listener.return_address(self._record.id))
        self._relay = RelayTransaction(services.pool(settings), sender)
        self._outcome = TransactionOutcome(services, listener, self._record, self._relay)

    # RCPT

    @property
    def utf8(self) -> bool:
        """Whether non-ASCII addresses are allowed."""
        return self._sender.utf8

    async def recipients(self, recipients: Sequence[Recipient]) -> list[Reply]:
        """Accept recipients; return the reply to the client for each."""
        record = self._record
        record.rcpt_count += len(recipients)
        room = max(0, self._policy.max_recipients - self._well_formed)
        over = [TOO_MANY_RECIPIENTS] * (len(recipients) - room)
        if over:
            recipients = recipients[:room]
        self._well_formed += len(recipients)
        if not recipients:
            return over

        # Who is never mailed is known before the content; the rest depends on the content.
        addresses = [self._services.lookup(recipient.address) for recipient in recipients]
        message = record.to_decide(recipients, addresses)
        early, decisions = await self._services.decider.at_rcpt(self._policy, message)
        if early is not None:
            record.classification = early
        entries = [
            RecipientRecord(recipient, address, decision, RECIPIENT_TAKEN)
            for recipient, address, decision in zip(recipients, addresses, decisions, strict=True)
        ]

        # Suppressed recipients are accepted here and refused after the content, when all are
        # decided on, unless the listener is set to refuse them at once (`reject_at = "rcpt"`).
        if self._listener.reject_at_rcpt and not self._policy.accept_suppressed:
            refused = [entry for entry in entries if entry.decision.blocked]
            if refused:
                await record.choose_wording()
            for entry in refused:
                entry.reply = record.fail([entry], record.classification)

        offered = [entry for entry in entries if not entry.decision.blocked]
        if offered:
            answers = await self._relay.add([entry.recipient for entry in offered])
            for entry, reply in zip(offered, answers, strict=True):
                entry.reply = reply
                entry.offered = reply.positive
                if not reply.positive:
                    entry.settle(state_after(reply), By.RELAY, reply.text)
        record.entries += entries
        return [entry.reply for entry in entries] + over

    def note_refused(self, argument: bytes | None, reply: Reply) -> None:
        """Count a recipient with invalid syntax: the CRM did name it.

        `argument` is the argument of RCPT; None if unknown.
        """
        self._record.rcpt_count += 1
        if argument is None or len(self._record.entries) >= self._policy.max_recipients:
            return
        recipient = malformed_recipient(argument)
        address = self._services.lookup(recipient.address)
        entry = RecipientRecord(recipient, address, RecipientDecision(), reply)
        entry.settle(state_after(reply), By.GATEWAY, reply.text)
        self._record.entries.append(entry)

    # DATA

    @property
    def has_recipients(self) -> bool:
        """Whether there is still somebody to send to."""
        return bool(self._record.taken_recipients)

    async def refusal(self) -> Reply | None:
        """Return one reply for the refusals of all recipients; None: there were no recipients.

        A temporary one, if any: the mail may be retried. Otherwise the note, if anybody is
        suppressed.
        """
        record = self._record
        if not record.rcpt_count:
            return None
        if record.rcpt_count > len(record.entries):
            return TOO_MANY_RECIPIENTS
        replies = [entry.reply for entry in record.entries]
        temporary = next((reply for reply in replies if not reply.permanent), None)
        if temporary is not None:
            return temporary
        suppressed = [entry for entry in record.entries if entry.note is not None]
        if suppressed:
            return record.fail(suppressed, record.classification)
        return replies[-1]

    async def content(self, client_reader: ClientReader) -> list[Reply]:
        """Accept the content; return one reply, or with LMTP one per accepted recipient."""
        record, outcome = self._record, self._outcome
        stream = self._stream = ContentStream(
            self._services, self._listener, record, self._relay, client_reader
        )
        try:
            try:
                head = await stream.header_block()
                await stream.decide(head)
                tail = await stream.to_relay(head)
                reply = await outcome.hand_over(tail, client_reader)
            except AnsweredBefore as retry:
                reply = await outcome.answer_again(retry.attempt)
            except (MessageRefused, BadContent) as error:
                if isinstance(error, BadContent):
                    error = MessageRefused(Reply.of(str(error)), By.GATEWAY)
                # A refusal is sent when the client listens: after its content (RFC 5321, 4.1.1.4).
                self._relay.hang_up()
                await stream.body.drain()
                reply = await outcome.refuse(error)
        except (ClientGone, ClientSlow, ListenerStopping) as error:
            by = By.GATEWAY if isinstance(error, ListenerStopping) else By.CLIENT
            outcome.give_up(by, CLIENT_GONE)
            raise
        finally:
            outcome.leave_undecided()
        answers = outcome.lmtp_answers(reply) if self._listener.lmtp else [reply]
        if stream.bulk_known is not None:
            # A deferred recipient may be sent to next, alone and through another worker.
            await asyncio.wait((stream.bulk_known,))
        return answers

    # RSET, another EHLO, QUIT, or a lost client

    async def abandon(self, by: By) -> None:
        """End a transaction without content."""
        await self._relay.end()
        drafts = self._record.notices(given_up=True) if by is By.CLIENT else ()
        self._outcome.give_up(by, _RESET, drafts)

    # The relay connection while the client is idle

    @property
    def holds_relay(self) -> bool:
        """Whether a relay connection is held that could be released while the client is idle."""
        return self._relay.is_open and (self._stream is None or self._stream.may_stop)

    @property
    def is_waited_for(self) -> bool:
        """Whether others wait for a relay connection held while the client is idle."""
        if not (self._relay.is_open and self._relay.is_crowded):
            return False
        return self.holds_relay or (self._stream is not None and self._stream.body.is_slow)

    async def release_relay(self) -> None:
        """Release the relay connection for others; if content is in progress, that ends it."""
        if self.holds_relay:
            await self._relay.end()
        elif self.is_waited_for and self._stream is not None:
            self._stream.is_too_slow = True
            self._relay.hang_up()

    def hang_up(self) -> None:
        """Close the relay connection, whatever went wrong."""
        self._relay.hang_up()
