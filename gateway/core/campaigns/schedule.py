"""When a campaign can be scheduled: local time in, UTC out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)


class Unschedulable(StrEnum):
    """Why a campaign can't be scheduled for a time."""

    OFF_QUARTER = "off_quarter"  #: Mailchimp sends at :00, :15, :30 and :45 only.
    NO_SUCH_TIME = "no_such_time"  #: The clocks skip it at the start of summer time.
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A time Mailchimp takes."""

    at: datetime  #: Aware, UTC.


@dataclass(frozen=True, slots=True)
class NotScheduled:
    """A time Mailchimp refuses, and the nearest ones it takes."""

    reason: Unschedulable
    nearest: tuple[datetime, ...]  #: Aware, in the given zone; one or two, in order.


def schedule(local: datetime, zone: ZoneInfo, now: datetime) -> Scheduled | NotScheduled:
    """Turn a local time without a zone into one to schedule for (S2; MAILCHIMP 4.15).

    A time that occurs twice at the end of summer time is the first of the two, unless its `fold` is
    1.
    """
    at = local.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != local:
        return NotScheduled(
            Unschedulable.NO_SUCH_TIME, _offer(quarters_around_gap(local, zone), zone, now)
        )
    if _floor(at) != at:
        return NotScheduled(Unschedulable.OFF_QUARTER, _nearest_times(at, zone, now))
    if at <= now:
        return NotScheduled(Unschedulable.PAST, _nearest_times(at, zone, now))
    return Scheduled(at)


def _floor(at: datetime) -> datetime:
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER


def _nearest_times(at: datetime, zone: ZoneInfo, now: datetime) -> tuple[datetime, ...]:
    before = _floor(at)
    return _offer((before, before + QUARTER), zone, now)


def quarters_around_gap(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the last quarter hour before a skipped local time and the first one after it.

    Python reads a skipped time with the offset before the jump (fold 0) or after it (fold 1); the
    jump itself is between the two (PEP 495).
    """
    late, early = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    jump = _floor(early) + QUARTER
    while jump < late and _offset(jump, zone) == _offset(early, zone):
        jump += QUARTER
    return jump - QUARTER, jump


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _offer(times: tuple[datetime, ...], zone: ZoneInfo, now: datetime) -> tuple[datetime, ...]:
    ahead = tuple(time for time in times if time > now) or (_floor(now) + QUARTER,)
    return tuple(time.astimezone(zone) for time in ahead)
