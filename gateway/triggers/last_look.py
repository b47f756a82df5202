"""The final check of an occurrence before its mail is sent: everything may have changed since.

`ending_if_not_sent` checks before the mail is written, `let_go` in the transaction after which it
is sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from gateway.core.decision.decide import blocking
from gateway.core.journal.message import Message
from gateway.core.kinds import Kind
from gateway.core.people.people import NOBODY, PersonRef
from gateway.core.people.training import Qualification
from gateway.core.triggers import reasons
from gateway.core.triggers.conditions import unmet_condition, why_waiting
from gateway.core.triggers.occurrence import Occurrence, OccurrenceEnding, OccurrenceState
from gateway.core.triggers.occurrence_facts import OccurrenceFacts, earlier_mail_in_words
from gateway.core.triggers.trigger import Trigger
from gateway.core.written import as_read
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import message_lookup
from gateway.store.people import topic_opt_outs
from gateway.store.people.topic_opt_outs import Decliners
from gateway.store.triggers import due, ledger
from gateway.triggers import record
from gateway.triggers.occurrence_mail import addressee
from gateway.triggers.record import MailToSend
from gateway.triggers.templates import CheckedTrigger
from gateway.triggers.trigger_settings import TriggerSettings

TOO_LATE = OccurrenceEnding(state=OccurrenceState.EXPIRED, reason=reasons.TOO_LATE)
TRIGGER_GONE = OccurrenceEnding(state=OccurrenceState.SKIPPED, reason=reasons.TRIGGER_GONE)

#: Until mail waiting for a field is checked again; an import that provides it is noticed earlier.
_UNREAD = timedelta(hours=1)
_EARLIER_ENDS = timedelta(seconds=2)  #: Until it is checked whether that mail has ended.
_PAUSED = timedelta(seconds=30)  #: Until a paused mail is checked again.


def ending_if_not_sent(
    settings: TriggerSettings,
    checked: CheckedTrigger | None,
    row: Occurrence,
    facts: OccurrenceFacts,
    now: datetime,
) -> OccurrenceEnding | None:
    """Return the ending of an occurrence that isn't sent; None if nothing prevents it."""
    skipped = OccurrenceState.SKIPPED
    if checked is None and row.trigger in settings.unusable:
        # Its mail must be sent later, once somebody has corrected the file.
        return OccurrenceEnding(
            state=OccurrenceState.DUE, reason=reasons.TRIGGER_UNUSABLE, next_at=now + _PAUSED
        )
    if checked is None or checked.trigger.event.name != row.event:
        return TRIGGER_GONE
    if not checked.trigger.enabled:
        return OccurrenceEnding(state=skipped, reason=reasons.TRIGGER_OFF)
    if row.latest_at is not None and row.latest_at <= now:
        return TOO_LATE
    to_person = not row.recipient
    if facts.person is not None and (
        why := why_waiting(checked.trigger, facts, to_person=to_person)
    ):
        next_at = now + _UNREAD if row.latest_at is None else min(now + _UNREAD, row.latest_at)
        return OccurrenceEnding(state=OccurrenceState.DUE, reason=why, next_at=next_at)
    why = unmet_condition(
        checked.trigger, row.occurrence, facts, settings.day(now), to_person=to_person
    )
    why = why or facts.superseded or earlier_mail_in_words(facts)
    if why:
        return OccurrenceEnding(state=skipped, reason=why)
    if facts.earlier is OccurrenceState.SENDING:
        return OccurrenceEnding(
            state=OccurrenceState.DUE, reason=reasons.EARLIER_FIRST, next_at=now + _EARLIER_ENDS
        )
    if not addressee(row.recipient, facts).address:
        return OccurrenceEnding(state=skipped, reason=reasons.NO_ADDRESS)
    return None


@dataclass(frozen=True, slots=True)
class MayLeave:
    """A mail that may be sent now."""

    newest: int  #: The highest message id released in the same transaction.


def let_go(
    connection: StoreTransaction, mails_to_send: Sequence[MailToSend], holder: str, lease: timedelta
) -> list[OccurrenceEnding | MayLeave]:
    """Check everything again in the transaction that releases mails (RELIABILITY E6).

    `holder` holds their rows. For each mail, returns the ending of its occurrence if it isn't sent,
    or that it may be sent now, within the lease.
    """
    looked_at: list[OccurrenceEnding | MayLeave] = []
    for together in _groups(mails_to_send):
        looked_at += _FactsOfGroup(connection, together, holder).let_go(lease)
    return looked_at


