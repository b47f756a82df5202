"""Whose clock a date was written by that names no zone."""

from datetime import datetime, timedelta, timezone

_CLOCKS = timedelta(minutes=5)  #: How much the clocks of two computers may differ.


def in_zone_of_writer(
    date: datetime, sent: datetime | None, *, is_authors_clock: bool = False
) -> tuple[datetime, bool]:
    """Return a date in the zone its program meant, and whether that is sure.

    `date` is read in the zone of the office. `sent` is the date of the mail around it with the
    offset of the program's own clock; None where that isn't known. A program writes both by one
    clock, so another offset than the office's is somebody travelling (+0200), or a server that
    keeps UTC, whose users have the time of the office. Where only one of the two can be, because
    nothing is forwarded before it was written, that is it. `is_authors_clock` says that the
    program copies the time of the original without its zone.
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
