"""How many connections and messages a minute a relay is asked for."""

import asyncio
from collections import deque


class RelayLimits:
    """A number of slots for connections and, if it is limited, a rate of messages."""

    def __init__(self, connections: int, per_minute: float | None) -> None:
        self._slots = ConnectionSlots(connections)
        self._pace = RateLimit(per_minute) if per_minute else None

    @property
    def is_crowded(self) -> bool:
        """Whether anybody is waiting for a slot."""
        return self._slots.is_crowded

    def take_now(self) -> bool:
        """Take a slot if one is free, nobody waits and no rate is to be kept; say if it did."""
        return self._pace is None and self._slots.take_now()

    async def take(self) -> None:
        """Wait for a turn of the rate, then for a slot; a cancelled wait takes neither."""
        if self._pace is not None:
            await self._pace.wait()
        try:
            await self._slots.take()
        except asyncio.CancelledError:
            self.give_turn_back()
            raise

    def give_slot_back(self) -> None:
        """Give a slot to whoever has waited longest, or free it."""
        self._slots.give_back()

    def give_turn_back(self) -> None:
        """Return a turn of the rate, as no message was sent."""
        if self._pace is not None:
            self._pace.give_back()


class ConnectionSlots:
    """A number of slots, given out in the order in which they are requested."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def is_crowded(self) -> bool:
        """Whether anybody is waiting for a slot."""
        return any(not turn.done() for turn in self._queue)

    def take_now(self) -> bool:
        """Take a slot if one is free and nobody waits; return whether it did."""
        if self._free > 0 and not self._queue:
            self._free -= 1
            return True
        return False

    async def take(self) -> None:
        """Wait for a slot and take it; a cancelled wait takes none."""
        if self.take_now():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a slot to whoever has waited longest, or free it."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


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