def _groups(mails_to_send: Sequence[MailToSend]) -> Iterator[Sequence[MailToSend]]:
    """Yield mails that can be checked together: those of date events, of the same settings.

    An application's mail is checked alone, as it may depend on one sent just before it.
    """
    for _, group in groupby(
        mails_to_send,
        key=lambda mail_to_send: (id(mail_to_send.settings), mail_to_send.trigger.is_of_date),
    ):
        together = list(group)
        yield from (
            [together]
            if together[0].trigger.is_of_date
            else ([mail_to_send] for mail_to_send in together)
        )


class _FactsOfGroup:
    """What is known about mails of the same settings, in the transaction that may release them."""

    def __init__(
        self, connection: StoreTransaction, mails_to_send: Sequence[MailToSend], holder: str
    ) -> None:
        self._connection = connection
        self._mails_to_send = mails_to_send
        self._holder = holder
        self._settings = settings = mails_to_send[0].settings
        self._facts = due.facts_of(connection, [mail_to_send.row for mail_to_send in mails_to_send])
        self._switches = message_lookup.paused_mail(connection)
        self._mailboxes = [
            settings.lookup(mail_to_send.mail.address) for mail_to_send in mails_to_send
        ]
        self._standings = settings.standings.within(
            connection, list(dict.fromkeys(self._mailboxes))
        )
        day_mails = {
            _day_mail(mail_to_send, mailbox)
            for mail_to_send, mailbox in zip(mails_to_send, self._mailboxes, strict=True)
            if _goes_once(mail_to_send)
        }
        self._went = ledger.may_have_had(connection, day_mails) if day_mails else {}
        self._leaving: set[ledger.DayMail] = set()

    def let_go(self, lease: timedelta) -> list[OccurrenceEnding | MayLeave]:
        """Settle the mails that aren't sent, and mark the others as being sent."""
        mails: dict[int, ledger.LedgerMail] = {}
        ended: dict[int, OccurrenceEnding] = {}
        for mail_to_send, facts, mailbox in zip(
            self._mails_to_send, self._facts, self._mailboxes, strict=True
        ):
            if ending := self._ending(mail_to_send, facts, mailbox):
                ended[mail_to_send.row.id] = ending
                continue
            if _goes_once(mail_to_send):
                self._leaving.add(_day_mail(mail_to_send, mailbox))
            mails[mail_to_send.row.id] = ledger.LedgerMail(
                address=mail_to_send.mail.address,
                mailbox=mailbox,
                subject=mail_to_send.mail.subject,
                message_id=mail_to_send.mail.message_id,
                body=mail_to_send.mail.body,
                message=record.sending(mail_to_send, self._standings.get(mailbox, NOBODY)),
            )
        now = self._mails_to_send[-1].now
        begun = ledger.begin(self._connection, self._holder, mails, now=now, lease=lease)
        is_let_go = MayLeave(max((mails[number].message.id for number in begun), default=0))
        taken_ending = OccurrenceEnding(state=OccurrenceState.DUE, reason=reasons.TAKEN_BY_ANOTHER)
        return [
            is_let_go
            if mail_to_send.row.id in begun
            else ended.get(mail_to_send.row.id, taken_ending)
            for mail_to_send in self._mails_to_send
        ]

    def _ending(
        self, mail_to_send: MailToSend, facts: OccurrenceFacts, mailbox: str
    ) -> OccurrenceEnding | None:
        """Settle an occurrence that isn't sent now, and return its ending; None: it is sent."""
        row, settings, skipped = mail_to_send.row, self._settings, OccurrenceState.SKIPPED
        if row.latest_at is not None and row.latest_at <= mail_to_send.now:
            return self._settle(mail_to_send, TOO_LATE)
        if facts != mail_to_send.facts:
            return self._give_back(mail_to_send, reasons.CHANGED_MEANWHILE)
        if "all" in self._switches or (
            mail_to_send.trigger.kind is Kind.BULK and "bulk" in self._switches
        ):
            next_at = mail_to_send.now + _PAUSED
            paused = OccurrenceEnding(
                state=OccurrenceState.DUE, reason=reasons.PAUSED, next_at=next_at
            )
            return self._settle(mail_to_send, paused)
        standing = self._standings.get(mailbox, NOBODY)
        if blocked := blocking(mail_to_send.trigger.kind, standing):
            return self._settle(
                mail_to_send,
                OccurrenceEnding(state=skipped, reason=record.reason(blocked)),
                message=record.send_failed(
                    self._connection, mail_to_send, record.AddressBlocked(standing, blocked)
                ),
                address=mail_to_send.mail.address,
            )
        person = None if row.recipient else row.person
        if why := why_declined(
            self._connection, settings, mail_to_send.trigger, person, mail_to_send.mail.address
        ):
            return self._settle(
                mail_to_send,
                OccurrenceEnding(state=skipped, reason=why),
                address=mail_to_send.mail.address,
            )
        if _goes_once(mail_to_send):
            day_mail, subject = _day_mail(mail_to_send, mailbox), subject_of(facts.qualification)
            for other in self._went.get(day_mail, ()):
                if other.person == row.person:
                    continue
                their_qualification = due.facts(self._connection, other).qualification
                if subject_of(their_qualification) == subject:
                    had_it = OccurrenceEnding(state=skipped, reason=same_mailbox(other.person))
                    return self._settle(mail_to_send, had_it, address=mailbox)
            if day_mail in self._leaving:
                # If two would go to the same mailbox, the second waits for the result of the first:
                # it is checked again with the next rows claimed.
                return self._give_back(mail_to_send, row.reason)
        return None

    def _settle(
        self,
        mail_to_send: MailToSend,
        ending: OccurrenceEnding,
        *,
        message: Message | None = None,
        address: str = "",
    ) -> OccurrenceEnding:
        ledger.settle(
            self._connection,
            mail_to_send.row.id,
            self._holder,
            ending,
            now=mail_to_send.now,
            message=message,
            address=address,
        )
        return ending

    def _give_back(self, mail_to_send: MailToSend, reason: str) -> OccurrenceEnding:
        ledger.give_back(self._connection, self._holder, [mail_to_send.row.id])
        return OccurrenceEnding(state=OccurrenceState.DUE, reason=reason, next_at=mail_to_send.now)


