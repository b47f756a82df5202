"""What somebody typed into a field, as the store can take it."""

from collections.abc import Mapping
from datetime import datetime, time, tzinfo

from gateway.api.replies import plain_text
from gateway.core.moments import read_moment

LONGEST = 2_000  #: Characters of a reason.


def typed_text(fields: Mapping[str, object], name: str) -> str:
    """Return the text of a field without blanks around; empty where it is no text a store takes."""
    value = fields.get(name, "")
    try:
        return plain_text(value.strip())[:LONGEST] if isinstance(value, str) else ""
    except ValueError:
        return ""


def typed_moment(text: str, zone: tzinfo, *, is_end: bool = False) -> datetime:
    """Read a day as its beginning in a zone, or as its last moment; a time as it is.

    ValueError where it is neither.
    """
    moment = read_moment(text, zone)
    if not is_end or len(text.strip()) > len("2026-11-29"):
        return moment
    return datetime.combine(moment, time.max, moment.tzinfo)
