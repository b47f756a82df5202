"""A CRM that sends without pause, tries again what was not taken, and remembers what was."""

import asyncio
import contextlib
import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from gateway.core import ids
from gateway.core.journal.message import Message
from gateway.core.kinds import State
from gateway.store.engine.database import Database
from gateway.store.journal import messages
from tests.rig.client import ConnectionGone, NothingCame, RawClient, Reply
from tests.rig.faults import Action, FaultTable, Stage, delay
from tests.rig.process import wait_until
from tests.rig.sink import RawSink

SENDER = b"recruiter@crm.example"
_LONGEST_WAIT = 0.02  #: Of the relay after a final dot: killed gateways shall fall into it.
_ID = re.compile(rb"with \S+ id (\w{13});")
_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)
_FAILURES = (OSError, ConnectionGone, NothingCame)


class Hesitation(FaultTable):
    """A relay that takes a moment for its verdict, each time another one."""

    def take(self, stage: Stage, address: bytes = b"") -> Action | None:
        """Return what strikes now: a short wait after a final dot."""
        found = super().take(stage, address)
        if found is None and stage == "dot":
            return delay(random.uniform(0, _LONGEST_WAIT))
        return found


@dataclass(slots=True)
class Traffic:
    """Clients that send mail after mail, each until it is taken."""

    port: Callable[[], int]
    clients: int = 6
    fields: Sequence[str] = ()  #: More header fields.
    taken: list[str] = field(default_factory=list)  #: Message-IDs whose 250 was heard.
    replies: Counter[str] = field(default_factory=Counter)  #: Codes, and lost connections.
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _stopping: bool = False
    _progress: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self.clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def go_on(self, timeout: float = 30.0) -> None:
        """Wait until one more mail is taken."""
        self._progress.clear()
        async with asyncio.timeout(timeout):
            await self._progress.wait()

    async def finish(self, timeout: float = 30.0) -> None:
        """Start no more mails, and wait until all that were begun are taken."""
        self._stopping = True
        async with asyncio.timeout(timeout):
            await asyncio.gather(*self._tasks)

    async def _work(self) -> None:
        client: RawClient | None = None
        try:
            while not self._stopping:
                name = f"<{next(self._numbers)}@crm.example>"
                while not await self._try(client, name):
                    client = await self._connection(client)
                self.taken.append(name)
                self._progress.set()
        finally:
            if client is not None:
                await client.close()

    async def _try(self, client: RawClient | None, name: str) -> bool:
        """Send a mail once; whether its 250 was heard."""
        if client is None:
            return False
        try:
            reply = await self._send(client, name)
        except _FAILURES as error:
            self.replies[type(error).__name__] += 1
            return False
        self.replies[f"{reply.code} {reply.enhanced}"] += 1
        return reply.is_good

    async def _send(self, client: RawClient, name: str) -> Reply:
        lines = [f"Message-ID: {name}", "Subject: Dag", *self.fields]
        content = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\nDag!\r\n"
        talk = await client.transaction(SENDER, [b"ann@example.org"], content)
        return talk.end

    async def _connection(self, old: RawClient | None) -> RawClient | None:
        if old is not None:
            await old.close()
        try:
            client = await RawClient.connect(self.port(), greeted=False, timeout=20)
        except _FAILURES:
            await asyncio.sleep(0.02)
            return None
        try:
            await client.reply()
            await client.ehlo()
        except _FAILURES:
            await client.close()
            return None
        return client


def copies(sink: RawSink) -> list[tuple[str, int]]:
    """Return what is at the relay: Message-ID and the journal's number of each copy."""
    return [_copy(message.content) for message in sink.messages]


def _copy(content: bytes) -> tuple[str, int]:
    name, number = _MESSAGE_ID.search(content), _ID.search(content)
    assert name is not None, content
    assert number is not None, content
    return name[1].decode(), ids.read(number[1].decode())


def journal(database: Database) -> dict[int, Message]:
    """Return the whole journal by number."""
    with database.reading() as connection:
        return {one.id: one for one in messages.list_messages(connection, limit=1_000_000)}


@dataclass(frozen=True, slots=True)
class Account:
    """What a test of killing asks: every one of these must be empty."""

    lost: frozenset[str]  #: The CRM heard 250 for it, the relay hasn't got it.
    unlogged: frozenset[int]  #: The relay has it, the journal doesn't know.
    unexplained: frozenset[str]  #: More than one copy at the relay, and the journal knows of all.
    left: int  #: Still `sending`.


async def accounted(traffic: Traffic, sink: RawSink, database: Database) -> Account:
    """Return the account once the journal has been told everything, or has had the time for it."""
    with contextlib.suppress(AssertionError):
        await wait_until(lambda: _is_told(sink, database), "the journal to be told", 30)
    return account(traffic, sink, database)


def _is_told(sink: RawSink, database: Database) -> bool:
    known = journal(database)
    is_open = any(_state(known, number) is State.SENDING for number in known)
    return not is_open and all(number in known for _, number in copies(sink))


def account(traffic: Traffic, sink: RawSink, database: Database) -> Account:
    """Compare what the CRM heard, what the relay has, and what the journal says."""
    there, known = copies(sink), journal(database)
    sure = Counter(name for name, number in there if _state(known, number) is State.RELAYED)
    return Account(
        lost=frozenset(traffic.taken) - {name for name, _ in there},
        unlogged=frozenset(number for _, number in there) - known.keys(),
        unexplained=frozenset(name for name, count in sure.items() if count > 1),
        left=sum(_state(known, number) is State.SENDING for number in known),
    )


def _state(known: dict[int, Message], number: int) -> State | None:
    return known[number].deliveries[0].state if number in known else None


def duplicates(sink: RawSink) -> int:
    """Return how many copies the relay has too many."""
    there = copies(sink)
    return len(there) - len({name for name, _ in there})
