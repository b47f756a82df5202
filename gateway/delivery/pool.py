"""The connections to one relay: reused, limited in number and in messages a minute."""

import asyncio
from collections import deque
from collections.abc import Callable

from gateway.core.mail.reply import Reply
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.settings import RelaySettings

IDLE_SECONDS = 8.0  #: Less than relays allow; Postfix keeps its own for 2 s.
PROXY_SHARE = 0.9  #: The proxy's share of a relay's rate; the rest is for the gateway's own mail.
#: On one connection; then a new one is opened, so that relays can rebalance.
MAX_TRANSACTIONS = 1000
#: By default, Exim delivers no more than this at once from one connection
#: (smtp_accept_queue_per_connection): it says 250 to the eleventh and leaves it to its next queue
#: run, on Debian up to 30 minutes later.
EXIM_TRANSACTIONS = 10
#: In a row, without an accepted mail; then a new connection is opened. Postfix delays its replies
#: by a second after ten errors (smtpd_soft_error_limit), also for the next mail; Courier by even
#: more.
MAX_REFUSALS = 5
#: The same for transactions that end with RSET because everybody in them is suppressed: after a
#: hundred, Postfix counts RSET as an error (smtpd_junk_command_limit). A transaction may have two.
MAX_RESETS = 40

Observer = Callable[[RelaySettings, "RelayConnection | RelayLost | RelayRefuses"], None]


class RelayBusy(RelayLost):
    """No connection became free, or no message was allowed, in the time left."""


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
        self._slots = ConnectionSlots(connections)
        self._idle: list[tuple[float, RelayConnection]] = []
        self._pace = RateLimit(per_minute) if per_minute else None
        self._observe = observe
        self._closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def is_crowded(self) -> bool:
        """Whether anybody is waiting for a connection."""
        return self._slots.is_crowded

    def idle_now(self) -> RelayConnection | None:
        """Return a connection for one transaction if one is idle and nobody waits; else None."""
        if not self._idle or self._pace is not None or not self._slots.take_now():
            return None
        since, idle = self._idle.pop()
        if since > self._loop.time() - IDLE_SECONDS and idle.usable:
            return idle
        idle.quit()
        self._slots.give_back()
        return None

    async def acquire(self, seconds: float, *, fresh: bool = False) -> RelayConnection:
        """Return a connection for one transaction within that many seconds.

        Raise `RelayBusy` if the limits leave none in time, `RelayLost` or `RelayRefuses` if the
        relay can't be reached. With `fresh` the connection is always a new one.
        """
        until = self._loop.time() + seconds
        if self._pace is not None or not self._slots.take_now():
            try:
                async with asyncio.timeout(seconds):
                    if self._pace is not None:
                        await self._pace.wait()
                    await self._slots.take()
            except TimeoutError as error:
                raise RelayBusy(f"{self.settings.name}: no free connection in time") from error

        # Prefer the most recently used; the others may get too old and are closed.
        oldest = self._loop.time() - IDLE_SECONDS
        while self._idle and not fresh:
            since, idle = self._idle.pop()
            if idle.usable and since > oldest:
                return idle
            idle.quit()
        if self._idle:  # A new one is requested: close an idle one, so that the limit holds.
            self._idle.pop(0)[1].quit()

        is_open = False
        try:
            async with asyncio.timeout(until - self._loop.time()):
                connection = await RelayConnection.open(self.settings)
            is_open = True
        except TimeoutError as error:
            lost = RelayLost(f"{self.settings.name}: no greeting in time")
            self._observe(self.settings, lost)
            raise lost from error
        except (RelayLost, RelayRefuses) as error:
            self._observe(self.settings, error)
            raise
        finally:
            if not is_open:
                self._slots.give_back()
        self._observe(self.settings, connection)
        return connection

    def release(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Take a connection back; it is only reused if nothing on it is open.

        `unused`: no message was sent, so none counts towards the rate.
        """
        self._slots.give_back()
        if unused:
            connection.resets += 1
            self._give_turn_back()
        connection.served += 1
        most = EXIM_TRANSACTIONS if connection.is_exim else MAX_TRANSACTIONS
        is_welcome = (
            connection.served < most
            and connection.refusals < MAX_REFUSALS
            and connection.resets < MAX_RESETS
        )
        if connection.usable and is_welcome and not self._closed:
            self._idle.append((self._loop.time(), connection))
        else:
            connection.quit()

    def discard(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Close a connection that may not be reused; `unused` as in `release`."""
        self._slots.give_back()
        if unused:
            self._give_turn_back()
        connection.abort()

    def _give_turn_back(self) -> None:
        if self._pace is not None:
            self._pace.give_back()

    def leave(self) -> None:
        """Stop counting a connection that somebody else keeps reading (a late verdict)."""
        self._slots.give_back()

    def sweep(self) -> None:
        """Close connections that have been idle for too long."""
        oldest = self._loop.time() - IDLE_SECONDS
        idle, self._idle = self._idle, []
        for since, connection in idle:
            if since > oldest and connection.usable:
                self._idle.append((since, connection))
            else:
                connection.quit()

    def complain(self, stage: str, reply: Reply) -> None:
        """Report that the relay refuses the gateway itself in the middle of a session."""
        self._observe(self.settings, RelayRefuses(stage, reply))

    def close(self) -> None:
        """Close idle connections now, and those in use when they are returned."""
        self._closed = True
        idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.quit()


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
