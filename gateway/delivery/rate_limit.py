"""How many messages a minute a relay is given."""

import asyncio


class RateLimit:
    """Lets a number of messages a minute pass, evenly after an initial few."""

    def __init__(self, per_minute: float) -> None:
        self._interval = 60.0 / per_minute
        self._slack = min(per_minute / 60.0, 10.0) * self._interval
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for a turn; a cancelled wait returns it."""
        loop = asyncio.get_running_loop()
        turn = max(self._next, loop.time() - self._slack)
        self._next = turn + self._interval
        delay = turn - loop.time()
        if delay <= 0:
            return
        try:
            await asyncio.sleep(delay)
        except asyncio.CancelledError:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Return a turn that was not used."""
        self._next -= self._interval
