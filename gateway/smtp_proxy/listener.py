"""A listener: what all sessions at one listening address share.

It sends each session's greeting and EHLO response:

    s: 220 gateway.example.org ESMTP      or 554 outside its networks, 421 while it is full
    c: EHLO crm.example.org
    s: 250-gateway.example.org
    s: 250-PIPELINING
    s: 250-SIZE 50000000                  the smallest of ours and the relays'
    s: 250 8BITMIME                       what all of the listener's relays offer
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from gateway.core.kinds import By
from gateway.core.mail.envelope import Recipient, Sender
from gateway.core.mail.reply import Reply
from gateway.smtp_proxy.client_reader import ClientReader
from gateway.smtp_proxy.connection_limit import ConnectionLimit
from gateway.smtp_proxy.import_transaction import ImportSpool, ImportTransaction
from gateway.smtp_proxy.message_answer import STOPPING
from gateway.smtp_proxy.policy import ListenerPolicy
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.proxy_transaction import ProxyTransaction
from gateway.smtp_proxy.transaction_record import SmtpClient

_NOT_HERE = Reply.of("554 5.7.1 Access denied")
#: Seconds that a client waits until a relay is reached; how often to check.
_MOST_LATE, _LOOK = 3.0, 0.1
_UNKNOWN_RELAY = Reply.of("421 4.3.2 No relay has been reached yet; try again later")
#: Extensions of a listener for the importer.
_TAKEN_IN = ("SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_AUTH = frozenset(("AUTH",))
#: Extensions we offer if the relays do, in the order of our greeting.
_PASSED_ON = ("8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


class Session(Protocol):
    """A client's connection, as seen by its listener."""

    def release_idle_relay(self, now: float) -> None:
        """Release an idle relay connection for others."""

    def check(self, now: float) -> None:
        """End a wait that has lasted too long."""

    def stop(self) -> None:
        """End once the client has no transaction in progress."""

    def interrupt(self) -> None:
        """End at the next wait for the client."""

    @property
    def work(self) -> "asyncio.Task[None]":
        """Done when everything the session had in progress is finished."""


class Transaction(Protocol):
    """One incoming message, from MAIL to the replies after its content."""

    @property
    def utf8(self) -> bool:
        """Whether non-ASCII addresses are allowed."""

    @property
    def has_recipients(self) -> bool:
        """Whether there is still somebody to send to."""

    async def refusal(self) -> Reply | None:
        """Return one reply for the refusals of all recipients; None: there were no recipients."""

    async def recipients(self, recipients: Sequence[Recipient]) -> list[Reply]:
        """Accept recipients; return the reply to the client for each."""

    def note_refused(self, argument: bytes | None, reply: Reply) -> None:
        """Record a recipient with invalid syntax."""

    async def content(self, client_reader: ClientReader) -> list[Reply]:
        """Accept the content; return the replies to the client."""

    def hang_up(self) -> None:
        """Release everything held, at once."""

    @property
    def holds_relay(self) -> bool:
        """Whether something is held that an idle client could do without for a while."""

    @property
    def is_waited_for(self) -> bool:
        """Whether others are waiting for it."""

    async def release_relay(self) -> None:
        """Release what others could use while the client is idle."""

    async def abandon(self, by: By) -> None:
        """End without content."""


_TIMED = 50  #: Messages a second whose duration is measured; more would add nothing.


