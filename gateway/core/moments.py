"""Times in the forms that programs and people write."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import overload

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_DAYS = {"today": 0, "yesterday": 1}
ENGLISH_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@overload
def in_utc(moment: datetime) -> str: ...


@overload
def in_utc(moment: None) -> None: ...


@overload
def in_utc(moment: datetime | None) -> str | None: ...


def in_utc(moment: datetime | None) -> str | None:
    """Return a time in its JSON form: ISO 8601 in UTC."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_duration(text: str) -> timedelta:
    """Parse `90s`, `10m`, `2h` or `7d`; raise ValueError for anything else."""
    parts = duration_parts(text)
    if parts is None:
        raise ValueError("not a duration such as 90s, 10m, 2h or 7d")
    number, unit = parts
    return timedelta(seconds=int(number) * _SECONDS[unit])


def duration_parts(text: str) -> tuple[str, str] | None:
    """Return the number and the unit of a duration such as `90s`; None for anything else."""
    match = _DURATION.fullmatch(text)
    return None if match is None else (match[1], match[2])


def read_moment(text: str, zone: tzinfo) -> datetime:
    """Parse a date, meaning its midnight, or a time: `2026-03-12`, `2026-03-12T08:30`.

    It is in `zone` unless it has an offset (ISO 8601). Raise ValueError for anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        moment.astimezone(UTC)  # Overflows at the ends of the calendar.
    except (ValueError, OverflowError):
        raise ValueError(
            f"not a date or time such as 2026-03-12 or 2026-03-12T08:30: {text}"
        ) from None
    return moment


def read_since(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Parse the start of a period, as `read_moment` does.

    It may also be `today`, `yesterday`, or an age before `now`: `90s`, `10m`, `2h`, `7d`. Raise
    ValueError for anything else.
    """
    word = text.strip().lower()
    try:
        if word in _DAYS:
            day = now.astimezone(zone).date() - timedelta(days=_DAYS[word])
            return datetime.combine(day, time(), zone)
        return now - read_duration(word) if _DURATION.fullmatch(word) else read_moment(word, zone)
    except (ValueError, OverflowError):
        raise ValueError(
            f"not a day or time such as 2026-03-12, 2026-03-12T08:30, yesterday or 7d: {text}"
        ) from None
