"""The connections to one relay: reused, limited in number and in messages a minute."""

import asyncio
from collections.abc import Callable

from gateway.core.mail.reply import Reply
from gateway.delivery.accepted import AcceptedConnections
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses, RelayUngreeting
from gateway.delivery.connection_queue import ConnectionQueue
from gateway.delivery.full_relay import FullRelay
from gateway.delivery.openings import SLOW_SECONDS, Openings
from gateway.delivery.rate_limit import RateLimit
from gateway.delivery.settings import RelaySettings

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
#: Connections begun within this time are one burst: a relay accepts as many of them as it can.
BURST_SECONDS = 1.0

#: How OpenSSL calls an answer that isn't TLS.
_WITHOUT_TLS = "WRONG_VERSION_NUMBER"

Observer = Callable[[RelaySettings, "RelayConnection | RelayLost | RelayRefuses"], None]


class RelayBusy(RelayLost):
    """No connection became free, or no message was allowed, in the time left."""

    def __init__(self, relay: str) -> None:
        """`relay` is its name."""
        super().__init__(f"{relay}: no free connection in time")


class Pool:
    """This process's share of the connections to a relay.

    Mails that want a connection get one in turn, whichever is available first: one that another
    mail has finished with, or a new one. As many are opened as are waited for, within the limit,
    but no mail waits for a particular one. Two mails that arrive while no connection is idle cause
    two to be opened; if the relay takes five seconds to greet (sendmail's greet_pause), and the
    only one in use becomes free after 20 ms and again after 40, both mails use that one.

    A relay may accept no more connections than it has: Exim and Postfix greet the next one with
    421, Courier closes it, sendmail refuses it or never greets. Then one more is tried at a time,
    now and then, and the relay isn't reported as unreachable.
    """

    def __init__(
        self,
        settings: RelaySettings,
        *,
        connections: int,
        per_minute: float | None,
        observe: Observer,
    ) -> None:
        self.settings = settings
        self._most = connections
        self._pace = RateLimit(per_minute) if per_minute else None
        self._observe = observe
        self._accepted = AcceptedConnections(ended=self._make_room)
        self._full = FullRelay(settings.name)
        self._openings = Openings()
        self._waiting = ConnectionQueue()
        self._worked_at = 0.0  # when a connection was last opened or given back
        self._timer: asyncio.TimerHandle | None = None  # to ask a full relay again
        self._loop = asyncio.get_running_loop()

    @property
    def is_crowded(self) -> bool:
        """Whether more are waiting than connections are being opened."""
        return len(self._waiting) > self._openings.in_time(self._loop.time())

    def idle_now(self) -> RelayConnection | None:
        """Return a connection for one transaction if one is idle; else None."""
        return None if self._pace is not None else self._accepted.take_idle()

    async def acquire(self, seconds: float, *, fresh: bool = False) -> RelayConnection:
        """Return a connection for one transaction within that many seconds.

        Raise `RelayBusy` if the limits leave none in time, `RelayLost` or `RelayRefuses` if the
        relay can't be reached. With `fresh`, it is never one that was idle.
        """
        until = self._loop.time() + seconds
        if self._pace is not None:
            try:
                async with asyncio.timeout(seconds):
                    await self._pace.wait()
            except TimeoutError as error:
                raise RelayBusy(self.settings.name) from error

        is_given = False
        try:
            connection = await self._next_connection(until, fresh=fresh)
            is_given = True
        finally:
            if not is_given and self._pace is not None:
                self._pace.give_back()
        return connection

    async def _next_connection(self, until: float, *, fresh: bool) -> RelayConnection:
        if not fresh and (idle := self._accepted.take_idle()):
            return idle
        self._accepted.close_idle()  # It makes room for a new one within the limit.
        began, turn = self._loop.time(), self._waiting.join()
        timer = self._loop.call_at(until, self._time_is_up, turn, began)
        if self._openings or len(self._accepted) < self._most:
            self._open_more(self._openings.in_time(began, self._worked_at) + 1)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._leave_queue(turn)
            elif turn.exception() is None:
                self._give(turn.result())
            raise
        finally:
            timer.cancel()

    def _time_is_up(self, turn: asyncio.Future[RelayConnection], began: float) -> None:
        if turn.done():
            return
        error: RelayLost = RelayBusy(self.settings.name)
        # After a short wait nothing is known about whether the relay greets.
        enough = min(SLOW_SECONDS, self.settings.budget.total_seconds() / 2)
        has_waited = self._loop.time() - began >= enough
        if has_waited and self._openings and not self._accepted and self._worked_at < began:
            error = RelayUngreeting(f"{self.settings.name}: no greeting in time")
            self._observe(self.settings, error)
        self._leave_queue(turn)
        turn.set_exception(error)

    def _leave_queue(self, turn: asyncio.Future[RelayConnection]) -> None:
        self._waiting.leave(turn)
        if len(self._openings) > len(self._waiting):
            self._openings.give_up_newest()

    def _open_more(self, number: int = 0) -> None:
        """Open so many, or as many as are waited for, if the limit and the relay allow it."""
        now = self._loop.time()
        if not (self._accepted or self._openings):
            self._full.note_none_left(now)
        number = max(number, len(self._waiting))
        while (in_time := self._openings.in_time(now, self._worked_at)) < number:
            if len(self._accepted) + len(self._openings) >= self._most:
                if in_time == len(self._openings):
                    return
                self._openings.give_up_oldest(now)
            if (ask_at := self._full.ask(now)) > now:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = self._loop.call_at(ask_at, self._open_more)
                return
            self._openings.add(self._loop.create_task(self._open(now)), now)

    async def _open(self, began: float) -> None:
        try:
            opened: RelayConnection | Exception = await RelayConnection.open(self.settings)
        except Exception as error:  # Passed on to whoever waits for it, whatever it is.
            opened = error
        self._openings.remove(asyncio.current_task())
        if isinstance(opened, Exception):
            self._opening_failed(opened, began)
        else:
            self._openings.note_succeeded(began, self._loop.time())
            self._accepted.in_use += 1
            self._observe(self.settings, opened)
            self._give(opened)
            self._full.note_accepted(self._loop.time(), are_others_waiting=bool(self._waiting))
        self._open_more()

    def _opening_failed(self, error: Exception, began: float) -> None:
        """Fail those who wait, unless the relay has accepted other connections or may do so."""
        is_too_many = is_one_too_many(error)
        is_lost = is_too_many or isinstance(error, RelayLost)
        if is_lost:
            if self._may_be_full(began, is_too_many=is_too_many):
                self._full.note_refused(self._loop.time(), len(self._accepted), str(error))
                return
            if self._worked_at >= began:
                return  # It is tried once more.
        if isinstance(error, RelayLost | RelayRefuses):
            self._observe(self.settings, error)
        # If the relay accepts none, every opening that somebody waits for has failed.
        while (turn := self._waiting.next()) is not None:
            turn.set_exception(error)
            if not is_lost:
                return

    def _may_be_full(self, began: float, *, is_too_many: bool) -> bool:
        """Whether a relay that refused a connection may work: it has others, or soon will."""
        now = self._loop.time()
        # Exim refuses at once, while those it accepted are still being greeted.
        is_greeting = self._openings.are_any_before(began + BURST_SECONDS)
        if is_greeting or self._full.has_just_ended_one(now, is_too_many=is_too_many):
            return True
        if is_too_many:
            return bool(self._accepted)
        # Connections to a machine that has gone still seem to be in use.
        return self._accepted.in_use > 0 and now - self._worked_at < SLOW_SECONDS

    def _give(self, connection: RelayConnection) -> None:
        """Give a connection to whoever has waited longest, or keep it for the next mail."""
        self._worked_at = self._loop.time()
        turn = self._waiting.next()
        if turn is None:
            self._accepted.keep(connection)
        else:
            turn.set_result(connection)

    def _make_room(self) -> None:
        """Open another connection for those who wait, as one has ended."""
        self._full.note_ended(self._loop.time())
        if self._waiting:
            self._open_more()

    def release(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Take a connection back; it is reused only if nothing is in progress on it.

        `unused`: no message was sent, so none counts towards the rate.
        """
        if unused:
            connection.resets += 1
            if self._pace is not None:
                self._pace.give_back()
        connection.served += 1
        most = EXIM_TRANSACTIONS if connection.is_exim else MAX_TRANSACTIONS
        is_welcome = (
            connection.served < most
            and connection.refusals < MAX_REFUSALS
            and connection.resets < MAX_RESETS
        )
        if connection.is_usable and is_welcome:
            self._give(connection)
        else:
            connection.quit()
            self.stop_counting()

    def discard(self, connection: RelayConnection, *, unused: bool = False) -> None:
        """Close a connection that may not be reused; `unused` as in `release`."""
        if unused and self._pace is not None:
            self._pace.give_back()
        connection.abort()
        self.stop_counting()

    def stop_counting(self) -> None:
        """Stop counting a connection that somebody else keeps reading (a late verdict)."""
        self._accepted.in_use -= 1
        self._make_room()

    def sweep(self) -> None:
        """Close connections that have been idle for too long."""
        self._accepted.sweep()

    def report_refusal(self, stage: str, reply: Reply) -> None:
        """Report that the relay refuses the gateway itself in the middle of a session."""
        self._observe(self.settings, RelayRefuses(stage, reply))

    def close(self) -> None:
        """Close idle connections now, and those in use when they are returned."""
        self._accepted.close()


def is_one_too_many(error: Exception) -> bool:
    """Whether a relay that accepts other connections may have refused one as too many.

    Exim (smtp_accept_max, 20 by default) and Postfix greet with 421; where TLS is implicit, Exim's
    421 comes without it. Courier (MAXPERIP, 5) closes it. If more come at once than its queue of 10
    has room for, some are never greeted by sendmail; above MaxDaemonChildren it refuses any, as if
    it were down.
    """
    if not isinstance(error, RelayRefuses):
        return isinstance(error, RelayUngreeting)
    is_temporary = error.stage == "greeting" and 400 <= error.reply.code < 500
    return is_temporary or (error.stage == "TLS" and _WITHOUT_TLS in error.reply.text)
