"""A relay that records every octet it receives and fails where it is told to."""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from tests.rig.faults import Action, Fault, FaultTable, Stage
from tests.rig.process import LOOPBACK
from tests.rig.records import Connection, Transaction
from tests.rig.sink_session import Session

EXTENSIONS = (
    b"PIPELINING",
    b"SIZE 104857600",
    b"8BITMIME",
    b"SMTPUTF8",
    b"DSN",
    b"ENHANCEDSTATUSCODES",
)


@dataclass(slots=True, kw_only=True)
class SinkSettings:
    """What the sink offers; can be changed while it runs, for later sessions."""

    extensions: Sequence[bytes] = EXTENSIONS  #: STARTTLS and AUTH are added if applicable.
    tls: Literal["none", "starttls", "implicit"] = "none"
    context: ssl.SSLContext | None = None
    credentials: dict[bytes, bytes] = field(default_factory=dict)  #: Password or token by login.
    mechanisms: Sequence[bytes] = (b"PLAIN", b"LOGIN", b"XOAUTH2")
    auth_required: bool = False
    banner: bytes = b"220 sink.example ESMTP"


class RawSink:
    """An SMTP server on 127.0.0.1 for tests; everything it saw is in plain lists."""

    def __init__(self, settings: SinkSettings | None = None) -> None:
        self.settings = settings or SinkSettings()
        self.faults = FaultTable()
        self.connections: list[Connection] = []
        self.transactions: list[Transaction] = []  #: Every accepted MAIL, in order.
        self.messages: list[Transaction] = []  #: Those whose final dot arrived, in that order.
        self.port = 0
        self._server: asyncio.Server | None = None
        self._sessions: set[Session] = set()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @classmethod
    async def start(cls, settings: SinkSettings | None = None) -> Self:
        """Return a sink, already listening."""
        sink = cls(settings)
        await sink.listen()
        return sink

    async def __aenter__(self) -> Self:
        if self._server is None:
            await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self) -> None:
        """Accept connections (again), on the same port as before."""
        context = self.settings.context if self.settings.tls == "implicit" else None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Session(self), LOOPBACK, self.port, ssl=context, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Stop listening: new connections are refused, open ones continue."""
        if self._server is not None:
            self._server.close()
        self._server = None

    def drop_connections(self) -> None:
        """Break all open connections."""
        for session in list(self._sessions):
            session.abort()

    async def restart(self) -> None:
        """Break all connections and listen again, like a relay that was restarted."""
        self.refuse()
        self.drop_connections()
        await self.listen()

    async def close(self) -> None:
        """Stop listening and end every session."""
        self.refuse()
        sessions = list(self._sessions)
        self.drop_connections()
        await asyncio.gather(*(session.task for session in sessions), return_exceptions=True)

    # Faults

    def fault(
        self,
        stage: Stage,
        action: Action,
        *,
        address: bytes | None = None,
        times: int | None = None,
        skip: int = 0,
    ) -> None:
        """From now on, do this at that stage; see `Fault` for the limits."""
        self.faults.add(Fault(stage=stage, action=action, address=address, times=times, skip=skip))

    # What it saw

    @property
    def accepted(self) -> list[Transaction]:
        """The messages answered with 2xx after their final dot."""
        return [message for message in self.messages if message.is_accepted]

    @property
    def open_connections(self) -> int:
        return len(self._sessions)

    def forget(self) -> None:
        """Clear the lists; open connections and faults stay."""
        for seen in (self.connections, self.transactions, self.messages):
            seen.clear()

    # Waiting

    async def wait_for(self, count: int, timeout: float = 30.0) -> list[Transaction]:
        """Wait for this many final dots in total and return the messages."""
        what = f"{count} messages"
        await self.wait_until(lambda: len(self.messages) >= count, what, timeout)
        return self.messages

    async def wait_until(
        self, condition: Callable[[], bool], what: str = "the condition", timeout: float = 30.0
    ) -> None:
        """Wait until the condition holds; it is checked whenever something happens here."""
        if condition():
            return
        happened = asyncio.get_running_loop().create_future()
        entry = (condition, happened)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await happened
        except TimeoutError:
            raise AssertionError(f"waited {timeout:g} s for {what}; {self}") from None
        finally:
            self._waiting.remove(entry)

    def __str__(self) -> str:
        return (
            f"the sink saw {len(self.connections)} connections ({self.open_connections} open), "
            f"{len(self.transactions)} transactions, {len(self.messages)} messages"
        )

    # Called by the sessions

    def opened(self, session: Session) -> Connection:
        """Record a new connection."""
        self._sessions.add(session)
        connection = Connection(number=len(self.connections) + 1, opened=time.monotonic())
        self.connections.append(connection)
        return connection

    def closed(self, session: Session) -> None:
        """Record the end of a connection."""
        self._sessions.discard(session)
        self.changed()

    def changed(self) -> None:
        """Check the conditions somebody is waiting for."""
        for condition, happened in self._waiting:
            if not happened.done() and condition():
                happened.set_result(None)
