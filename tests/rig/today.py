"""Today, where the gateway is by default; each test asks for it, as a run may pass midnight."""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def today() -> date:
    """Return the local date of the moment, in Europe/Amsterdam."""
    return datetime.now(ZoneInfo("Europe/Amsterdam")).date()
