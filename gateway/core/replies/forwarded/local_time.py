"""The time zone of a date written without one."""

from datetime import datetime, timedelta, timezone

_CLOCKS = timedelta(minutes=5)  #: How far two computers' clocks may differ.


def in_zone_of_writer(
    date: datetime, sent: datetime | None, *, is_authors_clock: bool = False
) -> tuple[datetime, bool]:
    """Return a date in the zone its program meant, and whether that is certain.

    `date` was read in the office's zone. `sent` is the date of the outer mail with the offset of
    the program's own clock; None if unknown. A program uses the same clock for both, so an offset
    other than the office's means somebody travelling (+0200), or a server on UTC, whose users have
    the office's time. If only one of the two is possible, because nothing is forwarded before it
    was written, that one is right. `is_authors_clock`: the program copies the original's time
    without its zone.
    """
    if is_authors_clock:
        return date, False
    offset = sent.utcoffset() if sent is not None else None
    if sent is None or offset is None or sent.astimezone(date.tzinfo).utcoffset() == offset:
        return date, True
    written = date.replace(tzinfo=timezone(offset))
    possible = [moment for moment in (date, written) if moment <= sent + _CLOCKS]
    if len(possible) == 1:
        return possible[0], True
    return (written if offset else date), written.timestamp() == date.timestamp()