def _goes_once(mail_to_send: MailToSend) -> bool:
    """Whether a mailbox gets this mail only once a day, even if several people share it."""
    return (
        mail_to_send.settings.once_per_address
        and mail_to_send.trigger.is_of_date
        and not mail_to_send.row.recipient
    )


def _day_mail(mail_to_send: MailToSend, mailbox: str) -> ledger.DayMail:
    return mail_to_send.row.trigger, mailbox, mail_to_send.row.due_at


def why_declined(
    connection: StoreTransaction,
    settings: TriggerSettings,
    trigger: Trigger,
    ref: PersonRef | None,
    address: str,
) -> str:
    """Return that the addressee has declined the trigger's topic; empty if nothing is known.

    Without a person, the mail goes to staff, or to an address.
    """
    topic, mailbox = trigger.topic, settings.lookup(address)
    if topic and topic_opt_outs.is_declined(
        connection,
        topic,
        ref,
        mailbox,
        erased=settings.standings.names_if_erased(connection, mailbox),
    ):
        return _wants_none(topic)
    return ""


def declined_by(
    connection: StoreTransaction,
    settings: TriggerSettings,
    trigger: Trigger,
    ref: PersonRef,
    mailbox: str,
    *,
    decliners: Decliners,
) -> str:
    """Return the same for one of many, given everybody who declined a topic."""
    is_declined = decliners.has(ref, mailbox)
    if decliners.erased and not is_declined:
        names = settings.standings.names_if_erased(connection, mailbox)
        is_declined = not decliners.erased.isdisjoint(names)
    return _wants_none(trigger.topic) if is_declined else ""


def _wants_none(topic: str) -> str:
    return reasons.TOPIC_DECLINED.format(topic)


def same_mailbox(ref: PersonRef) -> str:
    """Return that somebody with the same address has already had the day's mail."""
    return reasons.SAME_ADDRESS.format(ref)


def subject_of(qualification: Qualification | None) -> tuple[str, str]:
    """Return what distinguishes mails about qualifications for their readers, which ids don't."""
    if qualification is None:
        return "", ""
    return as_read(qualification.name), as_read(qualification.licence_number)