class Listener:
    """One listener in one worker."""

    def __init__(
        self, settings: ListenerPolicy, services: ProxyServices, connection_limit: ConnectionLimit
    ) -> None:
        self.settings = settings
        self._services = services
        self._connection_limit = connection_limit
        self._stopping = False
        self.sessions: dict[Session, str] = {}  #: With the clients' addresses.
        self._times: list[float] = []
        self._basis: tuple[object, object] = (None, None)  # of the following
        self._common: frozenset[str] = frozenset()
        self._greeting = _UNKNOWN_RELAY
        self._ehlo: dict[str, bytes] = {}  # responses made since then, by their last line

    @property
    def hostname(self) -> str:
        """Our host name."""
        return self._services.policy.hostname

    @property
    def max_size(self) -> int:
        """The maximum size of content, in octets."""
        return self._services.policy.max_size

    @property
    def is_strict(self) -> bool:
        """Whether lines that end in LF alone are refused."""
        return not self._services.policy.normalise_newlines

    def admit(self, session: Session, peer: str) -> Reply | None:
        """Admit a connection, or return the reply that refuses it."""
        if not self.settings.admits(peer):
            refusal: Reply | None = _NOT_HERE
        elif self._stopping:
            refusal = STOPPING
        else:
            most = self._services.policy.max_per_client
            refusal = self._connection_limit.objection(peer, most)
        if refusal is not None:
            self._services.metrics.refused("connection").inc()
            return refusal
        self.sessions[session] = peer
        self._connection_limit.enter(peer)
        return None

    def forget_session(self, session: Session) -> None:
        """Forget a closed connection."""
        peer = self.sessions.pop(session, None)
        if peer is not None:
            self._connection_limit.leave(peer)

    def count(self) -> None:
        """Add what was counted since the last second to the metrics."""
        self._services.metrics.connections(self.settings.name).set(len(self.sessions))
        times, self._times = self._times, []
        for seconds in times:
            self._services.metrics.message_seconds.observe(seconds)

    # Clients are offered what the relays offered last.

    def greeting(self) -> Reply:
        """Return the banner; 421 while no relay has ever been reached."""
        self._keep_up()
        return self._greeting

    async def greeting_in_time(self) -> Reply:
        """Return the banner once a relay has been reached; 421 if none is in time.

        A client that gets 421 may count its mail as failed. It waits minutes for a banner (RFC
        5321, 4.5.3.2.1), and a gateway that was just started may reach its relay a moment later.
        """
        for _ in range(round(_MOST_LATE / _LOOK)):
            if self._stopping or self.greeting().code == 220:
                break
            await asyncio.sleep(_LOOK)
        return self.greeting()

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions whose parameters are accepted."""
        self._keep_up()
        return self._common

    def _keep_up(self) -> None:
        basis = self._services.offers, self._services.policy
        if self._basis[0] is basis[0] and self._basis[1] is basis[1]:
            return
        self._basis = basis
        self._ehlo = {}
        offers = self._offers()
        common = frozenset(offers[0]).intersection(*offers[1:]) if offers else frozenset()
        # AUTH is between two neighbours: a relay that offers it says nothing about us.
        self._common = common - _AUTH | (_AUTH if self.settings.users is not None else frozenset())
        self._greeting = self._banner() if offers else _UNKNOWN_RELAY

    def _banner(self) -> Reply:
        return Reply(220, (f"{self.hostname} {'LMTP' if self.settings.lmtp else 'ESMTP'}",))

    def answer_to_ehlo(self, last: str) -> bytes:
        """Return the response to EHLO, with the session's own last line unless that is empty.

        It is built once for as long as the relays offer the same extensions.
        """
        self._keep_up()
        answer = self._ehlo.get(last)
        if answer is None:
            lines = [self.hostname, *self.offers(), *filter(None, [last])]
            answer = self._ehlo[last] = Reply(250, tuple(lines)).octets
        return answer

    def offers(self) -> list[str]:
        """Return the lines of the EHLO response."""
        common, size = self.extensions, []
        if "SIZE" in common:
            their_sizes = (offer.get("SIZE", "") for offer in self._offers())
            limits = [int(limit) for limit in their_sizes if limit.isdigit() and int(limit)]
            size = [f"SIZE {min([self.max_size, *limits])}"]
        return ["PIPELINING", *size, *(word for word in _PASSED_ON if word in common)]

    def _offers(self) -> list[dict[str, str]]:
        """Return the offers of those of the listener's relays that have ever been reached."""
        offers, settings = self._services.offers, self.settings.name
        return [
            offers[relay.name]
            for relay in self._services.policy.relays
            if relay.name in offers
            and (not relay.match.listeners or settings in relay.match.listeners)
        ]

    # For the sessions

    def transaction(self, client: SmtpClient, sender: Sender) -> Transaction:
        """Begin a transaction."""
        return ProxyTransaction(self._services, self.settings, client, sender)

    def note_duration(self, seconds: float) -> None:
        """Record how long a message took."""
        if len(self._times) < _TIMED:
            self._times.append(seconds)

    def count_failed_login(self) -> None:
        """Count a wrong password."""
        self._services.metrics.refused("login").inc()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something the session doesn't wait for."""
        self._services.spawn(work)

    # The end

    def stop(self) -> None:
        """Accept no more clients, and end every session without a transaction in progress."""
        self._stopping = True
        for session in tuple(self.sessions):
            session.stop()

    def interrupt(self) -> None:
        """End every session that is waiting for its client."""
        for session in tuple(self.sessions):
            session.interrupt()

    async def wait_until_empty(self) -> None:
        """Wait until every session has finished its work."""
        while self.sessions:
            await asyncio.wait({session.work for session in self.sessions})
            await asyncio.sleep(0)  # Connections end after their sessions.


class ImportListener(Listener):
    """A listener with purpose `import`: it has no relay."""

    def __init__(
        self,
        settings: ListenerPolicy,
        services: ProxyServices,
        connection_limit: ConnectionLimit,
        spool: ImportSpool,
    ) -> None:
        super().__init__(settings, services, connection_limit)
        self._spool = spool

    @property
    def max_size(self) -> int:
        """The maximum size of content, in octets."""
        return self._spool.max_size

    def greeting(self) -> Reply:
        """Return the banner."""
        return self._banner()

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions whose parameters are accepted."""
        return frozenset(_TAKEN_IN) | (_AUTH if self.settings.users is not None else frozenset())

    def offers(self) -> list[str]:
        """Return the lines of the EHLO response."""
        return ["PIPELINING", f"SIZE {self.max_size}", *_TAKEN_IN[1:]]

    def transaction(self, client: SmtpClient, sender: Sender) -> Transaction:
        """Begin a transaction."""
        del client
        return ImportTransaction(
            self._spool,
            sender,
            listener=self.settings.name,
            lmtp=self.settings.lmtp,
            clock=self._services.monotonic,
        )
