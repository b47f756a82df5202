"""What somebody typed into a field, as the store can take it."""

from collections.abc import Mapping
from datetime import datetime, time, tzinfo

from gateway.api.replies import plain_text
from gateway.core.moments import read_since

LONGEST = 2_000  #: Characters of a reason.
_UNITS = ("s", "m", "h", "d")  #: Ends of how long ago something was: `2h`.


def whole_text(fields: Mapping[str, object], name: str) -> str:
    """Return the text of a field, stripped; empty where the store can't take it as text."""
    value = fields.get(name, "")
    try:
        return plain_text(value.strip()) if isinstance(value, str) else ""
    except ValueError:
        return ""


def typed_text(fields: Mapping[str, object], name: str) -> str:
    """Return the same, cut to the length that a reason may have."""
    return whole_text(fields, name)[:LONGEST]


def typed_moment(text: str, now: datetime, zone: tzinfo, *, is_end: bool) -> datetime:
    """Read a day as its beginning in a zone, or as its last moment; a time as it is.

    It may be written as lists on the command line take it: `yesterday`, `7d`. ValueError where it
    is neither.
    """
    moment = read_since(text, now, zone)
    written = text.strip().lower()
    is_day = len(written) <= len("2026-11-29") and not written.endswith(_UNITS)
    return datetime.combine(moment, time.max, moment.tzinfo) if is_end and is_day else moment
