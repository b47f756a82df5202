"""A CRM's transaction tied to a relay's: the way of one message."""

import asyncio
from collections.abc import Sequence

from gateway import logs
from gateway.core import ids
from gateway.core.decision.decide import blocking
from gateway.core.decision.journal import Attempt, KnownBulk
from gateway.core.kinds import By, Kind, State
from gateway.core.mail.address import domain_of
from gateway.core.mail.content import BadContent, Cleaner
from gateway.core.mail.content_hash import ContentHash
from gateway.core.mail.envelope import Recipient, Sender, malformed
from gateway.core.mail.headers import Headers
from gateway.core.mail.reply import Reply
from gateway.core.sending.outbox import OutboxDraft
from gateway.delivery import replies
from gateway.delivery.settings import choose
from gateway.delivery.transaction import Lost, RelayTransaction
from gateway.smtp_proxy.body import Body, Head, TooLarge
from gateway.smtp_proxy.client_presence import ClientPresence
from gateway.smtp_proxy.client_reader import ClientGone, ClientReader, ClientSlow, ListenerStopping
from gateway.smtp_proxy.decider import (
    STORE_AWAY,
    TURNED_BULK,
    MessageToDecide,
    Verdict,
    goes_anyway,
    looks_inside,
)
from gateway.smtp_proxy.journaling.retries import Try
from gateway.smtp_proxy.message_answer import MessageRefused, state_after
from gateway.smtp_proxy.policy import ListenerPolicy
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.trace_headers import is_looping, trace
from gateway.smtp_proxy.transaction_record import Client, RecipientRecord, TransactionRecord

log = logs.get("smtp_proxy")

_LATE_SECONDS = 600.0
_TOLD_SECONDS = 2.0  #: How long a 451 waits until every worker knows what a retry is one of.
_TOLD_AFTER_DOT_SECONDS = 10.0  #: The same where the relay may have the message.
_OK = Reply.of("250 2.1.5 Ok")
_TOO_MANY = Reply.of("452 4.5.3 Too many recipients")
_TOO_LARGE = Reply.of("552 5.3.4 The message is too large")
_LOOPS = Reply.of("554 5.4.6 The message goes round in circles")
_PENDING = Reply.of("451 4.4.2 The relay's answer to this message is still awaited")
_CLIENT_GONE = Reply.of("451 4.4.2 The connection was lost before the end")
_TOO_SLOW = Reply.of("451 4.4.2 Too slow while others wait for the relay; try again later")
_GATHERED = 65_536  #: Octets of content that don't yet keep a relay waiting for a slow client.


