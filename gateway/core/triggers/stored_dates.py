"""The dates stored in a trigger, and days missing from some months or years."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDates:
    """The dates stored in a trigger."""

    dates: tuple[date, ...] = ()
    yearly: tuple[tuple[int, int], ...] = ()  #: Month and day.
    monthly: tuple[int, ...] = ()  #: Days of the month.

    def between(self, first: date, last: date) -> Iterator[date]:
        """Yield the dates from the first day to the last, inclusive, in order.

        29 February is the 28th in other years; a day missing from a month is its last day.
        """
        day = first
        while day <= last:
            if self.is_on(day):
                yield day
            day += timedelta(days=1)

    def after(self, day: date) -> date | None:
        """Return the first date strictly after a day; None if there is none."""
        if self.yearly or self.monthly:
            later = day + timedelta(days=1)
            return next(self.between(later, later + timedelta(days=366)), None)
        return min((stored for stored in self.dates if stored > day), default=None)

    def before(self, day: date) -> date | None:
        """Return the last date strictly before a day; None if there is none."""
        if self.yearly or self.monthly:
            earlier = self.between(day - timedelta(days=366), day - timedelta(days=1))
            return max(earlier, default=None)
        return max((stored for stored in self.dates if stored < day), default=None)

    def is_on(self, day: date) -> bool:
        """Whether a day is one of the dates."""
        _, days_in_month = monthrange(day.year, day.month)
        return (
            day in self.dates
            or any(day == in_year(*month_and_day, day.year) for month_and_day in self.yearly)
            or any(day.day == min(number, days_in_month) for number in self.monthly)
        )


def in_year(month: int, day: int, year: int) -> date:
    """Return a day of a year; 29 February becomes the 28th in other years."""
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, 28)
