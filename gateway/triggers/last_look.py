"""The last look at an occurrence before its mail leaves: everything may have changed since a run.

`refused` looks before the mail is written, `let_go` in the transaction behind which it leaves.
"""

from datetime import datetime, timedelta

from gateway.core.decision.decide import blocking
from gateway.core.kinds import Kind
from gateway.core.people.people import NOBODY, PersonRef
from gateway.core.people.training import Qualification
from gateway.core.triggers.conditions import unmet, waits
from gateway.core.triggers.occurrence import Ending, Occurrence, OccurrenceState
from gateway.core.triggers.occurrence_facts import OccurrenceFacts, told_earlier
from gateway.core.triggers.trigger import Trigger
from gateway.core.written import as_read
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import message_lookup
from gateway.store.people import topic_opt_outs
from gateway.store.people.topic_opt_outs import Decliners
from gateway.store.triggers import due, ledger
from gateway.triggers import record
from gateway.triggers.occurrence_mail import addressee
from gateway.triggers.plan import TriggerSettings
from gateway.triggers.templates import CheckedTrigger

TOO_LATE = Ending(state=OccurrenceState.EXPIRED, reason=ledger.TOO_LATE)
TRIGGER_GONE = Ending(state=OccurrenceState.SKIPPED, reason="the trigger is gone")

#: Until mail that waits for a field is looked at again; an import that tells it comes first.
_UNREAD = timedelta(hours=1)
_EARLIER_FIRST = "the mail of an earlier change to this status is being sent"
_EARLIER_ENDS = timedelta(seconds=2)  #: Until it is looked at whether that mail has ended.
_PAUSED = timedelta(seconds=30)  #: Until a paused mail is looked at again.


def refused(
    plan: TriggerSettings,
    rule: CheckedTrigger | None,
    row: Occurrence,
    facts: OccurrenceFacts,
    now: datetime,
) -> Ending | None:
    """Return how an occurrence ends that isn't sent; None: nothing speaks against it."""
    skipped = OccurrenceState.SKIPPED
    if rule is None or rule.trigger.event.name != row.event:
        return TRIGGER_GONE
    if not rule.trigger.enabled:
        return Ending(state=skipped, reason="the trigger is switched off")
    if row.latest_at is not None and row.latest_at <= now:
        return TOO_LATE
    to_person = not row.recipient
    if facts.person is not None and (why := waits(rule.trigger, facts, to_person=to_person)):
        next_at = now + _UNREAD if row.latest_at is None else min(now + _UNREAD, row.latest_at)
        return Ending(state=OccurrenceState.DUE, reason=why, next_at=next_at)
    why = unmet(rule.trigger, row.occurrence, facts, plan.day(now), to_person=to_person)
    why = why or facts.superseded or told_earlier(facts)
    if why:
        return Ending(state=skipped, reason=why)
    if facts.earlier is OccurrenceState.SENDING:
        return Ending(state=OccurrenceState.DUE, reason=_EARLIER_FIRST, next_at=now + _EARLIER_ENDS)
    if not addressee(row.recipient, facts).address:
        return Ending(state=skipped, reason="no address")
    return None


