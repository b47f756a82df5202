"""What a run would do: who would get what, who would not, and why. Nothing is sent or kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gateway.core.decision.decide import blocking
from gateway.core.people.people import NOBODY, PersonRef, Standing
from gateway.core.triggers.conditions import waits
from gateway.core.triggers.due_times import first_day_to_look_at
from gateway.core.triggers.occurrence import SETTLED, WAITS, OccurrenceState
from gateway.core.triggers.trigger import Trigger
from gateway.store.engine.database import StoreTransaction
from gateway.store.triggers import due, trigger_runs
from gateway.store.triggers.due import DuePerson
from gateway.triggers import record
from gateway.triggers.letter import of_person, render
from gateway.triggers.plan import TriggerSettings
from gateway.triggers.runner import why_not
from gateway.triggers.sender import same_mailbox, subject_of
from gateway.triggers.templates import CheckedTrigger, NotRendered

_AT_ONCE = 500
#: Whoever is in these states in the ledger had the mail, or may have.
_GOT_IT = (OccurrenceState.SENDING, OccurrenceState.SENT, OccurrenceState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewMail:
    """A mail that would be sent."""

    person: PersonRef
    about: str
    to: str
    subject: str
    text: str
    trigger: str
    recipient: str  #: Who it is: `candidate:17`, `staff:3`, or an address.
    name: str = ""  #: Of the recipient.
    blank: tuple[str, ...] = ()  #: Values the text takes and that are empty: `person.first_name`.


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMailed:
    """Somebody a trigger selects or names who gets no mail now."""

    person: str  #: Who it is: `candidate:17`, `staff:3`, an address, or `responsible:manager`.
    name: str = ""
    about: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a trigger would do."""

    trigger: str
    mails: tuple[PreviewMail, ...]
    skipped: tuple[NotMailed, ...]
    warning: str = ""  #: What people are told before they go on.

    @property
    def may_mail(self) -> bool:
        """Whether mail would leave, now or as soon as what it waits for is told."""
        return bool(self.mails) or any(one.reason.startswith(WAITS) for one in self.skipped)


def preview(
    connection: StoreTransaction,
    plan: TriggerSettings,
    rule: CheckedTrigger,
    today: date,
    *,
    is_today: bool,
) -> Preview:
    """Return what a run of a date event on a day would do; `is_today`: as things stand now."""
    trigger = rule.trigger
    looked = trigger_runs.looked(connection, trigger.name) if is_today else None
    first = first_day_to_look_at(trigger, looked, today)
    found = list(due.candidates(connection, trigger, first, today, fresh=False))
    told = [one for one in found if not _is_of_the_past(one, today)]
    standings = _standings(connection, plan, told)
    outcomes = list(_once_each(plan, rule, told, today, standings))
    return Preview(
        trigger=trigger.name,
        mails=tuple(one for one in outcomes if isinstance(one, PreviewMail)),
        skipped=tuple(one for one in outcomes if isinstance(one, NotMailed)),
    )


def _is_of_the_past(one: DuePerson, today: date) -> bool:
    """Whether it was settled on an earlier day: that is in the history."""
    return one.known in SETTLED and one.day != today


def _standings(
    connection: StoreTransaction, plan: TriggerSettings, found: Sequence[DuePerson]
) -> dict[str, Standing]:
    wanted = [plan.lookup(one.person.emails[0]) for one in found if one.person.emails]
    known: dict[str, Standing] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        known |= plan.standings.within(connection, wanted[start : start + _AT_ONCE])
    return known


def _once_each(
    plan: TriggerSettings,
    rule: CheckedTrigger,
    found: Sequence[DuePerson],
    today: date,
    standings: Mapping[str, Standing],
) -> Iterator[PreviewMail | NotMailed]:
    """Yield what becomes of each, a mailbox mailed once a day where the settings say so."""
    mailed = {_mail(plan, one): one.person.ref for one in found if one.known in _GOT_IT}
    for one in found:
        outcome = _outcome(plan, rule, one, today, standings)
        if plan.once_per_address and isinstance(outcome, PreviewMail):
            first = mailed.setdefault(_mail(plan, one), one.person.ref)
            if first != one.person.ref:
                outcome = _left_out(one, same_mailbox(first))
        yield outcome


def _mail(plan: TriggerSettings, one: DuePerson) -> tuple[object, ...]:
    """Return what two mails have in common that are one and the same for who reads them."""
    mailbox = plan.lookup(one.person.emails[0]) if one.person.emails else ""
    return mailbox, one.day, subject_of(one.facts.qualification)


def _outcome(
    plan: TriggerSettings,
    rule: CheckedTrigger,
    one: DuePerson,
    today: date,
    standings: Mapping[str, Standing],
) -> PreviewMail | NotMailed:
    why = _why_not(plan, rule.trigger, one, today, standings)
    if why:
        return _left_out(one, why)
    to = of_person(one.person)
    try:
        rendered = render(rule, one.facts, to.language, one.day)
    except NotRendered as error:
        return _left_out(one, str(error))
    return PreviewMail(
        person=one.person.ref,
        about=one.about,
        to=to.address,
        subject=rendered.subject,
        text=rendered.text,
        trigger=rule.trigger.name,
        recipient=str(one.person.ref),
        name=one.person.name,
        blank=rendered.blank,
    )


def _left_out(one: DuePerson, reason: str) -> NotMailed:
    person = one.person
    return NotMailed(person=str(person.ref), name=person.name, about=one.about, reason=reason)


def _why_not(
    plan: TriggerSettings,
    trigger: Trigger,
    one: DuePerson,
    today: date,
    standings: Mapping[str, Standing],
) -> str:
    if one.known in SETTLED:
        return f"already {one.known}"
    why = waits(trigger, one.facts) or why_not(trigger, one, today)
    if why:
        return why
    standing = standings.get(plan.lookup(one.person.emails[0]), NOBODY)
    blocked = blocking(trigger.kind, standing)
    return record.reason(blocked) if blocked else ""
