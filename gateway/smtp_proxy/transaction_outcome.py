"""How a mail ends: what is recorded before its final dot, and the final reply to the client.

    c: (the last of the mail) and a dot
                                            the journal has the mail on disk, as `sending`
                                            to the relay: the last octets and the dot
    s: 250 2.0.0 Ok: queued as 4XZ1         the relay's 250; in the journal `relayed`

Every other way a mail can end has its outcome:

    refused by a rule, the relay, the size   the reply that says so     `refuse`
    a retry of one that was answered         that answer                `answer_again`
    nobody may be mailed                     550 with the note, or 250  `hand_over`
    the relay says no                        its reply                  `verdict`
    the relay says nothing                   451, nobody knows          `no_verdict`, `late_verdict`
    the client is gone before the dot        nothing, it is `aborted`   `give_up`

Two promises determine the order of the steps: what was not recorded is not sent, and what may have
reached the relay is not resent because a client missed the answer (RFC 5321, 4.5.3.2.6).
"""

import asyncio
from collections.abc import Sequence

from gateway import logs
from gateway.core import ids
from gateway.core.decision.decide import blocking
from gateway.core.journal.attempt import Attempt
from gateway.core.kinds import By, Kind, State
from gateway.core.mail.reply import Reply
from gateway.core.sending.outbox import OutboxDraft
from gateway.delivery import replies
from gateway.delivery.transaction import Lost, RelayTransaction
from gateway.smtp_proxy.client_reader import ClientReader
from gateway.smtp_proxy.decider import GOES, STORE_AWAY, TURNED_BULK
from gateway.smtp_proxy.journaling.client_presence import ClientPresence
from gateway.smtp_proxy.journaling.retries import ClientTry
from gateway.smtp_proxy.message_answer import (
    CLIENT_GONE,
    RECIPIENT_TAKEN,
    MessageRefused,
    state_after,
)
from gateway.smtp_proxy.message_kind import goes_anyway
from gateway.smtp_proxy.policy import ListenerPolicy
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.transaction_record import RecipientRecord, TransactionRecord
from gateway.store.engine.database import StoreUnavailable

log = logs.get("smtp_proxy")

_LATE_SECONDS = 600.0  #: How long to listen to a relay that gave no verdict in time.
_SEEN_SECONDS = 2.0  #: How long a 451 waits until every worker can recognise a retry.
_SEEN_AFTER_DOT_SECONDS = 10.0  #: The same if the relay may have the message.
_PENDING = Reply.of("451 4.4.2 The relay's answer to this message is still awaited")


