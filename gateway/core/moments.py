"""How times are written for programs."""

from datetime import UTC, datetime


def in_utc(moment: datetime | None) -> str | None:
    """Return a time as JSON has it: ISO 8601 in UTC."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
