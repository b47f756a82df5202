"""What is recorded about a transaction: the journal's message, its outcome, and notices owed.

c: MAIL FROM:<news@example.org>    a number and a time: the message's id
c: RCPT TO:<ann@example.net>       a `RecipientRecord` each, whatever the reply
c: RCPT TO:<bob@example.net>
c: (the mail)                      its headers, its kind, each recipient's decision
c: .                               `begin`: on disk, Ann as sending, Bob as send_failed with his
                                   note, and the report owed to the sender for Bob
s: 250 2.0.0 Ok: queued as 4XZ1    `finish`: Ann is relayed, the report may be sent
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.core import ids
from gateway.core.decision import dsn
from gateway.core.decision.classify import Classification
from gateway.core.decision.decide import blocking, who_counts
from gateway.core.decision.note import Note, reasons, refusal, render
from gateway.core.decision.note_facts import NoteFacts, facts_as_json
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.journal.attempt import Attempt, RetryMarks
from gateway.core.journal.message import Delivery, Message, Outcome
from gateway.core.kinds import By, Kind, State
from gateway.core.mail import own_mail
from gateway.core.mail.envelope import Recipient, Sender
from gateway.core.mail.headers import Headers
from gateway.core.mail.reply import Reply
from gateway.core.quick_values import quick_value
from gateway.core.sending.outbox import OutboxDraft
from gateway.smtp_proxy.body import BodyReader
from gateway.smtp_proxy.decider import MessageDecision, RecipientDecision
from gateway.smtp_proxy.journaling.retries import ClientTry
from gateway.smtp_proxy.message_kind import MessageToDecide, goes_anyway
from gateway.smtp_proxy.policy import ListenerPolicy
from gateway.smtp_proxy.proxy_services import ProxyServices

INDIVIDUAL = Classification(Kind.INDIVIDUAL, "default")
_NO_HEADERS = Headers({})
_MAX_SUBJECT = 500


@quick_value(kw_only=True)
class SmtpClient:
    """The SMTP client."""

    ip: str
    helo: str = ""
    login: str | None = None
    tls: bool = False
    extended: bool = True


@dataclass(slots=True)
class RecipientRecord:
    """One recipient in progress."""

    recipient: Recipient
    address: str  #: In lookup form.
    decision: RecipientDecision
    reply: Reply  #: The client's reply to RCPT.
    offered: bool = False  #: Whether the relay has accepted it in the open transaction.
    state: State = State.ABORTED
    by: By = By.CLIENT
    final_reply: str = ""
    note: Note | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the client was told that this recipient is accepted."""
        return self.reply.positive

    @property
    def is_going(self) -> bool:
        """Whether the message is to be sent to this recipient."""
        return self.reply.positive and not self.decision.blocked

    def settle(self, state: State, by: By, final_reply: str) -> None:
        """Record how it ended."""
        self.state, self.by, self.final_reply = state, by, final_reply


