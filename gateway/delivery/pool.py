"""The connections to one relay: reused, limited in number and in messages a minute."""

import asyncio
from collections import deque
from collections.abc import Callable

from gateway.core.mail.reply import Reply
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.settings import RelaySettings

IDLE_SECONDS = 8.0  #: Below what relays grant; Postfix keeps its own for 2 s.
PROXY_SHARE = 0.9  #: Of a relay's pace, for the proxy; the rest is for mail of the gateway's own.
MAX_TRANSACTIONS = 1000  #: Of one connection; then a fresh one, so that relays can rebalance.

Observer = Callable[[RelaySettings, "RelayConnection | RelayLost | RelayRefuses"], None]


class RelayBusy(RelayLost):
    """No connection became free, or no message was allowed, within the time that was left."""


class Pool:
    """This process's share of the connections to a relay."""

    def __init__(
        self,
        settings: RelaySettings,
        *,
        connections: int,
        per_minute: float | None,
        observe: Observer,
    ) -> None:
        self.settings = settings
        self._free_places = connections
        self._idle: list[tuple[float, RelayConnection]] = []
        self._queue: deque[asyncio.Future[None]] = deque()
        self._pace = RateLimit(per_minute) if per_minute else None
        self._observe = observe
        self._closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def is_crowded(self) -> bool:
        """Whether somebody waits for a connection."""
        return any(not turn.done() for turn in self._queue)

    async def acquire(self, seconds: float, *, fresh: bool = False) -> RelayConnection:
        """Return a connection for one transaction within so many seconds.

        Raises `RelayBusy` when the limits leave none in time, `RelayLost` or `RelayRefuses` when
        the relay can't be reached. `fresh` never takes a connection that was used before.
        """
        until = self._loop.time() + seconds
        if self._pace is None and self._free_places > 0 and not self._queue:
            self._free_places -= 1
        else:
            await self._turn(seconds)
        if not fresh and (idle := self._take_idle()):
            return idle
        if fresh and self._idle:  # One goes for the one that comes: the limit holds.
            self._idle.pop(0)[1].quit()
        return await self._open(until - self._loop.time())

    async def _turn(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                if self._pace is not None:
                    await self._pace.wait()
                await self._place()
        except TimeoutError as error:
            raise RelayBusy(f"{self.settings.name}: no free connection in time") from error

    async def _place(self) -> None:
        if self._free_places > 0 and not self._queue:
            self._free_places -= 1
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_place()
            raise

    def _give_place(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free_places += 1

    def _take_idle(self) -> RelayConnection | None:
        oldest = self._loop.time() - IDLE_SECONDS
        while self._idle:
            since, connection = self._idle.pop()
            if connection.usable and since > oldest:
                return connection
            connection.quit()
        return None

    async def _open(self, seconds: float) -> RelayConnection:
        try:
            async with asyncio.timeout(seconds):
                connection = await RelayConnection.open(self.settings)
        except (RelayLost, RelayRefuses) as error:
            self._give_place()
            self._observe(self.settings, error)
            raise
        except TimeoutError as error:
            self._give_place()
            lost = RelayLost(f"{self.settings.name}: no greeting in time")
            self._observe(self.settings, lost)
            raise lost from error
        except BaseException:
            self._give_place()
            raise
        self._observe(self.settings, connection)
        return connection

    def release(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Take a connection back; only one with nothing open is used again.

        `unused`: no message went out, none counts against the pace.
        """
        self._give_place()
        if unused and self._pace is not None:
            self._pace.give_back()
        connection.served += 1
        if connection.usable and connection.served < MAX_TRANSACTIONS and not self._closed:
            self._idle.append((self._loop.time(), connection))
        else:
            connection.quit()

    def discard(self, connection: RelayConnection) -> None:
        """Close a connection that may not be used again."""
        self._give_place()
        connection.abort()

    def leave(self) -> None:
        """Count a connection out that somebody else goes on reading (a late verdict)."""
        self._give_place()

    def sweep(self) -> None:
        """Close what has been idle for too long."""
        oldest = self._loop.time() - IDLE_SECONDS
        kept = [(since, c) for since, c in self._idle if since > oldest and c.usable]
        gone = [c for _, c in self._idle if all(c is not other for _, other in kept)]
        self._idle = kept
        for connection in gone:
            connection.quit()

    def complain(self, stage: str, reply: Reply) -> None:
        """Tell that the relay refuses the gateway itself in the middle of a session."""
        self._observe(self.settings, RelayRefuses(stage, reply))

    def close(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.quit()


class RateLimit:
    """Lets so many pass in a minute, evenly after a first handful."""

    def __init__(self, per_minute: float) -> None:
        self._interval = 60.0 / per_minute
        self._slack = min(per_minute / 60.0, 10.0) * self._interval
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for one's turn; a cancelled wait gives the turn back."""
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
        """Let another have a turn that was not used."""
        self._next -= self._interval
