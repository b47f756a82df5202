"""What a run would do: who would get what, who would not, and why. Nothing is sent or stored."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from gateway.core.batches import batched
from gateway.core.decision.decide import blocking
from gateway.core.people.people import NOBODY, Standing
from gateway.core.triggers.conditions import why_waiting
from gateway.core.triggers.due_times import first_day_to_look_at
from gateway.core.triggers.occurrence import MAY_HAVE_LEFT, SETTLED, Occurrence
from gateway.core.triggers.reasons import ALREADY, HAD_FROM
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_preview import NotMailed, Preview, PreviewMail
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import topic_opt_outs
from gateway.store.people.topic_opt_outs import Decliners
from gateway.store.triggers import due, trigger_runs
from gateway.store.triggers.due import DuePerson
from gateway.triggers import record
from gateway.triggers.last_look import (
    declined_by,
    ending_if_not_sent,
    same_mailbox,
    subject_of,
    why_declined,
)
from gateway.triggers.occurrence_mail import addressee, of_person, render
from gateway.triggers.search import mailed_by_old_triggers, why_not
from gateway.triggers.templates import CheckedTrigger, NotRendered
from gateway.triggers.trigger_settings import TriggerSettings

_AT_ONCE = 500


def preview(
    connection: StoreTransaction,
    settings: TriggerSettings,
    checked: CheckedTrigger,
    today: date,
    *,
    is_today: bool,
) -> Preview:
    """Return what a run of a date event on a day would do; `is_today`: as things stand now."""
    trigger = checked.trigger
    looks = trigger_runs.last_looks(connection)
    last_day = looks.get(trigger.name) if is_today else None
    first = first_day_to_look_at(trigger, last_day, today)
    candidates = [
        candidate
        for candidate in due.candidates(connection, trigger, first, today, fresh=False)
        # What was settled on an earlier day is in the history.
        if candidate.ledger_state not in SETTLED or candidate.day == today
    ]
    standings = standings_of(connection, settings, candidates)
    decliners = decliners_of(connection, trigger)
    refs = [candidate.person.ref for candidate in candidates]
    mailed_by = mailed_by_old_triggers(connection, settings, trigger, refs, looks)
    mails: list[PreviewMail] = []
    skipped: list[NotMailed] = []
    # If so configured, a mailbox is mailed once a day: the first of those who share it.
    mailed = {
        mail_of(settings, candidate): candidate.person.ref
        for candidate in candidates
        if candidate.ledger_state in MAY_HAVE_LEFT
    }
    for candidate in candidates:
        if candidate.ledger_state is None and (old_trigger := mailed_by.get(candidate.key)):
            skipped.append(_left_out(candidate, HAD_FROM.format(old_trigger)))
            continue
        outcome = outcome_of(
            connection,
            settings,
            checked,
            candidate,
            today,
            standings=standings,
            decliners=decliners,
        )
        if settings.once_per_address and isinstance(outcome, PreviewMail):
            first_mailed = mailed.setdefault(mail_of(settings, candidate), candidate.person.ref)
            if first_mailed != candidate.person.ref:
                outcome = _left_out(candidate, same_mailbox(first_mailed))
        if isinstance(outcome, PreviewMail):
            mails.append(outcome)
        else:
            skipped.append(outcome)
    return Preview(trigger=trigger.name, mails=tuple(mails), skipped=tuple(skipped))


def standings_of(
    connection: StoreTransaction, settings: TriggerSettings, candidates: Iterable[DuePerson]
) -> dict[str, Standing]:
    """Return the standings of the selected people's addresses, by lookup form."""
    people = (candidate.person for candidate in candidates)
    mailboxes = {settings.lookup(person.emails[0]): None for person in people if person.emails}
    standings: dict[str, Standing] = {}
    for batch in batched(list(mailboxes), _AT_ONCE):
        standings |= settings.standings.within(connection, batch)
    return standings


