"""When a trigger is due for whom: the conditions of each event, and times (seeds S4 and S5)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import assert_never

from gateway.core.ids import moment_of
from gateway.core.people.applications import KnownApplication
from gateway.core.people.finance_status import has_left, looks_like_died
from gateway.core.people.people import Person, PersonRef, Staff
from gateway.core.people.training import Qualification
from gateway.core.queue import QueueEvent, QueueLife
from gateway.core.sending.backoff import next_try
from gateway.core.sending.outbox import Deferred, Refused, Result, Sent, Unknown
from gateway.core.triggers.trigger import Trigger, TriggerEvent, in_year
from gateway.core.triggers.unread_fields import UnreadField, deciding

#: Begins the reason of mail that waits until a field can be read.
WAITS = "can't be read: "
#: The `occurrence` of an event that comes but once.
ONCE = "once"
#: Days missed longer ago are not even recorded.
CATCH_UP = timedelta(days=31)
_DAY = timedelta(days=1)


class OccurrenceState(StrEnum):
    """Where an occurrence stands."""

    DUE = "due"
    HELD = "held"  #: Until `gateway triggers resume`.
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    EXPIRED = "expired"  #: Too late to be of use.
    FAILED = "failed"
    UNKNOWN = "unknown"  #: Perhaps sent: never sent again by itself.


#: Where a row of the ledger stays.
SETTLED = (
    OccurrenceState.SENT,
    OccurrenceState.SKIPPED,
    OccurrenceState.EXPIRED,
    OccurrenceState.FAILED,
    OccurrenceState.UNKNOWN,
)

_S = OccurrenceState
#: An occurrence stays `due` while a process that has claimed it writes its mail; `begun` is
#: committed before the first octet goes to the relay.
LEDGER_LIFE = QueueLife(
    {
        QueueEvent.CLAIMED: {_S.DUE: _S.DUE},
        QueueEvent.GIVEN_BACK: {_S.DUE: _S.DUE},
        QueueEvent.BEGUN: {_S.DUE: _S.SENDING},
        QueueEvent.ABANDONED: {_S.DUE: _S.DUE, _S.SENDING: _S.UNKNOWN},
        # A result that comes after the lease is still better than `unknown`.
        QueueEvent.SENT: {_S.SENDING: _S.SENT, _S.UNKNOWN: _S.SENT},
        QueueEvent.DOUBTED: {_S.SENDING: _S.UNKNOWN, _S.UNKNOWN: _S.UNKNOWN},
        QueueEvent.PUT_OFF: {_S.DUE: _S.DUE, _S.SENDING: _S.DUE, _S.UNKNOWN: _S.DUE},
        QueueEvent.FAILED: {_S.DUE: _S.FAILED, _S.SENDING: _S.FAILED, _S.UNKNOWN: _S.FAILED},
        QueueEvent.EXPIRED: {_S.DUE: _S.EXPIRED, _S.SENDING: _S.EXPIRED, _S.UNKNOWN: _S.EXPIRED},
        QueueEvent.SKIPPED: {_S.DUE: _S.SKIPPED},
        QueueEvent.WITHDRAWN: {_S.DUE: _S.SKIPPED, _S.HELD: _S.SKIPPED},
        QueueEvent.HELD: {_S.DUE: _S.HELD},
        QueueEvent.RESUMED: {_S.HELD: _S.DUE},
        QueueEvent.REVIVED: {_S.EXPIRED: _S.DUE},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One time a trigger is due, before it is in the ledger."""

    id: int
    trigger: str
    event: TriggerEvent
    person: PersonRef
    occurrence: str  #: What tells it from the person's other ones: a date, a transition.
    about: str = ""  #: crm_id of a qualification, reference of an application.
    recipient: str = ""  #: Empty: the person; `staff:3`, or an address.
    due_at: datetime
    latest_at: datetime | None = None  #: Not sent after this.
    facts: str = ""  #: What the event itself brought, as JSON.


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A row of the ledger."""

    id: int
    trigger: str
    event: TriggerEvent
    person: PersonRef
    occurrence: str
    about: str
    recipient: str
    run: int | None
    state: OccurrenceState
    reason: str
    due_at: datetime
    latest_at: datetime | None
    next_at: datetime | None
    facts: str
    address: str
    subject: str
    message_id: str
    body: bytes | None
    message: int | None
    attempts: int  #: Begun so far.
    settled_at: datetime | None

    @property
    def at(self) -> datetime:
        """When it was put into the ledger."""
        return moment_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What an attempt's result makes of an occurrence."""

    state: OccurrenceState
    reason: str = ""
    next_at: datetime | None = None


