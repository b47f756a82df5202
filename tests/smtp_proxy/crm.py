"""A gateway as a CRM meets it, with the relay behind it and the store below it in sight."""

import itertools
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.core import ids
from gateway.core.journal.message import Message
from gateway.core.kinds import State
from gateway.core.sending.outbox import SETTLED, OutboxRow
from gateway.crm.importer import import_file
from gateway.store import schema
from gateway.store.engine.database import Database
from gateway.store.journal import message_lookup, messages
from gateway.store.sending import outbox
from tests.rig.client import Conversation, RawClient
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.rig.records import Transaction
from tests.rig.sink import RawSink, SinkSettings

SENDER = b"recruiter@crm.example"
NO_BULK, INACTIVE, NO_CAMPAIGNS = "no-bulk", "inactive", "no-campaigns"  #: Groups.
FREE, DECEASED = "free", "deceased"  #: Statuses.

GROUPS = """\
kind,crm_id,name,tag,active
candidate,no-bulk,Geen bulk-mail,NoMailingsTag,true
candidate,inactive,Oude groep,NoMailingsTag,false
candidate,no-campaigns,Geen Mailchimp,NoMailChimpMailingsTag,true
contact,no-bulk,Geen bulk-mail,NoMailingsTag,true
"""
STATUSES = """\
kind,crm_id,name,tag
candidate,free,Beschikbaar,
candidate,deceased,Overleden,NoMailTag
contact,deceased,Overleden,NoMailTag
"""
#: A listener of each sort, by name.
LISTENERS: Mapping[str, Mapping[str, Any]] = {
    "crm": {},
    "mailings": {"kind": "bulk"},
    "personal": {"kind": "individual"},
    "strict": {"kind": "bulk", "reject_at": "rcpt"},
    "lmtp": {"protocol": "lmtp"},
    "observe": {"mode": "observe"},
}


def mail(
    subject: str = "Vacature", *fields: str, bulk: bool = False, body: bytes = b"Dag!\r\n"
) -> bytes:
    """Return a small mail; `bulk` marks it as the shipped rules know it."""
    marks = ("Precedence: bulk",) if bulk else ()
    lines = ("From: Recruiter <recruiter@crm.example>", f"Subject: {subject}", *marks, *fields)
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


#: What the gateway puts on top of each mail, but below the line of an mbox file.
OWN_LINES = re.compile(
    rb"(?P<mbox_line>>*From [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)?"
    rb"Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n\tby \S+ with \S+ id \w{13};\r\n\t[^\r\n]+\r\n"
    rb"X-Gateway-Loop: [0-9a-f]{16}\r\n"
)
BULK = mail(bulk=True)
INDIVIDUAL = mail()


