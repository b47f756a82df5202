"""The times of date events: when a mail is due, and after when it is of no use."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.core.triggers.due_times import (
    CATCH_UP,
    first_day_to_look_at,
    hour_of_leaving,
    in_quiet_hours,
    latest_moment,
    local_moment,
)
from gateway.core.triggers.events.birthday import BIRTHDAY
from gateway.core.triggers.events.qualification_expired import QUALIFICATION_EXPIRED
from gateway.core.triggers.events.qualification_expiring import QUALIFICATION_EXPIRING
from gateway.core.triggers.events.set_date import SET_DATE
from tests.core.events.known import TODAY, in_days, trigger

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def midnight(day: str) -> datetime:
    """Return when a day of winter begins in Amsterdam."""
    return datetime.fromisoformat(f"{day}T00:00+01:00").astimezone(UTC)


#: The event, how late it may leave, the end of a qualification; after when a mail of TODAY is late.
LATEST = {
    "by the end of the day": (BIRTHDAY, timedelta(0), None, midnight("2027-03-02")),
    "a week later": (SET_DATE, timedelta(days=7), None, midnight("2027-03-09")),
    "whenever": (SET_DATE, None, None, None),
    "notice, before the end": (
        QUALIFICATION_EXPIRING, None, date(2027, 3, 20), midnight("2027-03-20"),
    ),
    "notice, sooner than the end": (
        QUALIFICATION_EXPIRING, timedelta(days=2), date(2027, 3, 20),
        midnight("2027-03-04"),
    ),
    "notice, the end is sooner": (
        QUALIFICATION_EXPIRING, timedelta(days=90), date(2027, 3, 20),
        midnight("2027-03-20"),
    ),
    "notice, no end known": (QUALIFICATION_EXPIRING, None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("why", LATEST)
def test_after_when_a_mail_is_of_no_use(why: str) -> None:
    event, latest, end, expected = LATEST[why]

    assert expected == latest_moment(trigger(event, latest=latest), TODAY, AMSTERDAM, end)


@pytest.mark.parametrize(
    ("day", "at", "moment"),
    [
        ("2027-03-01", "08:00", "2027-03-01T07:00+00:00"),
        ("2027-07-01", "08:00", "2027-07-01T06:00+00:00"),
        # E1: an hour that doesn't come is as much later; of one that comes twice it is the first.
        ("2026-03-29", "02:30", "2026-03-29T01:30+00:00"),
        ("2026-10-25", "02:30", "2026-10-25T00:30+00:00"),
    ],
)
def test_a_local_time_is_one_moment(day: str, at: str, moment: str) -> None:
    expected = datetime.fromisoformat(moment)

    assert expected == local_moment(date.fromisoformat(day), time.fromisoformat(at), AMSTERDAM)


#: The event, how late a mail may leave, the last day looked at, and the first day to look at.
FIRST_DAYS = {
    "never looked": (BIRTHDAY, timedelta(0), None, TODAY),
    "looked today": (BIRTHDAY, timedelta(0), TODAY, TODAY),
    "E3: after an outage": (BIRTHDAY, timedelta(0), in_days(-3), in_days(-3)),
    "E3: a clock that was ahead": (BIRTHDAY, timedelta(0), in_days(5), TODAY),
    "a long outage": (BIRTHDAY, timedelta(0), in_days(-400), TODAY - CATCH_UP),
    "facts that come late": (
        QUALIFICATION_EXPIRED, timedelta(days=30), TODAY, in_days(-30),
    ),
    "of use for ever": (QUALIFICATION_EXPIRING, None, in_days(-2), in_days(-2)),
    "a set date that was looked at is over": (
        SET_DATE, timedelta(days=7), in_days(-3), in_days(-2),
    ),
    "set dates, looked yesterday": (SET_DATE, timedelta(7), in_days(-1), TODAY),
    "set dates, looked today": (SET_DATE, timedelta(days=7), TODAY, TODAY),
    "set dates, never looked": (SET_DATE, timedelta(days=7), None, TODAY),
}  # fmt: skip


@pytest.mark.parametrize("why", FIRST_DAYS)
def test_from_which_day_on_occurrences_are_looked_for(why: str) -> None:
    event, latest, looked, expected = FIRST_DAYS[why]

    assert expected == first_day_to_look_at(trigger(event, latest=latest), looked, TODAY)


@pytest.mark.parametrize(
    ("hours", "at", "is_quiet"),
    [
        (None, "03:00", False),
        ("21:00-07:00", "20:59", False),
        ("21:00-07:00", "21:00", True),
        ("21:00-07:00", "00:00", True),
        ("21:00-07:00", "06:59", True),
        ("21:00-07:00", "07:00", False),
        ("12:00-13:00", "11:59", False),
        ("12:00-13:00", "12:00", True),
        ("12:00-13:00", "13:00", False),
        ("08:00-08:00", "08:00", False),
    ],
)
def test_quiet_hours_may_pass_midnight(hours: str | None, at: str, is_quiet: bool) -> None:
    first, _, last = (hours or "").partition("-")
    quiet = (time.fromisoformat(first), time.fromisoformat(last)) if hours else None

    assert is_quiet == in_quiet_hours(quiet, time.fromisoformat(at))


@pytest.mark.parametrize(
    ("daily_at", "hours", "leaves"),
    [
        ("08:00", None, (0, "08:00")),
        ("08:00", ("21:00", "07:00"), (0, "08:00")),
        ("06:00", ("21:00", "07:00"), (0, "07:00")),
        ("22:00", ("21:00", "07:00"), (1, "07:00")),
        ("12:30", ("12:00", "14:00"), (0, "14:00")),
    ],
)
def test_mail_found_in_quiet_hours_leaves_at_their_end(
    daily_at: str, hours: tuple[str, str] | None, leaves: tuple[int, str]
) -> None:
    quiet = (time.fromisoformat(hours[0]), time.fromisoformat(hours[1])) if hours else None

    days, hour = hour_of_leaving(time.fromisoformat(daily_at), quiet)

    assert leaves == (days, hour.isoformat("minutes"))
