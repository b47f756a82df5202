"""The connections to a relay that are being opened, and how long that may take."""

import asyncio

#: Relays greet within that time, also those that wait on purpose (sendmail's greet_pause 5 s,
#: postscreen 6 s).
SLOW_SECONDS = 15.0
#: The shortest time that an opening is given.
SHORTEST_SECONDS = 1.0


class Openings:
    """Tasks that open connections, the oldest first. Times are those of the event loop.

    An opening may take twice as long as the last one that succeeded. One that takes longer is late
    if the relay has worked meanwhile: sendmail never greets some of many that come at once. What
    replaces a late one may take twice as long again, as the relay may have become slower.
    """

    def __init__(self) -> None:
        self._begun: dict[asyncio.Task[None], float] = {}
        self._patience = SLOW_SECONDS
        self._patient_since = 0.0

    def __len__(self) -> int:
        """How many there are, late ones included."""
        return len(self._begun)

    def add(self, task: asyncio.Task[None], now: float) -> None:
        """Add one that begins now."""
        self._begun[task] = now

    def remove(self, task: asyncio.Task[None] | None) -> None:
        """Remove one that has ended, unless it was given up."""
        if task in self._begun:
            del self._begun[task]

    def note_succeeded(self, began: float, now: float) -> None:
        """Note how long one took that succeeded."""
        self._patience = max(SHORTEST_SECONDS, 2 * (now - began))
        self._patient_since = now

    def give_up_newest(self) -> None:
        """Give up the one that was begun last."""
        self._begun.popitem()[0].cancel()

    def give_up_oldest(self, now: float) -> None:
        """Give up the one that was begun first, which is late."""
        oldest, began = next(iter(self._begun.items()))
        del self._begun[oldest]
        oldest.cancel()
        if began >= self._patient_since:
            self._patience = min(2 * self._patience, SLOW_SECONDS)
            self._patient_since = now

    def in_time(self, now: float, worked_at: float | None = None) -> int:
        """Return how many aren't late; `worked_at`: when the relay worked last, if not just now."""
        earliest = now - self._patience
        if worked_at is not None:
            earliest = min(earliest, worked_at)
        return sum(began >= earliest for began in self._begun.values())

    def are_any_before(self, moment: float) -> bool:
        """Whether any was begun before that."""
        return any(began < moment for began in self._begun.values())