def ending(
    result: Result, attempts: int, now: datetime, jitter: float, latest_at: datetime | None
) -> Ending:
    """Decide what becomes of an occurrence after that many attempts; `jitter` is from 0 to 1.

    What nobody can tell is never sent again by itself (RELIABILITY E5).
    """
    match result:
        case Sent():
            return Ending(state=OccurrenceState.SENT)
        case Refused(reply):
            return Ending(state=OccurrenceState.FAILED, reason=reply)
        case Unknown(reason):
            return Ending(state=OccurrenceState.UNKNOWN, reason=reason)
        case Deferred(reason):
            next_at = next_try(attempts, now, jitter)
            if next_at is None:
                return Ending(state=OccurrenceState.FAILED, reason=f"given up: {reason}")
            if latest_at is not None and next_at >= latest_at:
                too_late = f"too late for another try: {reason}"
                return Ending(state=OccurrenceState.EXPIRED, reason=too_late)
            return Ending(state=OccurrenceState.DUE, reason=reason, next_at=next_at)
        case _:
            assert_never(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceFacts:
    """What is known of an occurrence's person and subject at one moment."""

    person: Person | None
    qualification: Qualification | None = None
    issuer: str = ""  #: The name of the member of staff who entered the qualification.
    first_closing: date | None = None
    application: KnownApplication | None = None
    actor: Staff | None = None  #: Who changed the application's status.
    staff: Staff | None = None  #: The recipient, where it is a member of staff.
    unread: tuple[UnreadField, ...] = ()  #: Fields that could not be read: their values are old.
    superseded: str = ""  #: Why mail about a change is none any more: what came after it.
    #: What became of the mail of an earlier change to the same status that was on its way when
    #: this one was made.
    earlier: OccurrenceState | None = None


def waits(trigger: Trigger, facts: OccurrenceFacts, *, to_person: bool = True) -> str:
    """Return for which unread fields a mail waits; empty: it goes by nothing unread."""
    fields = deciding(trigger.event, facts.unread, to_person=to_person)
    named = [f"{one.field} of {one.what} {one.record} ({one.place}: {one.text})" for one in fields]
    if facts.person is not None and trigger.event is TriggerEvent.BIRTHDAY:
        status = facts.person.finance_status
        if word := looks_like_died(status):
            named.append(
                f"finance_status of people {facts.person.ref} ({status!r} may be {word!r}: write"
                " the one that is meant)"
            )
    return f"{WAITS}{'; '.join(named)}" if named else ""


def unmet(
    trigger: Trigger,
    occurrence: str,
    facts: OccurrenceFacts,
    today: date,
    *,
    to_person: bool = True,
) -> str:
    """Return which condition of the trigger's event isn't met, for people; empty: all are.

    `occurrence` is what the ledger's row is keyed by, `today` the local day; `to_person` says
    that the person is mailed, not staff about the person.
    """
    person = facts.person
    if person is None:
        return "the person is gone"
    if to_person and not person.active:
        return "not active"
    match trigger.event:
        case TriggerEvent.BIRTHDAY:
            return unmet_birthday(person, occurrence)
        case TriggerEvent.QUALIFICATION_EXPIRED | TriggerEvent.QUALIFICATION_EXPIRING:
            return unmet_qualification(trigger.event, occurrence, facts, today)
        case TriggerEvent.SET_DATE:
            return unmet_set_date(trigger, person, occurrence)
        case TriggerEvent.FIRST_DELIVERY:
            return unmet_first_delivery(trigger, person, facts.first_closing, today)
        case _:
            return unmet_application(trigger, facts.application)


def unmet_application(trigger: Trigger, known: KnownApplication | None) -> str:
    """Return which condition of mail on an application isn't met: it is there, with its status."""
    if known is None:
        return "the application is gone"
    if trigger.status not in ("", known.application.status):
        return "the application has another status now"
    return ""


def told_earlier(facts: OccurrenceFacts) -> str:
    """Return whether the mail of an earlier change says the same already; empty: it doesn't."""
    match facts.earlier:
        case OccurrenceState.SENT:
            return "the mail of an earlier change to this status left after this one was made"
        case OccurrenceState.UNKNOWN:
            return "the mail of an earlier change to this status may have left"
        case _:
            return ""


def unmet_birthday(person: Person, occurrence: str) -> str:
    """Return which condition of mail on a birthday isn't met: still that day, not left, consent."""
    if person.birthday is None or not is_birthday(person.birthday, date.fromisoformat(occurrence)):
        return "the birthday is another day now"
    if has_left(person.finance_status):
        return f"finance status: {person.finance_status}"
    return _unmet_consent(person)


def _unmet_consent(person: Person) -> str:
    return "" if person.consent_email else "no consent to e-mail"


def unmet_qualification(
    event: TriggerEvent, occurrence: str, facts: OccurrenceFacts, today: date
) -> str:
    """Return which condition of mail on a qualification's end isn't met."""
    one, person = facts.qualification, facts.person
    if one is None or person is None or one.person != person.ref:
        return "the qualification is gone"
    if one.expires_on is None or one.expires_on.isoformat() != occurrence:
        return "the qualification ends another day now"
    if event is TriggerEvent.QUALIFICATION_EXPIRING:
        if one.expires_on <= today:
            return "the qualification has ended"
        notice_on = notice_day(one)
        if notice_on is None or notice_on > today:
            return "it is too early for notice"
    elif one.expires_on > today:
        return "the qualification has not ended"
    return _unmet_consent(person)


def unmet_set_date(trigger: Trigger, person: Person, occurrence: str) -> str:
    """Return which condition of mail on a set date isn't met: stored still, and wanted."""
    day = date.fromisoformat(occurrence)
    if day not in trigger.stored.between(day, day):
        return "the date is no longer stored in the trigger"
    return "" if person.mail_on_set_date else "mail on set dates is not wanted"


def unmet_first_delivery(
    trigger: Trigger, person: Person, first_closing: date | None, today: date
) -> str:
    """Return which condition of mail after the first delivery isn't met."""
    if not person.mail_after_first_delivery:
        return "mail after the first delivery is not wanted"
    day = None if first_closing is None else trigger.stored.after(first_closing)
    if first_closing is None:
        return "there is no closing"
    return "" if day is not None and day <= today else "no stored date has come since the closing"


def is_birthday(born: date, day: date) -> bool:
    """Whether a birthday falls on a day; those of 29 February on the 28th in other years."""
    return day == in_year(born.month, born.day, day.year)


def anniversaries(day: date) -> tuple[int, ...]:
    """Return which birthdays fall on a day, each as 100 times the month and the day."""
    number = 100 * day.month + day.day
    is_leap = in_year(2, 29, day.year).day == 29
    return (228, 229) if number == 228 and not is_leap else (number,)


def notice_day(one: Qualification) -> date | None:
    """Return from when on a person is told that a qualification will end; None: never."""
    if one.expires_on is None or one.notice_days is None:
        return None
    try:
        return one.expires_on - timedelta(days=one.notice_days)
    except OverflowError:
        return date.min


def local_moment(day: date, at: time, zone: tzinfo) -> datetime:
    """Return when a time of a day is, in UTC.

    A time the clocks skip is as much later as they skip; of one that comes twice it is the first
    (RELIABILITY E1).
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


def latest_moment(
    trigger: Trigger, day: date, zone: tzinfo, end: date | None = None
) -> datetime | None:
    """Return after when a mail due on a day is of no use: the end of the day, and `latest` later.

    Notice of an end is of use until that day begins.
    """
    if trigger.event is TriggerEvent.QUALIFICATION_EXPIRING and end is not None:
        last = local_moment(end, time.min, zone)
        return last if trigger.latest is None else min(last, _late(trigger.latest, day, zone))
    return None if trigger.latest is None else _late(trigger.latest, day, zone)


def _late(latest: timedelta, day: date, zone: tzinfo) -> datetime:
    return local_moment(day + _DAY, time.min, zone) + latest


def first_day_to_look_at(trigger: Trigger, looked: date | None, today: date) -> date:
    """Return from which day on occurrences are looked for, today included.

    After an outage that is the last day looked at, so that nothing is skipped (E3). Facts may
    come late: what is still of use is looked for too, but a set date is for those who wanted
    mail when it came, so one that was looked at is over.
    """
    is_set_date = trigger.event is TriggerEvent.SET_DATE
    if looked is not None and is_set_date:
        looked += _DAY
    missed = min(looked, today) if looked is not None else today
    first = max(missed, today - CATCH_UP)
    if is_set_date or trigger.latest is None:
        return first
    return min(first, today - timedelta(days=trigger.latest.days))


def in_quiet_hours(hours: tuple[time, time] | None, at: time) -> bool:
    """Whether a local time is in hours in which no date mail leaves; they may pass midnight."""
    if hours is None:
        return False
    first, last = hours
    return first <= at < last if first <= last else at >= first or at < last