def let_go(
    connection: StoreTransaction,
    case: record.MailToSend,
    facts: OccurrenceFacts,
    holder: str,
    lease: timedelta,
) -> Ending | None:
    """Look at everything again in the transaction that lets the mail go (RELIABILITY E6).

    `facts` are those the mail was written by, `holder` has its row in hand. Returns how the
    occurrence ended without being sent; None: it is being sent, for the length of the lease.
    """
    row, plan = case.row, case.plan
    if row.latest_at is not None and row.latest_at <= case.now:
        ledger.settle(connection, row.id, holder, TOO_LATE, now=case.now)
        return TOO_LATE
    if due.facts(connection, row) != facts:
        ledger.give_back(connection, holder, [row.id])
        return Ending(state=OccurrenceState.DUE, reason="changed meanwhile", next_at=case.now)
    switches = message_lookup.paused(connection)
    if "all" in switches or (case.trigger.kind is Kind.BULK and "bulk" in switches):
        paused = Ending(
            state=OccurrenceState.DUE, reason="mail is paused", next_at=case.now + _PAUSED
        )
        ledger.settle(connection, row.id, holder, paused, now=case.now)
        return paused
    address = plan.lookup(case.mail.address)
    standing = plan.standings.within(connection, [address]).get(address, NOBODY)
    blocked = blocking(case.trigger.kind, standing)
    if blocked:
        ended = Ending(state=OccurrenceState.SKIPPED, reason=record.reason(blocked))
        ledger.settle(
            connection,
            row.id,
            holder,
            ended,
            now=case.now,
            message=record.send_failed(connection, case, record.Blocked(standing, blocked)),
            address=case.mail.address,
        )
        return ended
    person = None if row.recipient else row.person
    if why := declined(connection, plan, case.trigger, person, case.mail.address):
        ended = Ending(state=OccurrenceState.SKIPPED, reason=why)
        ledger.settle(connection, row.id, holder, ended, now=case.now, address=case.mail.address)
        return ended
    if plan.once_per_address and case.trigger.is_of_date and not row.recipient:
        subject = subject_of(facts.qualification)
        others = (
            other.person
            for other in ledger.others_at(connection, row, address)
            if subject_of(due.facts(connection, other).qualification) == subject
        )
        # Who else has had the same mail of the day at that mailbox.
        had_it = next(others, None)
    else:
        had_it = None
    if had_it is not None:
        ended = Ending(state=OccurrenceState.SKIPPED, reason=same_mailbox(had_it))
        ledger.settle(connection, row.id, holder, ended, now=case.now, address=address)
        return ended
    mail = ledger.LedgerMail(
        address=case.mail.address,
        mailbox=address,
        subject=case.mail.subject,
        message_id=case.mail.message_id,
        body=case.mail.body,
        message=record.sending(case, standing),
    )
    if ledger.begin(connection, row.id, holder, mail, now=case.now, lease=lease):
        return None
    return Ending(state=OccurrenceState.DUE, reason="taken by another process")


def declined(
    connection: StoreTransaction,
    plan: TriggerSettings,
    trigger: Trigger,
    person: PersonRef | None,
    address: str,
) -> str:
    """Return that who would be mailed wants none of the trigger's topic; empty: nothing is known.

    No person: staff, or an address, is mailed.
    """
    topic, mailbox = trigger.topic, plan.lookup(address)
    if topic and topic_opt_outs.is_declined(
        connection,
        topic,
        person,
        mailbox,
        erased=plan.standings.names_if_erased(connection, mailbox),
    ):
        return _wants_none(topic)
    return ""


def declined_by(
    connection: StoreTransaction,
    plan: TriggerSettings,
    trigger: Trigger,
    person: PersonRef,
    mailbox: str,
    *,
    decliners: Decliners,
) -> str:
    """Return the same of one of many, for whom it was asked at once who declined a topic."""
    is_declined = decliners.has(person, mailbox)
    if decliners.erased and not is_declined:
        names = plan.standings.names_if_erased(connection, mailbox)
        is_declined = not decliners.erased.isdisjoint(names)
    return _wants_none(trigger.topic) if is_declined else ""


def _wants_none(topic: str) -> str:
    return f"wants no mailings of: {topic}"


def same_mailbox(person: PersonRef) -> str:
    """Say that somebody with the same address has had the same mail of the day."""
    return f"the address had it once today, for {person}"


def subject_of(qualification: Qualification | None) -> tuple[str, str]:
    """Return what tells mails about qualifications apart for who reads them; ids don't."""
    if qualification is None:
        return "", ""
    return as_read(qualification.name), as_read(qualification.licence_number)
