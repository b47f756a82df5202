"""When what could not be sent is tried again."""

from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)

#: The waits after the first failed attempts; the last one repeats.
WAITS = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR)

#: Attempts in all: the last one comes two days after the first.
MAX_ATTEMPTS = 13
_SPREAD = 0.1


def next_try(attempts: int, now: datetime, jitter: float) -> datetime | None:
    """Return when to try again after that many failed attempts; None: give up.

    `jitter`, a random number from 0 to 1, makes the wait up to a tenth longer, so that what
    failed together isn't tried again together.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    wait = WAITS[min(attempts, len(WAITS)) - 1]
    return now + wait * (1 + _SPREAD * jitter)
