"""When the mail of a date event is due, and when it becomes useless (seed S4)."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from gateway.core.triggers.trigger import DateEvent, Trigger

#: Days missed longer ago are not even recorded.
CATCH_UP = timedelta(days=31)
_DAY = timedelta(days=1)


def local_moment(day: date, at: time, zone: tzinfo) -> datetime:
    """Return a local time on a day, in UTC.

    A time skipped by the clocks moves forward by as much as they do; one that occurs twice is the
    first (RELIABILITY E1).
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


def latest_moment(trigger: Trigger, day: date, zone: tzinfo, end: date | None) -> datetime | None:
    """Return when mail due on a day becomes useless; None: never.

    That is the end of the day plus the trigger's `latest`, but no later than the start of the day
    `end` (`DateEvent.useless_from`).
    """
    moments = [] if end is None else [local_moment(end, time.min, zone)]
    if trigger.latest is not None:
        moments.append(local_moment(day + _DAY, time.min, zone) + trigger.latest)
    return min(moments, default=None)


def first_day_to_look_at(trigger: Trigger, last_day: date | None, today: date) -> date:
    """Return the first day to look for occurrences, today included.

    After an outage that is the last day looked at, so that nothing is skipped (E3). Facts may
    arrive late: days whose mail is still useful are looked at again, unless the event is over once
    a day was looked at.
    """
    is_over = isinstance(trigger.event, DateEvent) and trigger.event.is_over_once_looked_at
    if last_day is not None and is_over:
        last_day += _DAY
    missed = min(last_day, today) if last_day is not None else today
    first = max(missed, today - CATCH_UP)
    if is_over or trigger.latest is None:
        return first
    return min(first, today - timedelta(days=trigger.latest.days))


def hour_of_leaving(daily_at: time, hours: tuple[time, time] | None) -> tuple[int, time]:
    """Return when date mail leaves at the earliest: days after its own, and the local time.

    Found at 22:00 with quiet hours from 21:00 to 07:00, it leaves a day later, at 07:00.
    """
    if hours is None or not in_quiet_hours(hours, daily_at):
        return 0, daily_at
    _, last = hours
    return (0 if last > daily_at else 1), last


def in_quiet_hours(hours: tuple[time, time] | None, at: time) -> bool:
    """Whether a local time is in the hours when no date mail is sent; they may span midnight."""
    if hours is None:
        return False
    first, last = hours
    return first <= at < last if first <= last else at >= first or at < last
