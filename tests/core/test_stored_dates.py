"""The dates stored in a trigger, on a calendar whose months and years differ in length."""

from datetime import date

import pytest

from gateway.core.triggers.stored_dates import StoredDates

ONCE = StoredDates(dates=(date(2026, 5, 4), date(2027, 1, 1)))
YEARLY = StoredDates(yearly=((2, 29), (12, 24)))
MONTHLY = StoredDates(monthly=(31,))
ALL = StoredDates(dates=(date(2026, 3, 1),), yearly=((3, 15),), monthly=(31,))


@pytest.mark.parametrize(
    ("stored", "first", "last", "expected"),
    [
        (ONCE, date(2026, 5, 4), date(2026, 5, 4), [date(2026, 5, 4)]),
        (ONCE, date(2026, 5, 5), date(2026, 12, 31), []),
        (ONCE, date(2026, 5, 5), date(2026, 5, 4), []),
        (YEARLY, date(2027, 2, 1), date(2027, 3, 31), [date(2027, 2, 28)]),
        (YEARLY, date(2028, 2, 1), date(2028, 3, 31), [date(2028, 2, 29)]),
        (
            MONTHLY,
            date(2026, 1, 1),
            date(2026, 4, 30),
            [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)],
        ),
        (MONTHLY, date(2028, 2, 1), date(2028, 2, 29), [date(2028, 2, 29)]),
        (
            ALL,
            date(2026, 3, 1),
            date(2026, 3, 31),
            [date(2026, 3, 1), date(2026, 3, 15), date(2026, 3, 31)],
        ),
        (StoredDates(), date(2026, 1, 1), date(2026, 12, 31), []),
    ],
)
def test_dates_from_a_day_to_another(
    stored: StoredDates, first: date, last: date, expected: list[date]
) -> None:
    assert expected == list(stored.between(first, last))


@pytest.mark.parametrize(
    ("stored", "day", "before", "after"),
    [
        (ONCE, date(2026, 5, 4), None, date(2027, 1, 1)),
        (ONCE, date(2026, 6, 1), date(2026, 5, 4), date(2027, 1, 1)),
        (ONCE, date(2027, 1, 1), date(2026, 5, 4), None),
        (YEARLY, date(2026, 12, 24), date(2026, 2, 28), date(2027, 2, 28)),
        (YEARLY, date(2028, 2, 29), date(2027, 12, 24), date(2028, 12, 24)),
        (StoredDates(yearly=((2, 29),)), date(2028, 2, 29), date(2027, 2, 28), date(2029, 2, 28)),
        (StoredDates(yearly=((1, 1),)), date(2028, 1, 1), date(2027, 1, 1), date(2029, 1, 1)),
        (MONTHLY, date(2026, 2, 28), date(2026, 1, 31), date(2026, 3, 31)),
        (ALL, date(2026, 3, 15), date(2026, 3, 1), date(2026, 3, 31)),
        (StoredDates(), date(2026, 3, 15), None, None),
    ],
)
def test_the_date_before_a_day_and_the_one_after(
    stored: StoredDates, day: date, before: date | None, after: date | None
) -> None:
    assert (before, after) == (stored.before(day), stored.after(day))
