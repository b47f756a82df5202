"""The connections to one relay: reused, limited in number and in messages a minute."""

import asyncio
from collections import deque
from collections.abc import Callable

from gateway.core.mail.reply import Reply
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses, RelayUngreeting
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
#: The same for transactions that end with RSET because everybody in them is suppressed: Exim closes
#: the connection at the twelfth RSET (smtp_accept_max_nonmail), and after a hundred Postfix counts
#: each as an error (smtpd_junk_command_limit).
MAX_RESETS = 10
#: After that a relay that accepted no further connection is tried again, if none in use was
#: released before.
CROWDED_SECONDS = 1.0
#: A relay takes that long to notice that a connection has ended; then it accepts another.
NOTICED_SECONDS = 0.05

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
        self._in_use = 0
        self._openings: set[asyncio.Future[None]] = set()
        self._turned_away = 0  # by the relay, which takes no more; they wait for one in use
        self._refused: deque[asyncio.Future[None]] = deque()  # those of them who are waiting now
        self._loop = asyncio.get_running_loop()

    @property
    def is_crowded(self) -> bool:
        """Whether anybody is waiting for a connection."""
        return self._slots.is_crowded or self._turned_away > 0

    def idle_now(self) -> RelayConnection | None:
        """Return a connection for one transaction if one is idle and nobody waits; else None."""
        if not self._idle or self._pace is not None or not self._slots.take_now():
            return None
        since, idle = self._idle.pop()
        if since > self._loop.time() - IDLE_SECONDS and idle.usable:
            self._in_use += 1
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

        is_given = False
        try:
            connection = await self._used_or_new(until, fresh=fresh)
            is_given = True
        finally:
            if not is_given:
                self._slots.give_back()
        self._in_use += 1
        return connection

    async def _used_or_new(self, until: float, *, fresh: bool) -> RelayConnection:
        connection = self._used_before(fresh)
        if connection is None and not self._turned_away:
            connection = await self._opened(until)
        if connection is not None:
            return connection
        self._turned_away += 1
        try:
            while connection is None:
                if fresh or not self._idle:
                    await self._released(until)
                connection = self._used_before(fresh)
                # One tries at a time: Exim lets no more than 20 wait to be accepted or refused.
                if connection is None and not self._openings:
                    connection = await self._opened(until)
            return connection
        finally:
            self._turned_away -= 1

    def _used_before(self, fresh: bool) -> RelayConnection | None:
        # Prefer the most recently used; the others may get too old and are closed.
        oldest = self._loop.time() - IDLE_SECONDS
        while self._idle and not fresh:
            since, idle = self._idle.pop()
            if idle.usable and since > oldest:
                return idle
            idle.quit()
        if self._idle:  # A new one is requested: close an idle one, so that the limit holds.
            self._idle.pop(0)[1].quit()
        return None

    async def _opened(self, until: float) -> RelayConnection | None:
        """Return a new connection, or None if the relay accepts no more than those in use."""
        opening: asyncio.Future[None] = self._loop.create_future()
        self._openings.add(opening)
        try:
            async with asyncio.timeout_at(until):
                connection = await RelayConnection.open(self.settings)
        except TimeoutError as error:
            lost = RelayLost(f"{self.settings.name}: no greeting in time")
            self._observe(self.settings, lost)
            raise lost from error
        except (RelayLost, RelayRefuses) as error:
            self._openings.discard(opening)
            if is_one_too_many(error):
                # Exim refuses at once, while those it accepted are still being greeted.
                while self._openings and not (self._in_use or self._idle):
                    await asyncio.wait(self._openings, return_when=asyncio.FIRST_COMPLETED)
                if self._in_use or self._idle:
                    return None
            self._observe(self.settings, error)
            raise
        finally:
            self._openings.discard(opening)
            opening.set_result(None)
        self._observe(self.settings, connection)
        self._tell_one_refused()  # The relay accepts connections again.
        return connection

    async def _released(self, until: float) -> None:
        """Wait until a connection was released, or for `CROWDED_SECONDS`."""
        release: asyncio.Future[None] = self._loop.create_future()
        self._refused.append(release)
        try:
            async with asyncio.timeout_at(min(until, self._loop.time() + CROWDED_SECONDS)):
                await release
        except TimeoutError as error:
            if self._loop.time() >= until:
                raise RelayBusy(f"{self.settings.name}: no free connection in time") from error
        finally:
            if release in self._refused:
                self._refused.remove(release)

    def _give_back(self, *, is_kept: bool) -> None:
        self._in_use -= 1
        self._slots.give_back()
        if is_kept:
            self._tell_one_refused()
        elif self._refused:
            self._loop.call_later(NOTICED_SECONDS, self._tell_one_refused)

    def _tell_one_refused(self) -> None:
        while self._refused:
            release = self._refused.popleft()
            if not release.done():
                release.set_result(None)
                return

    def release(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Take a connection back; it is only reused if nothing on it is open.

        `unused`: no message was sent, so none counts towards the rate.
        """
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
        is_kept = connection.usable and is_welcome and not self._closed
        if is_kept:
            self._idle.append((self._loop.time(), connection))
        else:
            connection.quit()
        self._give_back(is_kept=is_kept)

    def discard(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Close a connection that may not be reused; `unused` as in `release`."""
        self._give_back(is_kept=False)
        if unused:
            self._give_turn_back()
        connection.abort()

    def _give_turn_back(self) -> None:
        if self._pace is not None:
            self._pace.give_back()

    def leave(self) -> None:
        """Stop counting a connection that somebody else keeps reading (a late verdict)."""
        self._give_back(is_kept=False)

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


def is_one_too_many(error: RelayLost | RelayRefuses) -> bool:
    """Whether a relay that accepts other connections may have refused one as too many.

    Exim (smtp_accept_max, 20 by default) and Postfix greet with 421; Courier (MAXPERIP, 5) closes.
    """
    if isinstance(error, RelayRefuses):
        return error.stage == "greeting" and 400 <= error.reply.code < 500
    return isinstance(error, RelayUngreeting)


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