class TransactionRecord:
    """The record of one transaction."""

    def __init__(
        self, services: ProxyServices, listener: ListenerPolicy, client: SmtpClient, sender: Sender
    ) -> None:
        self._services = services
        self._policy = services.policy
        self._listener = listener
        self.client = client
        self._sender = sender
        self.at = services.now()
        self.id = services.new_id(self.at)
        self.shown_id = ids.show(self.id)
        self.entries: list[RecipientRecord] = []
        self.rcpt_count = 0  #: How often the client sent RCPT, whatever the outcome.
        self.headers = _NO_HEADERS
        self.header_block = b""
        #: The kind of the message, once it is known.
        self.classification = INDIVIDUAL
        self.decision: MessageDecision | None = None
        self.relay = ""
        self.body: BodyReader | None = None  #: The content read so far, after DATA.
        self._chosen_template: NoteTemplate | None = None  #: The wording; None: not chosen yet.
        self._asked_with: Headers | None = None  #: The headers the wording was chosen by.
        self.client_try: ClientTry | None = None  #: How tries to send it are recognised.
        self.retry_of: list[int] = []  #: Messages this is known to be a retry of.

    @property
    def _template(self) -> NoteTemplate:
        return self._chosen_template or self._policy.note

    @property
    def taken_recipients(self) -> list[RecipientRecord]:
        """The recipients that the client was told are accepted."""
        return [entry for entry in self.entries if entry.reply.positive]

    @property
    def going_recipients(self) -> list[RecipientRecord]:
        """The recipients the message is to be sent to."""
        return [
            entry for entry in self.entries if entry.reply.positive and not entry.decision.blocked
        ]

    def to_decide(
        self, recipients: Sequence[Recipient], addresses: Sequence[str], *, opening: bytes = b""
    ) -> MessageToDecide:
        """Return the basis for the decision, as far as it is known; `addresses` are in lookup form.

        `opening` is what the rules see after the header block.
        """
        return MessageToDecide(
            listener=self._listener,
            login=self.client.login,
            sender=self._sender.address,
            recipients=tuple([recipient.path.address for recipient in recipients]),
            addresses=tuple(addresses),
            headers=self.headers,
            message=self.id,
            named_addresses=tuple([entry.address for entry in self.entries]),
            rcpt_count=self.rcpt_count,
            opening=opening,
        )

    async def choose_wording(self) -> None:
        """Switch to the reader's language, which may be clearer from the header block."""
        if self._asked_with is self.headers:
            return
        self._asked_with = self.headers
        template = await self._services.wording.template(
            self._policy, self._sender.address, self.headers
        )
        if template is self._template:
            return
        self._chosen_template = template
        for entry in self.entries:
            if entry.note is not None:
                entry.note = render(template, self._facts(entry, self.classification))

    def fail(self, entries: Sequence[RecipientRecord], classification: Classification) -> Reply:
        """Mark recipients as suppressed; return the refusal that explains it."""
        facts = [self._facts(entry, classification) for entry in entries]
        for entry, note_facts in zip(entries, facts, strict=True):
            entry.note = render(self._template, note_facts)
            entry.settle(State.SEND_FAILED, By.GATEWAY, "")
        return refusal(self._template, facts)

    def _facts(self, entry: RecipientRecord, classification: Classification) -> NoteFacts:
        standing = entry.decision.standing
        return NoteFacts(
            message=self.id,
            now=self._policy.local_time(self.at),
            kind=classification.kind,
            rule=classification.rule,
            recipient=entry.recipient.address,
            suppressions=entry.decision.blocked or entry.decision.would,
            personal_mail=not blocking(Kind.INDIVIDUAL, standing) and bool(standing.holders),
            feed_as_of=self._services.feed_as_of(),
            persons=tuple(holder.ref for holder in standing.holders),
            sharing=len(who_counts(standing)),
        )

    def notices(self, *, given_up: bool = False) -> tuple[OutboxDraft, ...]:
        """Build the DSN owed to the sender for those left out (RFC 3464); at most one.

        It waits for the relay's verdict if the message goes to others; `given_up`: the client has
        ended the transaction before the content, so that it goes to nobody.
        """
        noted = [entry for entry in self.entries if entry.note is not None]
        if not noted:  # Nearly always.
            return ()
        always = self._policy.report_always
        left_out = [
            entry
            for entry in noted
            if (entry.is_taken or always) and dsn.is_owed(self._sender, entry.recipient)
        ]
        going = sum(entry.is_going for entry in self.entries)
        is_answered = not self._policy.accept_suppressed and (not going or self._listener.lmtp)
        if not left_out or (is_answered and not always):
            return ()
        if given_up:
            return (self._draft(left_out, given_up=going),)
        return (self._draft(left_out, others=going),)

    def acceptance_reply(self, entries: Sequence[RecipientRecord]) -> Reply:
        """Return the reply that accepts mail to suppressed recipients: it says who is notified."""
        owed = sum(dsn.is_owed(self._sender, entry.recipient) for entry in entries)
        if not owed:
            return Reply.of("250 2.0.0 Taken, but not mailed")
        of_whom = "" if owed == len(entries) else f" of {owed} in {len(entries)}"
        return Reply.of(
            f"250 2.0.0 Taken, but not mailed; the sender is told{of_whom} by mail within the hour"
        )

    def _draft(
        self, left_out: list[RecipientRecord], *, others: int = 0, given_up: int = 0
    ) -> OutboxDraft:
        policy = self._policy
        report = dsn.DsnReport(
            message_id=own_mail.message_id(self.id, "dsn", policy.hostname),
            at=policy.local_time(self.at),
            notifier=policy.notifier,
            hostname=policy.hostname,
            message=self.id,
            sender=self._sender,
            subject=self.headers.text("subject"),
            arrived=policy.local_time(self.at),
            headers=self.header_block,
            failed=tuple(dsn.FailedRecipient(e.recipient, e.note) for e in left_out if e.note),
            others=others,
            given_up=given_up,
        )
        # If everything is accepted, a mailing of one mail per member owes one for each of them.
        is_held = policy.accept_suppressed
        return OutboxDraft(
            id=self._services.new_id(self.at),
            type="dsn",
            key=dsn.message_key(self.id, self.attempt_of),
            sender="",
            recipient=self._sender.address,
            body=dsn.build(self._template, report),
            message=self.id,
            relay=self.relay,
            due=None if others else self.at,
            digest=dsn.digest(report, self._template.language) if is_held else "",
        )

    @property
    def attempt_of(self) -> int | None:
        """The first attempt of the same transaction, if this is a retry."""
        messages, decision = self.retry_of, self.decision
        if not messages and (decision is None or not decision.earlier):
            return None
        messages = list(messages)
        if decision is None:
            return min(messages, default=None)
        for attempt in decision.earlier:
            if self.client_try is not None and attempt.dated is not None:
                is_same = self.client_try.is_retry_of(attempt)
            else:
                is_same = attempt.fingerprint == decision.marks.fingerprint
            if is_same:
                messages.append(attempt.message)
        return min(messages, default=None)

    def refused_for_now(self) -> tuple[Attempt, ...]:
        """Remember a transaction that never got to its final dot."""
        if self.decision is None:
            return ()
        mark = self.decision.marks.fingerprint
        return (Attempt(fingerprint=mark, message=self.id, state="open"),)

    def identify(self, content_hash: Callable[[], str]) -> ClientTry:
        """Set how tries to send this mail are recognised, now that its content is known."""
        assert self.decision is not None
        self.client_try = ClientTry(
            self.id, self.decision.marks, self.headers, self.at, content_hash
        )
        return self.client_try

    def only_these_may_come_again(self, entries: Sequence[RecipientRecord]) -> None:
        """Also recognise a retry to only these recipients: the others got 5xx."""
        if self.client_try is not None:
            recipients = [entry.recipient.address for entry in entries]
            addresses = [entry.address for entry in entries]
            self.client_try.others = (
                RetryMarks(self._sender.address, recipients, addresses, self.headers),
            )

    def message(self) -> Message:
        """Return the message as stored in the journal."""
        classification, decision = self.classification, self.decision
        deliveries = []
        for entry in self.entries:
            note = note_facts = ""
            if entry.note is not None or entry.decision.would:
                facts = self._facts(entry, classification)
                note = entry.note.full if entry.note else reasons(self._template, facts)
                note_facts = facts_as_json(facts)
            deliveries.append(
                Delivery(
                    recipient=entry.recipient.address,
                    address=entry.address,
                    state=entry.state,
                    by=entry.by,
                    reply=entry.final_reply,
                    note=note,
                    note_facts=note_facts,
                    would=State.SEND_FAILED if entry.decision.would else "",
                    persons=tuple([holder.ref for holder in entry.decision.standing.holders]),
                )
            )
        burst = decision.burst if decision else None
        return Message(
            id=self.id,
            at=self.at,
            listener=self._listener.name,
            sender=self._sender.address,
            login=self.client.login,
            client=self.client.ip,
            subject=self.headers.text("subject")[:_MAX_SUBJECT],
            message_id=self.headers.text("message-id")[:_MAX_SUBJECT],
            kind=classification.kind,
            rule=classification.rule,
            relay=self.relay,
            size=self.body.size if self.body else 0,
            burst_key=burst.keys.nameless if burst else None,
            burst_subject_key=burst.keys.subject if burst else None,
            bulk_identities=decision.bulk_identities if decision else (),
            attempt_of=self.attempt_of,
            deliveries=tuple(deliveries),
        )

    async def begin(self, drafts: tuple[OutboxDraft, ...]) -> bool:
        """Record the message durably; False if that failed."""
        classification = self.classification
        individual = classification.is_certain and classification.kind is Kind.INDIVIDUAL
        may_be_local = individual or goes_anyway(self._listener, classification)
        return await self._services.journal_client.begin(
            self.message(), drafts, may_be_local=may_be_local
        )

    def finish(
        self,
        entries: Sequence[RecipientRecord],
        *,
        attempts: Sequence[Attempt] = (),
        notices_go: bool | None = None,
    ) -> "asyncio.Future[None] | None":
        """Record the outcome for the recipients that were being sent to.

        With `attempts`, return a future that is done when every process can see them.
        """
        numbered = list(enumerate(self.entries))
        if len(entries) < len(numbered):
            ended = set(map(id, entries))
            numbered = [(number, entry) for number, entry in numbered if id(entry) in ended]
        outcomes = tuple(
            [
                Outcome(
                    message=self.id,
                    position=position,
                    state=entry.state,
                    by=entry.by,
                    reply=entry.final_reply,
                )
                for position, entry in numbered
            ]
        )
        return self._services.journal_client.finish(
            self.id, outcomes, attempts=attempts, notices_go=notices_go
        )

    def log(self) -> None:
        """Write the message's one log line, and count it."""
        self._services.message_ended(
            self.shown_id,
            listener=self._listener.name,
            classification=self.classification,
            size=self.body.size if self.body else 0,
            ends=[(entry.state, entry.by) for entry in self.entries],
        )
