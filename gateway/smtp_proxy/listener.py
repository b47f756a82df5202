"""A listener: what the sessions of one address that mail comes in at share.

It says the first word of each session, and what is offered there:

    s: 220 gateway.example.org ESMTP      or 554 to whom its networks keep out, 421 while it is full
    c: EHLO crm.example.org
    s: 250-gateway.example.org
    s: 250-PIPELINING
    s: 250-SIZE 50000000                  the smallest of ours and of the relays'
    s: 250 8BITMIME                       what each of the listener's relays offers, too
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
from gateway.smtp_proxy.policy import ListenerPolicy
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.proxy_transaction import ProxyTransaction
from gateway.smtp_proxy.transaction_record import SmtpClient

_NOT_HERE = Reply.of("554 5.7.1 Access denied")
_STOPPING = Reply.of("421 4.3.2 The gateway is stopping; try again later")
_MOST_LATE, _LOOK = 3.0, 0.1  #: Seconds that a client waits for a relay to be seen; how often.
_UNKNOWN_RELAY = Reply.of("421 4.3.2 No relay has been reached yet; try again later")
#: Extensions of a listener for the importer.
_TAKEN_IN = ("SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_AUTH = frozenset(("AUTH",))
#: Extensions that a relay's offer lets us offer, in the order of our greeting.
_PASSED_ON = ("8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


class Session(Protocol):
    """A client's connection, as its listener sees it."""

    def make_way(self, now: float) -> None:
        """Let others use a relay connection that is idle here."""

    def check(self, now: float) -> None:
        """End a wait that has lasted too long."""

    def stop(self) -> None:
        """End once its client has no transaction in hand."""

    def interrupt(self) -> None:
        """End at the next wait for the client."""

    @property
    def work(self) -> "asyncio.Task[None]":
        """Ends when everything the session had in hand is finished."""


class Transaction(Protocol):
    """One message on its way in, from MAIL to the replies after its content."""

    @property
    def utf8(self) -> bool:
        """Whether addresses beyond ASCII may be named."""

    @property
    def has_recipients(self) -> bool:
        """Whether somebody is left to send to."""

    async def refusal(self) -> Reply | None:
        """Return one reply for the refusals of all recipients; None: there were no recipients."""

    async def recipients(self, recipients: Sequence[Recipient]) -> list[Reply]:
        """Take recipients in; return what the client hears for each."""

    def refused(self, argument: bytes | None, reply: Reply) -> None:
        """Take note of a recipient that the grammar refused."""

    async def content(self, client_reader: ClientReader) -> list[Reply]:
        """Take the content; return what the client hears."""

    def hang_up(self) -> None:
        """Let go of whatever is held, at once."""

    @property
    def stands_by(self) -> bool:
        """Whether something is held that could be had back, while the client thinks."""

    @property
    def is_in_the_way(self) -> bool:
        """Whether others wait for it."""

    async def step_aside(self) -> None:
        """Let go of what others could use while the client thinks."""

    async def abandon(self, by: By) -> None:
        """End without content."""


_TIMED = 50  #: Messages a second whose time is measured; more tell nothing new.