class ProxyTransaction:
    """From MAIL to the verdict. `content` ends with replies, or raises what ended the client."""

    def __init__(
        self, services: ProxyServices, listener: ListenerPolicy, client: Client, sender: Sender
    ) -> None:
        self._services = services
        self._policy = services.policy
        self._listener = listener
        self._client = client
        self._sender = sender
        self._body: Body | None = None  #: What is coming in.
        self._hash = ContentHash()
        self._client_reader: ClientReader | None = None
        self._looked = 0.0  #: When the store was asked for earlier tries, by `monotonic`.
        self._too_slow = False
        self._well_formed = 0  #: Recipients that count for `max_recipients`.
        self._bulk_known: asyncio.Task[None] | None = None  #: Until every process knows.
        self._streaming = False  #: Whether the content goes on to the relay.
        self._tail = b""  #: The last of the content, which goes with the final dot.
        self._record = TransactionRecord(services, listener, client, sender)
        self._settings = choose(
            self._policy.relays,
            listener=listener.name,
            login=client.login,
            sender_domain=domain_of(sender.address),
        )
        self._record.relay = self._settings.name
        self._relay = RelayTransaction(services.pool(self._settings), sender)

    @property
    def utf8(self) -> bool:
        """Whether addresses beyond ASCII may be named."""
        return self._sender.utf8

    @property
    def has_recipients(self) -> bool:
        """Whether somebody is left to send to."""
        return any(entry.taken for entry in self._record.entries)

    async def refusal(self) -> Reply | None:
        """Return what stands for the refusals of all recipients; None: there was none asked for.

        A temporary one, where there is one: the mail may be tried again. Else the note, where
        somebody is suppressed.
        """
        record = self._record
        if not record.asked:
            return None
        if record.asked > len(record.entries):
            return _TOO_MANY
        replies = [entry.reply for entry in record.entries]
        temporary = next((reply for reply in replies if not reply.permanent), None)
        if temporary is not None:
            return temporary
        suppressed = [entry for entry in record.entries if entry.note is not None]
        if suppressed:
            return record.fail(suppressed, record.classification)
        return replies[-1]

    # RCPT

    async def recipients(self, recipients: Sequence[Recipient]) -> list[Reply]:
        """Take recipients in; return what the client hears for each."""
        self._record.asked += len(recipients)
        connection_limit = max(0, self._policy.max_recipients - self._well_formed)
        self._well_formed += min(connection_limit, len(recipients))
        entries = await self._looked_up(recipients[:connection_limit]) if connection_limit else []
        live = [entry for entry in entries if not entry.verdict.blocked]
        refused = [entry for entry in entries if entry.verdict.blocked and self._refuses_at_rcpt]
        if refused:
            await self._record.choose_wording()
        for entry in refused:
            entry.reply = self._record.fail([entry], self._record.classification)
        if live:
            await self._offer(live)
        self._record.entries += entries
        over = len(recipients) - len(entries)
        return [entry.reply for entry in entries] + [_TOO_MANY] * over

    def refused(self, argument: bytes | None, reply: Reply) -> None:
        """Count a recipient the grammar refused: the CRM asked for it all the same.

        `argument` is what it said after RCPT; None where that is not known.
        """
        self._record.asked += 1
        if argument is None or len(self._record.entries) >= self._policy.max_recipients:
            return
        recipient = malformed(argument)
        address = self._services.lookup(recipient.address)
        entry = RecipientRecord(recipient, address, Verdict(), reply)
        entry.settle(state_after(reply), By.GATEWAY, reply.text)
        self._record.entries.append(entry)

    @property
    def _refuses_at_rcpt(self) -> bool:
        return self._listener.reject_at_rcpt and not self._policy.accept_suppressed

    async def _looked_up(self, recipients: Sequence[Recipient]) -> list[RecipientRecord]:
        addresses = [self._services.lookup(recipient.address) for recipient in recipients]
        case = self._case(recipients, addresses, Headers({}))
        self._record.early, verdicts = await self._services.decider.at_rcpt(self._policy, case)
        return [
            RecipientRecord(recipient, address, verdict, _OK)
            for recipient, address, verdict in zip(recipients, addresses, verdicts, strict=True)
        ]

    async def _offer(self, entries: Sequence[RecipientRecord]) -> None:
        answers = await self._relay.add([entry.recipient for entry in entries])
        for entry, reply in zip(entries, answers, strict=True):
            entry.reply = reply
            entry.offered = reply.positive
            if not reply.positive:
                entry.settle(state_after(reply), By.RELAY, reply.text)

    @property
    def stands_by(self) -> bool:
        """Whether a relay connection is held that could be had back, while the client thinks."""
        waits = self._body is None or self._body.waits
        return self._relay.open and waits and not self._streaming

    @property
    def is_in_the_way(self) -> bool:
        """Whether others wait for a relay connection that is held while the client thinks."""
        if not (self._relay.open and self._relay.is_crowded):
            return False
        return self.stands_by or (self._body is not None and self._body.is_slow)

    async def step_aside(self) -> None:
        """Let others use the relay connection; where content is under way, that ends it."""
        if self.stands_by:
            await self._relay.end()
        elif self.is_in_the_way:
            self._too_slow = True
            self._relay.hang_up()

    # DATA

    async def content(self, client_reader: ClientReader) -> list[Reply]:
        """Take the content; return one reply, or with LMTP one per accepted recipient."""
        answers = await self._answered(client_reader)
        if self._bulk_known is not None:
            # A recipient that was put off may come next, alone and at another worker.
            await asyncio.wait((self._bulk_known,))
        return answers

    async def _answered(self, client_reader: ClientReader) -> list[Reply]:
        body = Body(client_reader, max_size=self._policy.max_size, clock=self._services.monotonic)
        self._body, self._client_reader = body, client_reader
        try:
            ended = await self._taken_in(body)
            if isinstance(ended, MessageRefused):
                return self._answers(await self._refuse(body, ended))
            if ended is None and self._record.mail is None:
                ended = await self._first_answer()
            if isinstance(ended, Attempt):
                self._record.size = body.size
                return self._answers(await self._answer_again(ended))
            self._record.size = body.size
            return self._answers(await self._hand_over(client_reader))
        except (ClientGone, ClientSlow, ListenerStopping) as error:
            by = By.GATEWAY if isinstance(error, ListenerStopping) else By.CLIENT
            await self._give_up(by, _CLIENT_GONE, size=body.size)
            raise
        finally:
            self._leave_undecided()

    def hang_up(self) -> None:
        """Let go of the relay, whatever went wrong."""
        self._relay.hang_up()

    async def _taken_in(self, body: Body) -> MessageRefused | Attempt | None:
        """Read, decide and stream all but the tail, which waits for the record.

        Of a message that is in hand as a whole nothing is streamed where an earlier try's answer
        is its own.
        """
        try:
            cleaner = Cleaner()
            head = await body.head(cleaner)
            self._record.header_block = head.block.octets
            self._record.headers = Headers.of(head.block)
            if self._rules_look_inside:
                head = await body.with_opening(head, cleaner)
            self._hash.feed(head.octets)
            return await self._decide(head) or await self._stream(body, head, cleaner)
        except TooLarge:
            return MessageRefused(_TOO_LARGE, By.GATEWAY)
        except BadContent as error:
            return MessageRefused(Reply.of(str(error)), By.GATEWAY)

    async def _decide(self, head: Head) -> MessageRefused | None:
        record = self._record
        if is_looping(record.headers, self._policy.instance):
            return MessageRefused(_LOOPS, By.GATEWAY)
        taken = [entry for entry in record.entries if entry.taken]
        case = self._case(
            [entry.recipient for entry in taken],
            [entry.address for entry in taken],
            record.headers,
            opening=head.opening if self._rules_look_inside else b"",
        )
        decision = await self._services.decider.decide(self._policy, case, record.at)
        record.decision, self._looked = decision, self._services.monotonic()
        if decision.bulk_identities and decision.is_counted:
            known = KnownBulk(record.id, decision.classification.rule)
            self._bulk_known = self._services.spawn(
                self._services.journal_client.bulk(decision.bulk_identities, known)
            )
        for entry, verdict in zip(taken, decision.verdicts, strict=True):
            entry.verdict = verdict
        return None if decision.refusal is None else MessageRefused(decision.refusal, By.GATEWAY)

    def _case(
        self,
        recipients: Sequence[Recipient],
        addresses: Sequence[str],
        headers: Headers,
        *,
        opening: bytes = b"",
    ) -> MessageToDecide:
        return MessageToDecide(
            listener=self._listener,
            login=self._client.login,
            sender=self._sender.address,
            recipients=tuple(recipient.address for recipient in recipients),
            addresses=tuple(addresses),
            headers=headers,
            message=self._record.id,
            named=tuple(entry.address for entry in self._record.entries),
            asked=self._record.asked,
            opening=opening,
        )

    @property
    def _rules_look_inside(self) -> bool:
        """Whether a rule may look at what is behind the header block."""
        return looks_inside(self._policy, self._listener, self._record.headers)

    # The relay's part

    async def _stream(
        self, body: Body, head: Head, cleaner: Cleaner
    ) -> MessageRefused | Attempt | None:
        going = [entry for entry in self._record.entries if entry.going]
        if not going:
            await self._relay.end()
            await body.drain()
            return None
        cleaner.settle(normalise=self._policy.normalise_newlines and not self._is_signed)
        octets, last = self._trace() + head.octets, head.last
        while not last and len(octets) < _GATHERED:
            piece = await body.piece()
            clean, last = cleaner.feed(piece.octets), piece.last
            self._hash.feed(clean)
            octets += clean
        if last and (earlier := await self._first_answer()) is not None:
            return earlier
        self._streaming = True
        refused = await self._line_up(going)
        if refused is not None:
            return MessageRefused(refused, By.RELAY)
        while not last:
            self._relay.write(octets)
            stopped = await self._relay.drain()
            if stopped is not None:
                self._services.relay_said(self._settings, stopped)
                return MessageRefused(self._heard(stopped), By.RELAY)
            piece = await body.piece()
            if self._too_slow:
                return MessageRefused(_TOO_SLOW, By.GATEWAY)
            octets, last = cleaner.feed(piece.octets), piece.last
            self._hash.feed(octets)
        self._tail = octets
        return None

    async def _line_up(self, going: list[RecipientRecord]) -> Reply | None:
        """Make the relay's recipients exactly those who may get the message, and say DATA."""
        surplus = any(entry.offered and not entry.going for entry in self._record.entries)
        if surplus or not all(entry.offered for entry in going):
            refused = await self._relay.keep([entry.recipient for entry in going])
            if refused is not None:
                return refused
        return await self._relay.begin_content()

    @property
    def _is_signed(self) -> bool:
        return "dkim-signature" in self._record.headers

    def _trace(self) -> bytes:
        return trace(
            self._client,
            lmtp=self._listener.lmtp,
            hostname=self._policy.hostname,
            instance=self._policy.instance,
            message=ids.show(self._record.id),
            date=self._services.date(self._record.at),
        )

    # The end

    async def _refuse(self, body: Body, refused: MessageRefused) -> Reply:
        """Read the rest, drop it, and say no to all."""
        self._relay.hang_up()
        await body.drain()
        state = state_after(refused.reply)
        taken = [entry for entry in self._record.entries if entry.taken]
        for entry in taken:
            entry.settle(state, refused.by, refused.reply.text)
        self._record.size = body.size
        deferred = state is State.DEFERRED
        attempts = self._record.refused_for_now() if deferred else ()
        told = self._services.journal_client.note(self._record.message(), attempts)
        self._record.log()
        if attempts:
            await asyncio.wait((told,), timeout=_TOLD_SECONDS)
        return refused.reply

    async def _first_answer(self) -> Attempt | None:
        """Return the attempt whose answer, come or awaited, is this retry's, too.

        None where the message may go to the relay; from then on a retry of it waits.
        """
        record, services = self._record, self._services
        decision, began = record.decision, services.monotonic()
        assert decision is not None
        assert self._client_reader is not None
        mail = record.identify(self._hash.text)
        if not any(entry.going for entry in record.entries):
            return mail.answer_in(decision.earlier)
        answer = await services.retries.enter(
            mail,
            decision.earlier,
            looked=self._looked,
            look=lambda: services.decider.look_again(decision, services.now()),
            client_reader=self._client_reader,
            patience=self._settings.budget.total_seconds(),
            waits=self._relay.end,
            first_is=record.retry_of.append,
        )
        self._relay.spend(services.monotonic() - began)
        return answer

    async def _hand_over(self, client_reader: ClientReader) -> Reply:
        """Write it down, then the final dot, then the verdict."""
        record = self._record
        if await self._has_turned_bulk():
            return self._put_off()
        going = [entry for entry in record.entries if entry.going]
        failed = [entry for entry in record.entries if entry.taken and not entry.going]
        if any(one.verdict.blocked or one.verdict.would for one in record.entries):
            await record.choose_wording()
        no = record.fail(failed, record.classification) if failed else _OK
        if failed and going and self._listener.lmtp:
            record.only_these_may_come_again(going)
        for entry in going:
            entry.settle(State.SENDING, By.RELAY, "")
        drafts = record.notices()
        if not await record.begin(drafts):
            return self._unwritten(going + failed)
        if not going:
            record.log()
            return record.accepted(failed) if self._policy.accept_suppressed else no
        if client_reader.gone:
            self._relay.hang_up()
            for entry in going:
                entry.settle(State.ABORTED, By.CLIENT, "")
            record.finish(going, notices_go=False if drafts else None)
            record.log()
            return _CLIENT_GONE
        return await self._verdict(going, drafts, client_reader)

    async def _verdict(
        self,
        going: list[RecipientRecord],
        drafts: tuple[OutboxDraft, ...],
        client_reader: ClientReader,
    ) -> Reply:
        mail, retries = self._mail, self._services.retries
        retries.dot_out(mail, client_reader, self._tell_of_sending)
        verdict = await self._relay.finish(self._tail)
        retries.verdict_came(mail)
        if isinstance(verdict, Lost):
            return await self._unknown(going, verdict, drafts)
        heard = self._heard(verdict)
        state = state_after(heard)
        self._services.relay_said(self._settings, verdict)
        if state is State.DEFERRED:
            mail.lost = True
            told = self._ended(going, verdict, drafts, mail.remembered("open"))
            retries.leave(mail, None, told)
        elif mail.lost:
            (answer, *_) = attempts = mail.remembered("verdict", heard.text)
            told = self._ended(going, verdict, drafts, attempts)
            retries.leave(mail, answer, told)
            if client_reader.closed and not mail.gave_up:
                self._presence(client_reader, heard, drafts).look_whether_it_listens()
        elif mail.slow or retries.is_awaited(mail):
            self._ended(going, verdict, drafts, ())
            self._presence(client_reader, heard, drafts).watch()
            return heard
        else:
            sent = mail.remembered("sent", heard.text) if drafts and heard.positive else ()
            told = self._ended(going, verdict, drafts, sent)
            retries.leave(mail, None, told)
        if told is not None:
            await asyncio.wait((told,), timeout=_TOLD_SECONDS)
        return heard

    def _presence(
        self, client_reader: ClientReader, said: Reply, drafts: tuple[OutboxDraft, ...]
    ) -> ClientPresence:
        retries = self._services.retries
        return ClientPresence(
            self._mail, self._record, client_reader, retries, said, owes=bool(drafts)
        )

    @property
    def _mail(self) -> Try:
        assert self._record.mail is not None
        return self._record.mail

    def _tell_of_sending(self) -> None:
        self._record.finish((), attempts=self._mail.remembered("sending"))

    def _leave_undecided(self) -> None:
        """Let retries go on where this try ended without a verdict, for whatever reason."""
        mail = self._record.mail
        if mail is None or mail.has_ended or mail.answered:
            return
        told = None
        if mail.slow or mail.lost:
            told = self._record.finish((), attempts=mail.remembered("open"))
        self._services.retries.leave(mail, None, told)

    def _ended(
        self,
        going: list[RecipientRecord],
        verdict: Reply,
        drafts: tuple[OutboxDraft, ...],
        attempts: Sequence[Attempt],
    ) -> "asyncio.Future[None] | None":
        state = state_after(self._heard(verdict))
        for entry in going:
            entry.settle(state, By.RELAY, verdict.text)
        notices_go = state is State.RELAYED if drafts else None
        told = self._record.finish(going, attempts=attempts, notices_go=notices_go)
        self._record.log()
        return told

    def _heard(self, verdict: Reply) -> Reply:
        return replies.for_client(verdict, self._settings.our_fault)

    async def _unknown(
        self, going: list[RecipientRecord], lost: Lost, drafts: tuple[OutboxDraft, ...]
    ) -> Reply:
        """Nobody knows whether the relay has it: say 451, and go on listening for a while."""
        for entry in going:
            entry.settle(State.UNKNOWN, By.RELAY, lost.why)
        mail, retries = self._mail, self._services.retries
        retries.lose(mail)
        (first, *_) = attempts = mail.remembered("pending" if lost.may_come else "open")
        told = self._record.finish(going, attempts=attempts)
        self._record.log()
        retries.leave(mail, first if lost.may_come else None, told)
        self._services.spawn(self._late(going, drafts))
        if told is not None:
            await asyncio.wait((told,), timeout=_TOLD_AFTER_DOT_SECONDS)
            if not told.done():
                log.error("retry_not_told", message=ids.show(self._record.id))
        return replies.LOST

    async def _late(self, going: list[RecipientRecord], drafts: tuple[OutboxDraft, ...]) -> None:
        verdict = await self._relay.late_verdict(_LATE_SECONDS)
        if verdict is None:
            self._record.finish(
                (), attempts=self._mail.remembered("open"), notices_go=False if drafts else None
            )
            return
        heard = self._heard(verdict)
        kept = "open" if state_after(heard) is State.DEFERRED else "verdict"
        self._ended(going, verdict, drafts, self._mail.remembered(kept, heard.text))

    async def _answer_again(self, earlier: Attempt) -> Reply:
        """Answer a retry with what became of the first attempt; nothing is sent again."""
        await self._relay.end()
        reply = _PENDING if earlier.state == "pending" else Reply.of(earlier.verdict)
        if earlier.message:
            self._record.retry_of.append(earlier.message)
        taken = [entry for entry in self._record.entries if entry.taken]
        going = [entry for entry in taken if entry.going] or taken
        for entry in going:
            said = f"as {ids.show(earlier.message)}: {reply.text}"
            entry.settle(state_after(reply), By.GATEWAY, said)
        failed = [entry for entry in taken if entry not in going]
        if failed:
            await self._record.choose_wording()
            self._record.fail(failed, self._record.classification)
        self._services.journal_client.note(self._record.message())
        self._record.log()
        return reply

    async def _has_turned_bulk(self) -> bool:
        """Whether somebody is about to get what another transaction has just shown to be bulk."""
        record, said = self._record, self._record.classification
        if said.kind is Kind.BULK or self._listener.kind or goes_anyway(self._listener, said):
            return False
        if not any(e.going and blocking(Kind.BULK, e.verdict.standing) for e in record.entries):
            return False
        assert record.decision is not None
        return await self._services.decider.has_turned_bulk(record.decision, record.at)

    def _put_off(self) -> Reply:
        """Have the client try again: the message is bulk by then."""
        self._relay.hang_up()
        for entry in self._record.entries:
            if entry.taken:
                entry.settle(State.DEFERRED, By.GATEWAY, TURNED_BULK.text)
        self._services.journal_client.note(self._record.message(), self._record.refused_for_now())
        self._record.log()
        return TURNED_BULK

    def _unwritten(self, entries: list[RecipientRecord]) -> Reply:
        """Nothing may be sent that is not written down."""
        self._relay.hang_up()
        for entry in entries:
            entry.note = None
            entry.settle(State.DEFERRED, By.GATEWAY, STORE_AWAY.text)
        # A commit that failed may have happened all the same: what is said now counts.
        self._services.journal_client.note(self._record.message(), self._record.refused_for_now())
        self._record.log()
        return STORE_AWAY

    def _answers(self, reply: Reply) -> list[Reply]:
        if not self._listener.lmtp:
            return [reply]
        return [self._lmtp_answer(e, reply) for e in self._record.entries if e.taken]

    def _lmtp_answer(self, entry: RecipientRecord, reply: Reply) -> Reply:
        if entry.note is None:
            return reply
        if self._policy.accept_suppressed:
            return self._record.accepted([entry]) if reply.positive else reply
        return self._record.fail([entry], self._record.classification)

    async def abandon(self, by: By) -> None:
        """End a transaction without content: RSET, a new greeting, QUIT or a lost client."""
        await self._relay.end()
        drafts = self._record.notices(given_up=True) if by is By.CLIENT else ()
        await self._give_up(by, Reply.of("250 2.0.0 Reset"), drafts=drafts)

    async def _give_up(
        self, by: By, said: Reply, *, size: int = 0, drafts: tuple[OutboxDraft, ...] = ()
    ) -> None:
        self._relay.hang_up()
        record = self._record
        if not record.entries:
            return
        for entry in record.entries:
            if entry.taken:
                entry.settle(State.ABORTED, by, said.text if by is By.GATEWAY else "")
        record.size = size
        if drafts:
            self._services.journal_client.report(record.message(), drafts)
        else:
            self._services.journal_client.note(record.message())
        record.log()
