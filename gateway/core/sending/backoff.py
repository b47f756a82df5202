"""When to retry what could not be sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)

#: The waits after the first failed attempts; the last one repeats.
WAITS = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR)

#: Attempts in all: the last comes two days after the first.
MAX_ATTEMPTS = 13
_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait between retries, and how many to make."""

    waits: tuple[timedelta, ...]  #: After the first failed attempts; the last one repeats.
    attempts: int  #: In all.


FOR_MAIL = Backoff(WAITS, MAX_ATTEMPTS)
#: A webhook's receiver recovers sooner than a mail server; the last attempt comes after two days.
FOR_WEBHOOKS = Backoff(
    (2 * _SECOND, 10 * _SECOND, 30 * _SECOND, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE,
     _HOUR, 3 * _HOUR, 6 * _HOUR),
    16,
)  # fmt: skip


def next_try(
    attempts: int, now: datetime, jitter: float, patience: Backoff = FOR_MAIL
) -> datetime | None:
    """Return when to retry after this many failed attempts; None: give up.

    `jitter`, a random number from 0 to 1, lengthens the wait by up to a tenth, so that what failed
    together isn't retried together.
    """
    if attempts >= patience.attempts:
        return None
    wait = patience.waits[min(attempts, len(patience.waits)) - 1]
    return now + wait * (1 + _SPREAD * jitter)
