"""The connections to a relay that are being opened, and how long that may take."""

import asyncio

#: Relays greet within this time, even those that wait on purpose (sendmail's greet_pause 5 s,
#: postscreen 6 s).
SLOW_SECONDS = 15.0
#: The least time an opening is given.
SHORTEST_SECONDS = 1.0


class Openings:
    """Tasks that open connections, the oldest first. Times are those of the event loop.

    An opening may take twice as long as the last one that succeeded. One that takes longer is late
    if the relay has worked meanwhile: of many at once, sendmail never greets some. The one that
    replaces a late one may take twice as long again, as the relay may have become slower.
    """

    def __init__(self) -> None:
        self._begun: dict[asyncio.Task[None], float] = {}
        self._patience = SLOW_SECONDS
        self._patient_since = 0.0

    def __len__(self) -> int:
        """The number of openings, late ones included."""
        return len(self._begun)

    def add(self, task: asyncio.Task[None], now: float) -> None:
        """Add an opening that begins now."""
        self._begun[task] = now

    def remove(self, task: asyncio.Task[None] | None) -> None:
        """Remove an opening that has ended, unless it was given up."""
        if task in self._begun:
            del self._begun[task]

    def note_succeeded(self, began: float, now: float) -> None:
        """Note how long a successful opening took."""
        self._patience = max(SHORTEST_SECONDS, 2 * (now - began))
        self._patient_since = now

    def give_up_newest(self) -> None:
        """Give up the opening that began last."""
        self._begun.popitem()[0].cancel()

    def give_up_oldest(self, now: float) -> None:
        """Give up the opening that began first, which is late."""
        oldest, began = next(iter(self._begun.items()))
        del self._begun[oldest]
        oldest.cancel()
        if began >= self._patient_since:
            self._patience = min(2 * self._patience, SLOW_SECONDS)
            self._patient_since = now

    def in_time(self, now: float, worked_at: float | None = None) -> int:
        """Return how many aren't late; `worked_at`: when the relay last worked, if not just now."""
        earliest = now - self._patience
        if worked_at is not None:
            earliest = min(earliest, worked_at)
        return sum(began >= earliest for began in self._begun.values())

    def are_any_before(self, moment: float) -> bool:
        """Whether any began before a moment."""
        return any(began < moment for began in self._begun.values())
