"""Plays dialogs against a gateway and says where one went another way."""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from gateway.core.kinds import State
from gateway.store.journal import messages
from tests.dialogs.dialog import Dialog, Line, fits
from tests.rig.certificates import Certificates
from tests.rig.client import ConnectionGone, NothingCame, RawClient
from tests.rig.process import wait_until
from tests.smtp_proxy.crm import DECEASED, NO_BULK, NO_CAMPAIGNS, Crm, open_crm
from tests.smtp_proxy.secured_gateway import hashed

BUDGET = 2.0  #: Seconds that one message may take at the relay.
LATER = BUDGET + 0.5  #: When a reply comes that is late.


@asynccontextmanager
async def open_player(folder: Path, certificates: Certificates) -> AsyncIterator["Player"]:
    """Start a gateway with the listeners and the people that README.md tells of."""
    users = folder / "users"
    users.write_text(await hashed("crm"))
    shown = {"cert": str(certificates.server.cert), "key": str(certificates.server.key)}
    listeners = {
        "crm": {},
        "mailings": {"kind": "bulk"},
        "personal": {"kind": "individual"},
        "strict": {"kind": "bulk", "reject_at": "rcpt"},
        "lmtp": {"protocol": "lmtp"},
        "observe": {"mode": "observe"},
        "starttls": {"tls": "starttls", "users": str(users), **shown},
        "implicit": {"tls": "implicit", "users": str(users), **shown},
        "login": {"users": str(users)},
    }
    settings = {
        "notices": {"from": "gateway@crm.example"},
        "smtp": {
            "max_message_size": "20kB",
            "max_recipients": 5,
            "override": {"header": "X-Override"},
        },
    }
    async with open_crm(folder, settings, listeners=listeners) as crm:
        crm.gateway.change({"relays": [{**crm.gateway.config["relays"][0], "budget": "2s"}]})
        crm.gateway.reload()
        await crm.gateway.wait_for_log("reloaded", len(crm.gateway.roles))
        crm.person(NO_BULK, address="no-bulk@example.org")
        crm.person(NO_CAMPAIGNS, address="no-campaigns@example.org")
        crm.person(status=DECEASED, address="no-mail@example.org")
        crm.person(address="ann@example.org")
        crm.person(address="bob@example.org")
        yield Player(crm, certificates.client_context())


class Player:
    """The client's side of a dialog, the relay's side, and a look at the journal."""

    def __init__(self, crm: Crm, tls: ssl.SSLContext) -> None:
        self._crm = crm
        self._tls = tls

    async def forget(self) -> None:
        """Leave nothing of an earlier dialog: no fault, no idle connection to the relay."""
        await self._crm.forget()
        sink = self._crm.sink
        sink.drop_connections()
        await wait_until(lambda: sink.open_connections == 0, "the end of all connections")
        sink.forget()

    async def play(self, dialog: Dialog) -> None:
        """Play a dialog to its end; then what the relay and the journal have must be as told."""
        since = datetime.now(UTC)
        for fault in dialog.faults(LATER):
            self._crm.sink.fault(fault.stage, fault.action, address=fault.address)
        client = None
        spoken = (line for line in dialog.lines if line.word in _SPOKEN)
        listener = "crm"
        for word, group in groupby(spoken, key=lambda line: line.word):
            lines = list(group)
            if word == "listener":
                listener = lines[-1].text
                if client is not None:
                    await client.close()
                client = None
                continue
            if client is None:
                client = await self._connected(listener)
            await self._exchange(dialog, client, word, lines)
        assert client is not None, f"{dialog.name}: nobody says anything: add c: and s: lines"
        await client.close()
        await self._agree(dialog, since)

    async def _connected(self, listener: str) -> RawClient:
        tls = self._tls if listener == "implicit" else None
        return await self._crm.raw(listener, tls=tls, greeted=False)

    async def _exchange(
        self, dialog: Dialog, client: RawClient, word: str, lines: Sequence[Line]
    ) -> None:
        here = f"{dialog.name}:{lines[0].number}"
        match word:
            case "c":
                await client.send(b"".join(line.octets for line in lines))
            case "s":
                await _hear(dialog, client, lines)
            case "tls":
                await client.writer.start_tls(self._tls, server_hostname="localhost")
            case _ if lines[0].text == "client":
                await client.close()
            case _:
                assert (here, b"") == (here, await client.rest())

    async def _agree(self, dialog: Dialog, since: datetime) -> None:
        sink = self._crm.sink
        expected = dialog.journal()

        def is_written() -> bool:
            return _journal_fits(self._journal(since), expected)

        try:
            await wait_until(is_written, "the journal", timeout=5.0)
        except AssertionError:
            raise AssertionError(
                f"{dialog.name}: expected\n{_shown(expected)}\nthe journal has\n"
                f"{_shown(self._journal(since))}"
            ) from None
        relayed = [
            " ".join(one.decode() for one in message.recipients)
            for message in sink.accepted
            if b"\r\nAuto-Submitted: auto-replied\r\n" not in message.content  # own notices
        ]
        assert (dialog.name, [line.text for line in dialog.of("relayed")]) == (dialog.name, relayed)
        commands = [
            command.decode(errors="replace")
            for connection in sink.connections
            for command in connection.commands
        ]
        left = iter(commands)
        for line in dialog.of("heard"):
            was_heard = any(fits(command, line.text) for command in left)
            assert was_heard, f"{dialog.name}:{line.number}: the relay heard {commands}"

    def _journal(self, since: datetime) -> list[list[str]]:
        with self._crm.database.reading() as connection:
            written = messages.list_messages(connection, limit=100, since=since)[::-1]
        return [
            [
                f"{message.kind} {message.rule}",
                *(f"{one.recipient} {one.state} by {one.by}" for one in message.deliveries),
            ]
            for message in written
            if all(one.state is not State.SENDING for one in message.deliveries)
        ]


_SPOKEN = ("listener", "tls", "c", "s", "closes")


async def _hear(dialog: Dialog, client: RawClient, lines: Sequence[Line]) -> None:
    said: list[str] = []
    for line in lines:
        here = f"{dialog.name}:{line.number}"
        if line.text == "...":
            said.clear()
            continue
        if not said:
            said.extend(await _replied(client, here))
        text = said.pop(0)
        if not fits(text, line.text):
            raise AssertionError(f"{here}: expected `s: {line.text}`, the server said `s: {text}`")
    if said:
        here = f"{dialog.name}:{lines[-1].number}"
        raise AssertionError(f"{here}: the reply went on: {said} (write `s: ...` for any rest)")


async def _replied(client: RawClient, here: str) -> Iterator[str]:
    try:
        reply = await client.reply()
    except (ConnectionGone, NothingCame) as gone:
        raise AssertionError(f"{here}: {gone}") from None
    *first, last = (one.decode(errors="replace") for one in reply.lines)
    return iter((*(f"{reply.code}-{one}" for one in first), f"{reply.code} {last}"))


def _shown(journal: list[list[str]]) -> str:
    """Write a journal as a dialog does."""
    lines = [
        f"journal: {'  ' * bool(number)}{text}"
        for message in journal
        for number, text in enumerate(message)
    ]
    return "\n".join(lines) or "nothing"


def _journal_fits(written: list[list[str]], expected: list[list[str]]) -> bool:
    return [len(message) for message in written] == [len(message) for message in expected] and all(
        fits(text, pattern)
        for message, patterns in zip(written, expected, strict=True)
        for text, pattern in zip(message, patterns, strict=True)
    )