class Listener:
    """One listener in one worker."""

    def __init__(
        self, settings: ListenerPolicy, services: ProxyServices, connection_limit: ConnectionLimit
    ) -> None:
        self.settings = settings
        self._services = services
        self._connection_limit = connection_limit
        self._stopping = False
        self.sessions: dict[Session, str] = {}  #: And the addresses of the clients.
        self._times: list[float] = []
        self._known: tuple[object, object] = (None, None)  # what the next was worked out from
        self._common: frozenset[str] = frozenset()
        self._greeting = _UNKNOWN_RELAY
        self._ehlo: dict[str, bytes] = {}  # answers made since then, by their last line

    @property
    def hostname(self) -> str:
        """Our name."""
        return self._services.policy.hostname

    @property
    def max_size(self) -> int:
        """Octets of content that are taken at most."""
        return self._services.policy.max_size

    @property
    def strict(self) -> bool:
        """Whether lines that end in LF alone are refused."""
        return not self._services.policy.normalise_newlines

    def admit(self, session: Session, peer: str) -> Reply | None:
        """Let a connection in, or return what it hears instead."""
        if not self.settings.admits(peer):
            refusal: Reply | None = _NOT_HERE
        elif self._stopping:
            refusal = _STOPPING
        else:
            most = self._services.policy.max_per_client
            refusal = self._connection_limit.objection(peer, most)
        if refusal is not None:
            self._services.metrics.refused("connection").inc()
            return refusal
        self.sessions[session] = peer
        self._connection_limit.enter(peer)
        return None

    def left(self, session: Session) -> None:
        """Forget a connection that is gone."""
        peer = self.sessions.pop(session, None)
        if peer is not None:
            self._connection_limit.leave(peer)

    def count(self) -> None:
        """Bring what was counted since the last second into the metrics."""
        self._services.metrics.connections(self.settings.name).set(len(self.sessions))
        times, self._times = self._times, []
        for seconds in times:
            self._services.metrics.message_seconds.observe(seconds)

    # What the relays offered last is what a client is offered.

    def greeting(self) -> Reply:
        """Return the banner; 421 while no relay has ever said what it takes."""
        self._keep_up()
        return self._greeting

    async def greeting_in_time(self) -> Reply:
        """Return the banner, once a relay has said what it takes; 421 if none does in time.

        A client that hears 421 may count its mail as failed. It waits minutes for a banner (RFC
        5321, 4.5.3.2.1), and a gateway that was just started may know its relay a moment later.
        """
        for _ in range(round(_MOST_LATE / _LOOK)):
            if self._stopping or self.greeting().code == 220:
                break
            await asyncio.sleep(_LOOK)
        return self.greeting()

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions whose parameters are understood."""
        self._keep_up()
        return self._common

    def _keep_up(self) -> None:
        known = self._services.offers, self._services.policy
        if self._known[0] is known[0] and self._known[1] is known[1]:
            return
        self._known = known
        self._ehlo = {}
        offers = self._offers()
        common = frozenset(offers[0]).intersection(*offers[1:]) if offers else frozenset()
        # AUTH is between two neighbours: that the relay has it says nothing of us.
        self._common = common - _AUTH | (_AUTH if self.settings.users is not None else frozenset())
        self._greeting = self._banner() if offers else _UNKNOWN_RELAY

    def _banner(self) -> Reply:
        return Reply(220, (f"{self.hostname} {'LMTP' if self.settings.lmtp else 'ESMTP'}",))

    def answer_to_ehlo(self, last: str) -> bytes:
        """Return the answer to EHLO, with the session's own last line unless that is empty.

        It is made once for as long as the relays offer the same extensions.
        """
        self._keep_up()
        answer = self._ehlo.get(last)
        if answer is None:
            lines = [self.hostname, *self.offers(), *filter(None, [last])]
            answer = self._ehlo[last] = Reply(250, tuple(lines)).octets
        return answer

    def offers(self) -> list[str]:
        """Return the lines of EHLO's answer."""
        common, size = self.extensions, []
        if "SIZE" in common:
            theirs = (offer.get("SIZE", "") for offer in self._offers())
            limits = [int(limit) for limit in theirs if limit.isdigit() and int(limit)]
            size = [f"SIZE {min([self.max_size, *limits])}"]
        return ["PIPELINING", *size, *(word for word in _PASSED_ON if word in common)]

    def _offers(self) -> list[dict[str, str]]:
        """Return what those of the listener's relays offer that were ever seen."""
        known, settings = self._services.offers, self.settings.name
        return [
            known[relay.name]
            for relay in self._services.policy.relays
            if relay.name in known
            and (not relay.match.listeners or settings in relay.match.listeners)
        ]

    # What a session needs

    def transaction(self, client: SmtpClient, sender: Sender) -> Transaction:
        """Begin a transaction."""
        return ProxyTransaction(self._services, self.settings, client, sender)

    def took(self, seconds: float) -> None:
        """Count how long a message took."""
        if len(self._times) < _TIMED:
            self._times.append(seconds)

    def failed_login(self) -> None:
        """Count a wrong password."""
        self._services.metrics.refused("login").inc()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something the session doesn't wait for."""
        self._services.spawn(work)

    # The end

    def stop(self) -> None:
        """Take nobody in any more, and end every session but those within a transaction."""
        self._stopping = True
        for session in tuple(self.sessions):
            session.stop()

    def interrupt(self) -> None:
        """End every session that waits for its client."""
        for session in tuple(self.sessions):
            session.interrupt()

    async def empty(self) -> None:
        """Wait until every session has finished its work."""
        while self.sessions:
            await asyncio.wait({session.work for session in self.sessions})
            await asyncio.sleep(0)  # The connections' ends are told after the sessions'.


class ImportListener(Listener):
    """A listener with purpose `import`: it knows no relay."""

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
        """Octets of content that are taken at most."""
        return self._spool.max_size

    def greeting(self) -> Reply:
        """Return the banner."""
        return self._banner()

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions whose parameters are understood."""
        return frozenset(_TAKEN_IN) | (_AUTH if self.settings.users is not None else frozenset())

    def offers(self) -> list[str]:
        """Return the lines of EHLO's answer."""
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