def listener_settings(listeners: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `smtp.listeners`, each on a port of its own."""
    return [
        {"name": name, "bind": f"{LOOPBACK}:{free_port()}", **settings}
        for name, settings in listeners.items()
    ]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the CRM knows."""

    ref: str  #: `candidate:17`
    address: str

    @property
    def mailbox(self) -> bytes:
        """The address as octets."""
        return self.address.encode()


class Crm:
    """The CRM's side of one running gateway."""

    def __init__(self, gateway: GatewayProcess, sink: RawSink, database: Database) -> None:
        self.gateway = gateway
        self.sink = sink
        self.database = database
        self._numbers = itertools.count(1)
        self._clients = AsyncExitStack()
        self._connected = [datetime.now(UTC)]

    async def forget(self) -> None:
        """Close the clients, let notices leave, and empty what the relay saw."""
        await self._clients.aclose()
        await wait_until(lambda: not self._owed(), "an outbox with nothing due in it")
        self.sink.faults.clear()
        self.sink.forget()

    async def close(self) -> None:
        """Close the clients."""
        await self._clients.aclose()

    # People

    def feed(self, kind: str, text: str, *, replace: bool = False) -> None:
        """Take in rows as the CRM tells them; `replace` forgets what it told before."""
        file = self.gateway.folder / f"{kind}.csv"
        file.write_text(text)
        now = datetime.now(UTC)
        report = import_file(
            self.database, kind, file, source="crm", now=now, replace=replace, lift=replace
        )
        assert report.is_good, report

    def person(
        self,
        *groups: str,
        kind: str = "candidate",
        address: str = "",
        status: str = "",
        active: bool = True,
        name: str = "Jan,Jansen",
    ) -> Person:
        """Tell of somebody new; without an address the person gets a fresh one."""
        number = f"p{next(self._numbers)}"
        address = address or f"{number}@example.org"
        self.feed(
            "people",
            "kind,crm_id,first_name,last_name,emails,status,active\n"
            f'{kind},{number},{name},"{address}",{status},{str(active).lower()}\n',
        )
        rows = "".join(f"{kind},{group},{number}\n" for group in groups)
        if rows:
            self.feed("memberships", f"kind,group,person\n{rows}")
        return Person(f"{kind}:{number}", address)

    def pause(self, what: str) -> None:
        """Stop `bulk` or `all` mail."""
        with self.database.writing() as connection:
            message_lookup.pause(connection, what, now=datetime.now(UTC), by="test")

    def resume(self) -> None:
        """Let everything go again."""
        with self.database.writing() as connection:
            message_lookup.resume(connection)

    # Mail

    async def client(self, listener: str = "crm", **options: Any) -> RawClient:
        """Connect to a listener and greet it."""
        client = await self.raw(listener, **options)
        await (client.lhlo() if self._is_lmtp(listener) else client.ehlo())
        return client

    async def raw(self, listener: str = "crm", **options: Any) -> RawClient:
        """Connect to a listener and say nothing."""
        self._connected.append(datetime.now(UTC))
        client = await RawClient.connect(self.port(listener), **options)
        return await self._clients.enter_async_context(client)

    async def send(
        self,
        to: Sequence[Person | bytes],
        content: bytes = INDIVIDUAL,
        *,
        sender: bytes = SENDER,
        parameters: bytes = b"",
        listener: str = "crm",
    ) -> Conversation:
        """Send one mail over a connection of its own."""
        client = await self.client(listener)
        recipients = [
            recipient.mailbox if isinstance(recipient, Person) else recipient for recipient in to
        ]
        conversation = await client.transaction(
            sender, recipients, content, parameters=parameters, lmtp=self._is_lmtp(listener)
        )
        await client.close()
        return conversation

    def port(self, listener: str) -> int:
        """Return the port of a listener."""
        names = [listener["name"] for listener in self._listeners]
        return self.gateway.ports[names.index(listener)]

    def _is_lmtp(self, listener: str) -> bool:
        protocols = {listener["name"]: listener.get("protocol") for listener in self._listeners}
        return bool(protocols[listener] == "lmtp")

    @property
    def _listeners(self) -> list[dict[str, Any]]:
        configured: list[dict[str, Any]] = self.gateway.config["smtp"]["listeners"]
        return configured

    # What became of it

    @property
    def relayed(self) -> list[Transaction]:
        """The CRM's mail that the relay has taken, without the gateway's own."""
        return [message for message in self.sink.accepted if message.sender]

    async def records(self, count: int = 1, *, to: str | None = None) -> list[Message]:
        """Return the newest messages of the journal, the newest first, once they have ended.

        Without an address those of as many clients that connected last.
        """
        newest: list[Message] = []
        since = self._connected[-count:][0] if to is None else None

        def are_there() -> bool:
            nonlocal newest
            with self.database.reading() as connection:
                newest = messages.list_messages(connection, limit=count, to=to, since=since)
            ended = all(
                d.state is not State.SENDING for message in newest for d in message.deliveries
            )
            return len(newest) == count and ended

        await wait_until(are_there, f"{count} messages in the journal")
        return newest

    async def record(self, to: Person | str) -> Message:
        """Return the newest message to somebody."""
        (record,) = await self.records(to=to.address if isinstance(to, Person) else to)
        return record

    def outbox(self) -> list[OutboxRow]:
        """Return everything the gateway itself sends or has sent, the newest first."""
        with self.database.reading() as connection:
            return outbox.list_outbox(connection, limit=1000)

    def notices(self, message: Message) -> list[OutboxRow]:
        """Return what the outbox holds because of a message."""
        return [row for row in self.outbox() if row.message == message.id]

    def _owed(self) -> list[OutboxRow]:
        """What is on its way; not the reports that wait for the hour's end, without a body yet."""
        soon = datetime.now(UTC) + timedelta(seconds=5)
        return [
            row
            for row in self.outbox()
            if row.state not in SETTLED and (row.body or not row.next_at or row.next_at <= soon)
        ]

    def hurry(self, row: OutboxRow) -> None:
        """Let an entry of the outbox be due now."""
        with self.database.writing() as connection:
            due = schema.outbox.outbox.update().where(schema.outbox.outbox.c.id == row.id)
            connection.execute(due.values(next_at=datetime.now(UTC)))

    async def shown(self, message: Message) -> str:
        """Return what `gateway messages show` says."""
        return await self.gateway.do("messages", "show", ids.show(message.id))


def as_sent(message: Transaction) -> bytes:
    """Return the content at the relay without the gateway's own lines, which must be on top."""
    own = OWN_LINES.match(message.content)
    assert own is not None, message.content[:500]
    return (own["mbox_line"] or b"") + message.content[own.end() :]


def states(message: Message) -> dict[str, str]:
    """Return what became of each recipient: `{"ann@example.org": "relayed by relay"}`."""
    return {
        delivery.recipient: f"{delivery.state} by {delivery.by}" for delivery in message.deliveries
    }


@asynccontextmanager
async def open_crm(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    store_url: str = "",
    listeners: Mapping[str, Mapping[str, Any]] = LISTENERS,
    roles: Sequence[str] = ("smtp", "sender"),
    relays: Sequence[Mapping[str, Any]] = (),
    relay: SinkSettings | None = None,
    wrapper: Sequence[str] = (),
) -> AsyncIterator[Crm]:
    """Start a gateway that knows the groups and statuses, in front of a recording relay.

    That relay takes what none of the others in `relays` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = store_url or f"sqlite:///{folder}/gateway.db"
    database = Database(url)
    database.prepare()
    async with await RawSink.start(relay) as sink:
        config = gateway_config(store_url=url, relay_port=sink.port, changes=changes)
        config["relays"] = [*relays, *config["relays"]]
        if "listeners" not in (changes or {}).get("smtp", {}):
            config["smtp"]["listeners"] = listener_settings(listeners)
        gateway = GatewayProcess(folder, config, roles=roles, wrapper=wrapper)
        crm = Crm(gateway, sink, database)
        crm.feed("groups", GROUPS)
        crm.feed("statuses", STATUSES)
        try:
            await gateway.start()
            yield crm
            assert [] == gateway.log_lines("session_failed")
        finally:
            await gateway.close()
            await crm.close()
            database.close()
