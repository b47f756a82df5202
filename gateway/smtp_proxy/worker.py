"""One process of the `smtp` role: its listeners, its periodic checks, and its shutdown."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Mapping, Sequence
from datetime import timedelta

from gateway import logs
from gateway.delivery.connection import RelayLost, RelayRefuses
from gateway.smtp_proxy.connection_limit import ConnectionLimit
from gateway.smtp_proxy.import_transaction import ImportSpool
from gateway.smtp_proxy.listener import ImportListener, Listener
from gateway.smtp_proxy.policy import ListenerPolicy, Policy
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.session import GatewaySMTP
from gateway.store.engine.database import StoreUnavailable

log = logs.get("smtp_proxy")

OPEN_SECONDS = 5.0  #: In which a transaction may reach its dot when the gateway stops.
FINISH_SECONDS = 25.0  #: In which, in total, the relay may then answer the dots.
_MOST_DESCRIPTORS = 65_536
_DESCRIPTORS_PER_SESSION = 3
HELP = timedelta(seconds=0.05)  #: Between two checks for connections waiting at other workers.
_RETRY_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 30.0


class SmtpWorker:
    """Listens, and does the housekeeping."""

    def __init__(self, services: ProxyServices, spool: ImportSpool | None = None) -> None:
        """Accept mail; `spool` is where mail for the importer is stored."""
        self._services = services
        self._spool = spool
        self._listeners: dict[str, Listener] = {}
        self._listening: set[socket.socket] = set()
        self._closing = False
        self._unseen: dict[str, str] = {}  # why relays could never be reached
        self._loop = asyncio.get_running_loop()
        # Allow as many open files as the system does.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = min(hard, _MOST_DESCRIPTORS) if hard != resource.RLIM_INFINITY else _MOST_DESCRIPTORS
        if most > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        self._connection_limit = ConnectionLimit(max(soft, most) // _DESCRIPTORS_PER_SESSION)

    def open(
        self, listeners: Sequence[ListenerPolicy], sockets: Mapping[str, Sequence[socket.socket]]
    ) -> None:
        """Begin to accept connections."""
        for settings in listeners:
            if settings.imports:
                assert self._spool is not None
                listener: Listener = ImportListener(
                    settings, self._services, self._connection_limit, self._spool
                )
            else:
                listener = Listener(settings, self._services, self._connection_limit)
            self._listeners[settings.name] = listener
            listener.count()  # Open the metrics files while there are file descriptors left.
            for bound in sockets[settings.name]:
                self.listen(bound, listener)

    def listen(self, bound: socket.socket, listener: Listener) -> None:
        """Accept connections at a socket; pause if the system has no room for one."""

        def accept() -> None:
            try:
                self._accept(bound, listener)
            except OSError as error:
                log.error("cannot_accept", reason=error.strerror)
                self._loop.remove_reader(bound)
                self._listening.discard(bound)
                self._loop.call_later(_RETRY_SECONDS, self.listen, bound, listener)

        if not self._closing:
            self._listening.add(bound)
            self._loop.add_reader(bound, accept)

    def _accept(self, bound: socket.socket, listener: Listener) -> None:
        """Accept one connection, if one is waiting."""
        try:
            client, _ = bound.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        client.setblocking(False)
        self._services.spawn(self.begin_session(client, listener))

    async def begin_session(self, client: socket.socket, listener: Listener) -> None:
        """Begin a session with a client, inside TLS if the listener uses implicit TLS."""
        settings = listener.settings
        context = settings.context if settings.tls == "implicit" else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: GatewaySMTP(listener), client, ssl=context
            )
        except OSError as error:
            log.warning("tls_failed", listener=settings.name, reason=str(error))
            client.close()

    async def help(self, others: Mapping[str, Sequence[socket.socket]]) -> None:
        """Accept connections that are waiting at dead or busy workers."""
        if self._closing:
            return
        with contextlib.suppress(OSError):  # Our own listeners report it when there is no room.
            for name, sockets in others.items():
                if (listener := self._listeners.get(name)) is not None:
                    for bound in sockets:
                        self._accept(bound, listener)

    def apply(self, policy: Policy, listeners: Sequence[ListenerPolicy]) -> None:
        """Use new settings; sessions do so from their next transaction on."""
        self._services.apply(policy)
        for settings in listeners:
            self._listeners[settings.name].settings = settings

    async def sweep(self) -> None:
        """End waits that last too long; update the metrics."""
        now = self._loop.time()
        for listener in self._listeners.values():
            for session in tuple(listener.sessions):
                session.check(now)
                session.release_idle_relay(now)
        self._services.sweep()
        for listener in self._listeners.values():
            listener.count()

    async def release_idle_relays(self) -> None:
        """Help those waiting for a relay connection that others hold but don't use."""
        if self._services.is_crowded:
            now = self._loop.time()
            for listener in self._listeners.values():
                for session in tuple(listener.sessions):
                    session.release_idle_relay(now)

    async def reach_relays(self) -> timedelta:
        """Connect to every relay not reached so far; return when to check again."""
        unseen = [
            relay
            for relay in self._services.policy.relays
            if relay.name not in self._services.offers
        ]
        for relay in unseen:
            pool = self._services.pool(relay)
            try:
                pool.release(await pool.acquire(_ASK_AGAIN_SECONDS))
            except (RelayLost, RelayRefuses) as error:
                reason = str(error)
                if self._unseen.get(relay.name) != reason:  # It is tried every second.
                    self._unseen[relay.name] = reason
                    log.warning("relay_not_seen_yet", relay=relay.name, reason=reason)
        return timedelta(seconds=_RETRY_SECONDS if unseen else _ASK_AGAIN_SECONDS)

    async def close(self) -> None:
        """Accept nobody; finish what reaches its dot in time, 421 to the rest."""
        self._closing = True
        for bound in self._listening:
            self._loop.remove_reader(bound)
        for listener in self._listeners.values():
            listener.stop()
        if not await self._wait_until_empty(OPEN_SECONDS):
            for listener in self._listeners.values():
                listener.interrupt()
            if not await self._wait_until_empty(FINISH_SECONDS - OPEN_SECONDS):
                log.error("sessions_cut_off")
        await self._services.settle(1.0)

    async def _wait_until_empty(self, within: float) -> bool:
        """Wait until no session is left; return False if some are after that many seconds."""
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(
                    *(listener.wait_until_empty() for listener in self._listeners.values())
                )
        except TimeoutError:
            return False
        return True


def put_off(chore: str, error: Exception) -> None:
    """Log why a chore waits for its next turn; mail continues meanwhile."""
    if isinstance(error, (StoreUnavailable, OSError)):
        log.warning("chore_put_off", chore=chore, reason=str(error))
    else:
        log.error("chore_failed", chore=chore, exc_info=error)
