"""Who waits for a connection to a relay, in the order in which they came."""

import asyncio
from collections import deque

from gateway.delivery.connection import RelayConnection


class ConnectionQueue:
    """Futures of connections; whoever waits awaits one."""

    def __init__(self) -> None:
        self._turns: deque[asyncio.Future[RelayConnection]] = deque()
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._turns)

    def join(self) -> asyncio.Future[RelayConnection]:
        """Return a future behind all others."""
        turn: asyncio.Future[RelayConnection] = self._loop.create_future()
        self._turns.append(turn)
        return turn

    def leave(self, turn: asyncio.Future[RelayConnection]) -> None:
        """Remove a future that nobody awaits any more."""
        if turn in self._turns:
            self._turns.remove(turn)

    def next(self) -> asyncio.Future[RelayConnection] | None:
        """Remove and return the first future; None if nobody waits."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():  # A task that was cancelled leaves the queue a moment later.
                return turn
        return None
