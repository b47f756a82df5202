"""Triggers: rules that mail on an event."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from gateway.core.kinds import Kind


class TriggerEvent(StrEnum):
    """What a trigger mails on (seeds S4 and S5)."""

    BIRTHDAY = "birthday"
    QUALIFICATION_EXPIRED = "qualification_expired"
    QUALIFICATION_EXPIRING = "qualification_expiring"
    SET_DATE = "set_date"
    FIRST_DELIVERY = "first_delivery"
    SUBMITTED = "submitted"
    STATUS_CHANGED = "status_changed"


#: Something happens to an application: mailed at once, to those the trigger names.
APPLICATION_EVENTS = frozenset((TriggerEvent.SUBMITTED, TriggerEvent.STATUS_CHANGED))
#: A day comes: the event selects who is mailed.
DATE_EVENTS = frozenset(TriggerEvent) - APPLICATION_EVENTS
#: Those that go by dates stored in the trigger.
STORED_DATE_EVENTS = frozenset((TriggerEvent.SET_DATE, TriggerEvent.FIRST_DELIVERY))
QUALIFICATION_EVENTS = frozenset(
    (TriggerEvent.QUALIFICATION_EXPIRED, TriggerEvent.QUALIFICATION_EXPIRING)
)

#: What a trigger asks for to have the qualification's values in its template (S4, "zwingend").
QUALIFICATION_DATA = "qualification_data"

#: How late a mail may still leave where the trigger doesn't say; None: as long as it makes sense.
LATENESS: dict[TriggerEvent, timedelta | None] = {
    TriggerEvent.BIRTHDAY: timedelta(0),
    TriggerEvent.QUALIFICATION_EXPIRED: timedelta(days=30),
    TriggerEvent.QUALIFICATION_EXPIRING: None,
    TriggerEvent.SET_DATE: timedelta(days=7),
    TriggerEvent.FIRST_DELIVERY: timedelta(days=7),
    TriggerEvent.SUBMITTED: timedelta(days=2),
    TriggerEvent.STATUS_CHANGED: timedelta(days=2),
}

CANDIDATE = "candidate"
OWNER = "owner"
ACTOR = "actor"
RESPONSIBLE = "responsible:"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDates:
    """The dates stored in a trigger."""

    dates: tuple[date, ...] = ()
    yearly: tuple[tuple[int, int], ...] = ()  #: Month and day.
    monthly: tuple[int, ...] = ()  #: Days of the month.

    def between(self, first: date, last: date) -> Iterator[date]:
        """Yield the dates from the first day to the last, both included, in order.

        29 February is the 28th in other years; a day a month lacks is its last one.
        """
        day = first
        while day <= last:
            if self.is_on(day):
                yield day
            day += timedelta(days=1)

    def after(self, day: date) -> date | None:
        """Return the first date strictly after a day; None: there is none."""
        if self.yearly or self.monthly:
            later = day + timedelta(days=1)
            return next(self.between(later, later + timedelta(days=366)), None)
        return min((one for one in self.dates if one > day), default=None)

    def before(self, day: date) -> date | None:
        """Return the last date strictly before a day; None: there is none."""
        if self.yearly or self.monthly:
            found = self.between(day - timedelta(days=366), day - timedelta(days=1))
            return max(found, default=None)
        return max((one for one in self.dates if one < day), default=None)

    def is_on(self, day: date) -> bool:
        """Whether a day is one of the dates."""
        return (
            day in self.dates
            or any(day == in_year(*month_and_day, day.year) for month_and_day in self.yearly)
            or any(day.day == min(number, last_day(day)) for number in self.monthly)
        )


def in_year(month: int, day: int, year: int) -> date:
    """Return a day of a year; 29 February is the 28th where there is none."""
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, 28)


def last_day(day: date) -> int:
    """Return how many days the day's month has."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1).toordinal() - (
        day.replace(day=1).toordinal()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One file of the triggers' folder, checked."""

    name: str
    event: TriggerEvent
    template: str
    enabled: bool = True
    kind: Kind
    latest: timedelta | None  #: How late a mail may still leave; None: as long as it makes sense.
    sender: str = ""  #: Empty: that of the gateway's own mail.
    report_to: str = ""  #: Empty: reports stay inside.
    report_empty: bool = False
    qualification_data: bool = False
    stored: StoredDates = StoredDates()
    programme: str = ""  #: crm_id; empty: every one.
    status: str = ""  #: crm_id; empty: any.
    recipients: tuple[str, ...] = ()
    initial_phase: bool = False  #: Only where the application's status is of the first phase.

    @property
    def is_of_date(self) -> bool:
        """Whether a day brings it about."""
        return self.event in DATE_EVENTS
