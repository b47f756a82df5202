"""How times are written for programs."""

from datetime import UTC, datetime
from typing import overload


@overload
def in_utc(moment: datetime) -> str: ...


@overload
def in_utc(moment: None) -> None: ...


@overload
def in_utc(moment: datetime | None) -> str | None: ...


def in_utc(moment: datetime | None) -> str | None:
    """Return a time as JSON has it: ISO 8601 in UTC."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