def decliners_of(connection: StoreTransaction, trigger: Trigger) -> Decliners:
    """Return everybody who has declined a trigger's topic."""
    topic = trigger.topic
    return topic_opt_outs.decliners(connection, topic) if topic else Decliners()


def mail_of(settings: TriggerSettings, candidate: DuePerson) -> tuple[object, ...]:
    """Return what two mails have in common if they look the same to their readers."""
    emails = candidate.person.emails
    mailbox = settings.lookup(emails[0]) if emails else ""
    return mailbox, candidate.day, subject_of(candidate.facts.qualification)


def outcome_of(
    connection: StoreTransaction,
    settings: TriggerSettings,
    checked: CheckedTrigger,
    candidate: DuePerson,
    today: date,
    *,
    standings: Mapping[str, Standing],
    decliners: Decliners,
) -> PreviewMail | NotMailed:
    """Return the outcome for a selected person: the mail, or why there is none.

    `standings` are by lookup form; `decliners` are those of the trigger's topic.
    """
    trigger, person = checked.trigger, candidate.person
    why = why_left_out(
        connection, settings, trigger, candidate, today, standings=standings, decliners=decliners
    )
    if why:
        return _left_out(candidate, why)
    to = of_person(person)
    try:
        rendered = render(settings, checked, candidate.facts, to.language, candidate.day)
    except NotRendered as error:
        return _left_out(candidate, str(error))
    return PreviewMail(
        person=person.ref,
        about=candidate.about,
        to=to.address,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        trigger=trigger.name,
        recipient=str(person.ref),
        name=person.name,
        blank=rendered.blank,
    )


def why_left_out(
    connection: StoreTransaction,
    settings: TriggerSettings,
    trigger: Trigger,
    candidate: DuePerson,
    today: date,
    *,
    standings: Mapping[str, Standing],
    decliners: Decliners,
) -> str:
    """Return why a selected person gets no mail; empty if nothing prevents it."""
    if candidate.ledger_state in SETTLED:
        return ALREADY.format(candidate.ledger_state)
    why = why_waiting(trigger, candidate.facts) or why_not(trigger, candidate, today)
    if why:
        return why
    mailbox = settings.lookup(candidate.person.emails[0])
    blocked = blocking(trigger.kind, standings.get(mailbox, NOBODY))
    if blocked:
        return record.reason(blocked)
    person = candidate.person.ref
    return declined_by(connection, settings, trigger, person, mailbox, decliners=decliners)


def _left_out(candidate: DuePerson, reason: str) -> NotMailed:
    person = candidate.person
    return NotMailed(person=str(person.ref), name=person.name, about=candidate.about, reason=reason)


def outcome_of_row(
    connection: StoreTransaction, settings: TriggerSettings, row: Occurrence, now: datetime
) -> PreviewMail | NotMailed:
    """Return what would happen to a row of the ledger if its mail were sent now."""
    checked = settings.checked_triggers[row.trigger]
    facts = due.facts(connection, row)
    to = addressee(row.recipient, facts)
    recipient = row.recipient or str(row.person)
    ended = ending_if_not_sent(settings, checked, row, facts, now)
    if ended is None:
        address = settings.lookup(to.address)
        standing = settings.standings.within(connection, [address]).get(address, NOBODY)
        blocked = blocking(checked.trigger.kind, standing)
        why = record.reason(blocked) if blocked else ""
        person = None if row.recipient else row.person
        why = why or why_declined(connection, settings, checked.trigger, person, to.address)
    else:
        why = ended.reason
    if why:
        return NotMailed(person=recipient, name=to.name, about=row.about, reason=why)
    try:
        rendered = render(settings, checked, facts, to.language, settings.day(row.due_at))
    except NotRendered as error:
        return NotMailed(person=recipient, name=to.name, about=row.about, reason=str(error))
    return PreviewMail(
        person=row.person,
        about=row.about,
        to=to.address,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        trigger=row.trigger,
        recipient=recipient,
        name=to.name,
        blank=rendered.blank,
    )
