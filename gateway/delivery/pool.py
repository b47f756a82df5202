"""The connections to one relay: reused, limited in number and in messages a minute."""

import asyncio
from collections.abc import Callable

from gateway import logs
from gateway.core.mail.reply import Reply
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses, RelayUngreeting
from gateway.delivery.limits import RelayLimits
from gateway.delivery.settings import RelaySettings
from gateway.delivery.turned_away import TurnedAway

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
#: A relay takes that long to notice that a connection has ended; then it accepts another.
NOTICED_SECONDS = 0.05
TOLD_SECONDS = 3600.0  #: The log tells at most once in this time that a relay takes no more.

#: How OpenSSL calls an answer that isn't TLS.
_WITHOUT_TLS = "WRONG_VERSION_NUMBER"

log = logs.get("delivery")

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
        self._limits = RelayLimits(connections, per_minute)
        self._idle: list[tuple[float, RelayConnection]] = []
        self._observe = observe
        self._closed = False
        self._in_use = 0
        self._openings: set[asyncio.Future[None]] = set()
        self._turned_away = TurnedAway(self._keep)
        self._told: float | None = None  # when the log told last that the relay takes no more
        self._loop = asyncio.get_running_loop()

    @property
    def is_crowded(self) -> bool:
        """Whether anybody is waiting for a connection."""
        return self._limits.is_crowded or bool(self._turned_away)

    def idle_now(self) -> RelayConnection | None:
        """Return a connection for one transaction if one is idle and nobody waits; else None."""
        if not self._idle or not self._limits.take_now():
            return None
        since, idle = self._idle.pop()
        if since > self._loop.time() - IDLE_SECONDS and idle.usable:
            self._in_use += 1
            return idle
        self._quit(idle)
        self._limits.give_slot_back()
        return None

    async def acquire(self, seconds: float, *, fresh: bool = False) -> RelayConnection:
        """Return a connection for one transaction within that many seconds.

        Raise `RelayBusy` if the limits leave none in time, `RelayLost` or `RelayRefuses` if the
        relay can't be reached. With `fresh` the connection is a new one, unless the relay accepts
        no more than those in use.
        """
        until = self._loop.time() + seconds
        if not self._limits.take_now():
            try:
                async with asyncio.timeout(seconds):
                    await self._limits.take()
            except TimeoutError as error:
                raise self._busy() from error

        is_given = False
        try:
            connection = await self._used_or_new(until, fresh=fresh)
            is_given = True
        finally:
            if not is_given:
                self._limits.give_slot_back()
                self._limits.give_turn_back()
        return connection

    async def _used_or_new(self, until: float, *, fresh: bool) -> RelayConnection:
        if not self._turned_away:
            connection = self._used_before(fresh=fresh) or await self._opened(until)
            if connection is not None:
                return connection
        with self._turned_away.ticket() as ticket:
            while (seconds := until - self._loop.time()) > 0:
                connection = self._used_before() or await self._turned_away.wait(ticket, seconds)
                # One tries at a time: Exim lets no more than 20 wait to be accepted or refused.
                if connection is None and not self._openings and self._loop.time() < until:
                    connection = await self._opened(until)
                if connection is not None:
                    return connection
        raise self._busy()

    def _busy(self) -> RelayBusy:
        return RelayBusy(f"{self.settings.name}: no free connection in time")

    def _used_before(self, *, fresh: bool = False) -> RelayConnection | None:
        # Prefer the most recently used; the others may get too old and are closed.
        oldest = self._loop.time() - IDLE_SECONDS
        while self._idle and not fresh:
            since, idle = self._idle.pop()
            if idle.usable and since > oldest:
                self._in_use += 1
                return idle
            self._quit(idle)
        if self._idle:  # A new one is requested: close an idle one, so that the limit holds.
            self._quit(self._idle.pop(0)[1])
        return None

    async def _opened(self, until: float) -> RelayConnection | None:
        """Return a new connection, or None if the relay accepts no more than those in use."""
        opening: asyncio.Future[None] = self._loop.create_future()
        self._openings.add(opening)
        try:
            connection = await self._greeted(until)
        except (RelayLost, RelayRefuses) as error:
            self._openings.discard(opening)
            if is_one_too_many(error):
                # Exim refuses at once, while those it accepted are still being greeted.
                while self._openings and not self._has_some and self._loop.time() < until:
                    seconds = until - self._loop.time()
                    await asyncio.wait(
                        self._openings, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
                    )
                if self._has_some:
                    self._tell_it_takes_no_more(error)
                    return None
            self._observe(self.settings, error)
            raise
        finally:
            self._openings.discard(opening)
            opening.set_result(None)
        self._in_use += 1
        self._observe(self.settings, connection)
        self._turned_away.ask_again()  # The relay accepts connections again.
        return connection

    def _tell_it_takes_no_more(self, error: RelayLost | RelayRefuses) -> None:
        now = self._loop.time()
        if self._told is None or now - self._told > TOLD_SECONDS:
            self._told = now
            accepted = self._in_use + len(self._idle)
            name, reason = self.settings.name, str(error)
            log.warning("relay_takes_no_more", relay=name, connections=accepted, reason=reason)

    @property
    def _has_some(self) -> bool:
        """Whether the relay has accepted connections that are still open."""
        return bool(self._in_use or self._idle)

    async def _greeted(self, until: float) -> RelayConnection:
        try:
            async with asyncio.timeout_at(until):
                return await RelayConnection.open(self.settings)
        except TimeoutError as error:
            raise RelayUngreeting(f"{self.settings.name}: no greeting in time") from error

    def _keep(self, connection: RelayConnection) -> None:
        """Keep a connection that nobody uses for the next mail."""
        self._in_use -= 1
        if self._closed:
            connection.quit()
        else:
            self._idle.append((self._loop.time(), connection))

    def _quit(self, connection: RelayConnection) -> None:
        connection.quit()
        self._loop.call_later(NOTICED_SECONDS, self._turned_away.ask_again)

    def release(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Take a connection back; it is only reused if nothing on it is open.

        `unused`: no message was sent, so none counts towards the rate.
        """
        if unused:
            connection.resets += 1
            self._limits.give_turn_back()
        connection.served += 1
        most = EXIM_TRANSACTIONS if connection.is_exim else MAX_TRANSACTIONS
        is_welcome = (
            connection.served < most
            and connection.refusals < MAX_REFUSALS
            and connection.resets < MAX_RESETS
        )
        if connection.usable and is_welcome:
            self._turned_away.give(connection)
        else:
            self._in_use -= 1
            self._quit(connection)
        self._limits.give_slot_back()

    def discard(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Close a connection that may not be reused; `unused` as in `release`."""
        self.leave()
        if unused:
            self._limits.give_turn_back()
        connection.abort()

    def leave(self) -> None:
        """Stop counting a connection that somebody else keeps reading (a late verdict)."""
        self._in_use -= 1
        self._limits.give_slot_back()
        self._loop.call_later(NOTICED_SECONDS, self._turned_away.ask_again)

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
    Where TLS is implicit, Exim's 421 comes without it.
    """
    if isinstance(error, RelayRefuses):
        is_temporary = error.stage == "greeting" and 400 <= error.reply.code < 500
        return is_temporary or (error.stage == "TLS" and _WITHOUT_TLS in error.reply.text)
    return isinstance(error, RelayUngreeting)
