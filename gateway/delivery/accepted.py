"""The connections that a relay has accepted: those in use, and those kept for the next mail."""

import asyncio
from collections.abc import Callable

from gateway.delivery.connection import RelayConnection

IDLE_SECONDS = 8.0  #: Less than relays allow; Postfix keeps its own for 2 s.


class AcceptedConnections:
    """Idle connections and a count of those in use."""

    def __init__(self, ended: Callable[[], None]) -> None:
        """`ended` is called after an idle connection was closed."""
        self._ended = ended
        self._idle: list[tuple[float, RelayConnection]] = []
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self.in_use = 0

    def __len__(self) -> int:
        """The number of connections, idle ones included."""
        return self.in_use + len(self._idle)

    def take_idle(self) -> RelayConnection | None:
        """Return an idle connection, which is in use from now on; None if there is none."""
        # Prefer the most recently used; the others may get too old and are closed.
        while self._idle:
            since, idle = self._idle.pop()
            if since > self._loop.time() - IDLE_SECONDS and idle.is_usable:
                self.in_use += 1
                return idle
            idle.quit()
            self._ended()
        return None

    def close_idle(self) -> None:
        """Close the connection that has been idle for longest, if there is one."""
        if self._idle:
            self._idle.pop(0)[1].quit()
            self._ended()

    def keep(self, connection: RelayConnection) -> None:
        """Keep a connection that was in use for the next mail."""
        self.in_use -= 1
        if self._closed:
            connection.quit()
        else:
            self._idle.append((self._loop.time(), connection))

    def sweep(self) -> None:
        """Close those that have been idle for too long."""
        oldest = self._loop.time() - IDLE_SECONDS
        idle, self._idle = self._idle, []
        for since, connection in idle:
            if since > oldest and connection.is_usable:
                self._idle.append((since, connection))
            else:
                connection.quit()
                self._ended()

    def close(self) -> None:
        """Close idle connections, and from now on each one that becomes idle."""
        self._closed = True
        idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.quit()
