"""The times of date events: when a mail is due, and after when it is of no use (seed S4)."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from gateway.core.triggers.trigger import DateEvent, Trigger

#: Days missed longer ago are not even recorded.
CATCH_UP = timedelta(days=31)
_DAY = timedelta(days=1)


def local_moment(day: date, at: time, zone: tzinfo) -> datetime:
    """Return when a time of a day is, in UTC.

    A time the clocks skip is as much later as they skip; of one that comes twice it is the first
    (RELIABILITY E1).
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


def latest_moment(trigger: Trigger, day: date, zone: tzinfo, end: date | None) -> datetime | None:
    """Return after when a mail due on a day is of no use; None: it always is of use.

    That is the end of the day, and the trigger's `latest` later, but no later than the day `end`
    begins (`DateEvent.useless_from`).
    """
    moments = [] if end is None else [local_moment(end, time.min, zone)]
    if trigger.latest is not None:
        moments.append(local_moment(day + _DAY, time.min, zone) + trigger.latest)
    return min(moments, default=None)


def first_day_to_look_at(trigger: Trigger, looked: date | None, today: date) -> date:
    """Return from which day on occurrences are looked for, today included.

    After an outage that is the last day looked at, so that nothing is skipped (E3). Facts may
    come late: what is still of use is looked for too, unless the event's days are over once they
    were looked at.
    """
    is_over = isinstance(trigger.event, DateEvent) and trigger.event.is_over_once_looked_at
    if looked is not None and is_over:
        looked += _DAY
    missed = min(looked, today) if looked is not None else today
    first = max(missed, today - CATCH_UP)
    if is_over or trigger.latest is None:
        return first
    return min(first, today - timedelta(days=trigger.latest.days))


def in_quiet_hours(hours: tuple[time, time] | None, at: time) -> bool:
    """Whether a local time is in hours in which no date mail leaves; they may pass midnight."""
    if hours is None:
        return False
    first, last = hours
    return first <= at < last if first <= last else at >= first or at < last
