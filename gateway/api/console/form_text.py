"""Text typed into a field, in a form the store can take."""

from collections.abc import Mapping
from datetime import datetime, time, tzinfo

from gateway.api.json_response import plain_text
from gateway.core.moments import read_since

LONGEST = 2_000  #: Characters of a reason.
_UNITS = ("s", "m", "h", "d")  #: Units of a relative time: `2h`.


def whole_text(fields: Mapping[str, object], name: str) -> str:
    """Return the text of a field, stripped; empty if the store can't take it as text."""
    value = fields.get(name, "")
    try:
        return plain_text(value.strip()) if isinstance(value, str) else ""
    except ValueError:
        return ""


def typed_text(fields: Mapping[str, object], name: str) -> str:
    """Return the same, cut to the maximum length of a reason."""
    return whole_text(fields, name)[:LONGEST]


def typed_moment(text: str, now: datetime, zone: tzinfo, *, is_end: bool) -> datetime:
    """Read a day as its first or last moment in a zone; read a time as it is.

    It may be written as for lists on the command line: `yesterday`, `7d`. ValueError if it is
    neither.
    """
    moment = read_since(text, now, zone)
    written = text.strip().lower()
    is_day = len(written) <= len("2026-11-29") and not written.endswith(_UNITS)
    return datetime.combine(moment, time.max, moment.tzinfo) if is_end and is_day else moment