class TransactionOutcome:
    """Ends one transaction, in one of the ways above."""

    def __init__(
        self,
        services: ProxyServices,
        listener: ListenerPolicy,
        record: TransactionRecord,
        relay: RelayTransaction,
    ) -> None:
        self._services = services
        self._policy = services.policy
        self._listener = listener
        self._record = record
        self._relay = relay

    # Before the final dot

    async def refuse(self, refused: MessageRefused) -> Reply:
        """Refuse all recipients, once the content has been read to its end."""
        record = self._record
        state = state_after(refused.reply)
        for entry in record.taken_recipients:
            entry.settle(state, refused.by, refused.reply.text)
        attempts = record.refused_for_now() if state is State.DEFERRED else ()
        visible = self._services.journal_client.note(record.message(), attempts)
        record.log()
        if attempts:
            await asyncio.wait((visible,), timeout=_SEEN_SECONDS)
        return refused.reply

    async def answer_again(self, earlier: Attempt) -> Reply:
        """Answer a retry with the outcome of the first attempt; nothing is sent again."""
        record = self._record
        await self._relay.end()
        reply = _PENDING if earlier.state == "pending" else Reply.of(earlier.verdict)
        if earlier.message:
            record.retry_of.append(earlier.message)
        taken_entries = record.taken_recipients
        going = record.going_recipients or taken_entries
        for entry in going:
            final_reply = f"as {ids.show(earlier.message)}: {reply.text}"
            entry.settle(state_after(reply), By.GATEWAY, final_reply)
        left_out = [entry for entry in taken_entries if entry not in going]
        if left_out:
            await record.choose_wording()
            record.fail(left_out, record.classification)
        self._services.journal_client.note(record.message())
        record.log()
        return reply

    async def hand_over(self, tail: bytes, client_reader: ClientReader) -> Reply:
        """Record the mail, then send the final dot after `tail`; return the verdict.

        Raise `MessageRefused` while the relay has nothing that counts: content without its dot
        doesn't.
        """
        record, listener = self._record, self._listener
        going = record.going_recipients
        known_entries = [entry for entry in record.entries if entry.decision is not GOES]
        left_out = [entry for entry in known_entries if entry.is_taken and not entry.is_going]

        # The other part of a mailing sent in parts may have shown by now that this is bulk.
        classification, decider = record.classification, self._services.decider
        must_not_be_bulk = (
            bool(known_entries)
            and classification.kind is not Kind.BULK
            and listener.kind is None
            and not goes_anyway(listener, classification)
            and any(blocking(Kind.BULK, entry.decision.standing) for entry in going)
        )
        if must_not_be_bulk:
            assert record.decision is not None
            if await decider.has_turned_bulk(record.decision, record.at):
                raise MessageRefused(TURNED_BULK, By.GATEWAY)

        if known_entries and any(
            entry.decision.blocked or entry.decision.would for entry in known_entries
        ):
            await record.choose_wording()
        refusal = record.fail(left_out, classification) if left_out else RECIPIENT_TAKEN
        if left_out and going and listener.lmtp:
            record.only_these_may_come_again(going)
        for entry in going:
            entry.settle(State.SENDING, By.RELAY, "")
        drafts = record.notices()
        if not await record.begin(drafts):
            # Nothing may be sent that is not recorded. A failed commit may still have happened:
            # this reply counts.
            for entry in left_out:
                entry.note = None
            raise MessageRefused(STORE_AWAY, By.GATEWAY)

        if not going:
            record.log()
            return record.acceptance_reply(left_out) if self._policy.accept_suppressed else refusal
        if must_not_be_bulk and await self._has_become_a_burst():
            return await self._put_off(going, drafts)
        if client_reader.is_gone:
            self._relay.hang_up()
            for entry in going:
                entry.settle(State.ABORTED, By.CLIENT, "")
            record.finish(going, notices_go=False if drafts else None)
            record.log()
            return CLIENT_GONE
        return await self.send_dot(tail, going, drafts, client_reader)

    async def _has_become_a_burst(self) -> bool:
        """Whether the mail is one of many that came at once, now that each is recorded."""
        decision = self._record.decision
        assert decision is not None
        if not self._policy.bursts or decision.burst is None:
            return False
        decider = self._services.decider
        try:
            return await decider.has_become_a_burst(self._policy, decision, self._record.at)
        except StoreUnavailable:
            return True  # It was there a moment ago; the next attempt will know.

    async def _put_off(
        self, going: list[RecipientRecord], drafts: tuple[OutboxDraft, ...]
    ) -> Reply:
        """Refuse a recorded mail for now; on its next attempt it is known what it is."""
        record = self._record
        self._relay.hang_up()
        for entry in going:
            entry.settle(State.DEFERRED, By.GATEWAY, TURNED_BULK.text)
        visible = record.finish(
            going,
            attempts=record.refused_for_now(),
            notices_go=False if drafts else None,
        )
        record.log()
        if visible is not None:
            await asyncio.wait((visible,), timeout=_SEEN_SECONDS)
        return TURNED_BULK

    # After it

    async def send_dot(
        self,
        tail: bytes,
        going: list[RecipientRecord],
        drafts: tuple[OutboxDraft, ...],
        client_reader: ClientReader,
    ) -> Reply:
        """Send the dot and return the client's reply for the relay's verdict.

        What a retry is told depends on whether the client gets that reply. If it waits for it, it
        certainly does. If not (it closed its side, sent the next command, was slow), retries wait
        until that is known.
        """
        record, client_try, retries = self._record, self._client_try, self._services.retries
        retries.dot_out(
            client_try,
            client_reader,
            lambda: record.finish((), attempts=client_try.attempts_to_store("sending")),
        )
        verdict = await self._relay.finish(tail)
        retries.verdict_came(client_try)
        if isinstance(verdict, Lost):
            return await self.no_verdict(going, verdict, drafts)
        client_reply = self._for_client(verdict)
        self._services.note_verdict(self._relay.settings, verdict)
        if state_after(client_reply) is State.DEFERRED:
            client_try.lost = True
            visible = self._end(going, verdict, drafts, client_try.attempts_to_store("open"))
            retries.leave(client_try, None, visible)
        elif client_try.lost:
            (answer, *_) = attempts = client_try.attempts_to_store("verdict", client_reply.text)
            visible = self._end(going, verdict, drafts, attempts)
            retries.leave(client_try, answer, visible)
            if client_reader.is_closed and not client_try.gave_up:
                self._presence(client_reader, client_reply, drafts).look_whether_it_listens()
        elif client_try.slow or retries.is_awaited(client_try):
            self._end(going, verdict, drafts, ())
            self._presence(client_reader, client_reply, drafts).watch()
            return client_reply
        else:
            sent = (
                client_try.attempts_to_store("sent", client_reply.text)
                if drafts and client_reply.positive
                else ()
            )
            visible = self._end(going, verdict, drafts, sent)
            retries.leave(client_try, None, visible)
        if visible is not None:
            await asyncio.wait((visible,), timeout=_SEEN_SECONDS)
        return client_reply

    async def no_verdict(
        self, going: list[RecipientRecord], lost: Lost, drafts: tuple[OutboxDraft, ...]
    ) -> Reply:
        """Nobody knows whether the relay has it: reply 451, and keep listening for a while."""
        record, client_try, retries = self._record, self._client_try, self._services.retries
        for entry in going:
            entry.settle(State.UNKNOWN, By.RELAY, lost.why)
        retries.lose(client_try)
        (first, *_) = attempts = client_try.attempts_to_store(
            "pending" if lost.may_come else "open"
        )
        visible = record.finish(going, attempts=attempts)
        record.log()
        retries.leave(client_try, first if lost.may_come else None, visible)
        self._services.spawn(self.late_verdict(going, drafts))
        if visible is not None:
            await asyncio.wait((visible,), timeout=_SEEN_AFTER_DOT_SECONDS)
            if not visible.done():
                log.error("retry_not_told", message=ids.show(record.id))
        return replies.LOST

    async def late_verdict(
        self, going: list[RecipientRecord], drafts: tuple[OutboxDraft, ...]
    ) -> None:
        """Record what the relay says after the client got 451, if anything."""
        client_try = self._client_try
        verdict = await self._relay.late_verdict(_LATE_SECONDS)
        if verdict is None:
            notices_go = False if drafts else None
            self._record.finish(
                (), attempts=client_try.attempts_to_store("open"), notices_go=notices_go
            )
            return
        client_reply = self._for_client(verdict)
        state = "open" if state_after(client_reply) is State.DEFERRED else "verdict"
        self._end(going, verdict, drafts, client_try.attempts_to_store(state, client_reply.text))

    def _end(
        self,
        going: list[RecipientRecord],
        verdict: Reply,
        drafts: tuple[OutboxDraft, ...],
        attempts: Sequence[Attempt],
    ) -> "asyncio.Future[None] | None":
        """Record a verdict; return a future that is done when every process can see `attempts`."""
        state = state_after(self._for_client(verdict))
        for entry in going:
            entry.settle(state, By.RELAY, verdict.text)
        notices_go = state is State.RELAYED if drafts else None
        visible = self._record.finish(going, attempts=attempts, notices_go=notices_go)
        self._record.log()
        return visible

    def _for_client(self, verdict: Reply) -> Reply:
        return replies.for_client(verdict, self._relay.settings.our_fault)

    def _presence(
        self, client_reader: ClientReader, reply: Reply, drafts: tuple[OutboxDraft, ...]
    ) -> ClientPresence:
        record = self._record
        return ClientPresence(
            self._client_try,
            lambda attempts: record.finish((), attempts=attempts),
            client_reader,
            self._services.retries,
            reply,
            owes=bool(drafts),
        )

    @property
    def _client_try(self) -> ClientTry:
        assert self._record.client_try is not None
        return self._record.client_try

    # Wherever it ends

    def lmtp_answers(self, reply: Reply) -> list[Reply]:
        """Return a reply for each accepted recipient (RFC 2033, 4.2).

        `reply` is for those who get the mail; suppressed recipients have their own note.
        """
        record = self._record
        answers = []
        for entry in record.taken_recipients:
            if entry.note is None:
                answers.append(reply)
            elif not self._policy.accept_suppressed:
                answers.append(record.fail([entry], record.classification))
            else:
                answers.append(record.acceptance_reply([entry]) if reply.positive else reply)
        return answers

    def give_up(self, by: By, reply: Reply, drafts: tuple[OutboxDraft, ...] = ()) -> None:
        """Record a transaction that ended before its final dot, with a report it owes."""
        record = self._record
        self._relay.hang_up()
        if not record.entries:
            return
        for entry in record.taken_recipients:
            entry.settle(State.ABORTED, by, reply.text if by is By.GATEWAY else "")
        if drafts:
            self._services.journal_client.report(record.message(), drafts)
        else:
            self._services.journal_client.note(record.message())
        record.log()

    def leave_undecided(self) -> None:
        """Let retries continue if this try ended without a verdict, for whatever reason."""
        client_try = self._record.client_try
        if client_try is None or client_try.has_ended or client_try.answered:
            return
        visible = None
        if client_try.slow or client_try.lost:
            visible = self._record.finish((), attempts=client_try.attempts_to_store("open"))
        self._services.retries.leave(client_try, None, visible)
