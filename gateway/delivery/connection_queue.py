"""The mails of one process that wait for a connection to a relay, in order of arrival."""

import asyncio
from collections import deque

from gateway.delivery.connection import RelayConnection


class ConnectionQueue:
    """Futures of connections, one for each mail that waits."""

    def __init__(self) -> None:
        self._turns: deque[asyncio.Future[RelayConnection]] = deque()
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        """The number of mails that wait."""
        return len(self._turns)

    def join(self) -> asyncio.Future[RelayConnection]:
        """Return a new future, behind all others."""
        turn: asyncio.Future[RelayConnection] = self._loop.create_future()
        self._turns.append(turn)
        return turn

    def leave(self, turn: asyncio.Future[RelayConnection]) -> None:
        """Remove a future that nobody awaits any more."""
        if turn in self._turns:
            self._turns.remove(turn)

    def next(self) -> asyncio.Future[RelayConnection] | None:
        """Remove and return the first future; None if no mail waits."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():  # A task that was cancelled leaves the queue a moment later.
                return turn
        return None
