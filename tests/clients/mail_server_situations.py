"""The situations each mail server is put into as the CRM's own sender."""

import contextlib
import email
import email.policy
import itertools
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.libraries import ClientFailed
from tests.clients.mail_servers import SENDER, MailServer
from tests.clients.private_root import PrivateRoot
from tests.clients.situations import NoteSeen, note_seen
from tests.clients.tap import Tap, TappedConnection
from tests.rig.faults import reply
from tests.rig.process import wait_until
from tests.rig.records import Transaction
from tests.smtp_proxy.crm import NO_BULK, Crm

#: How long mail may take to be where it goes, and how long it is waited for what must not come.
WAIT, QUIET = 9.0, 3.0
CROWD = 120  #: Recipients of one mail.


@dataclass(slots=True, kw_only=True)
class MailServerReport:
    """Everything seen of one mail server; a value is None where it could not be tried."""

    server: type[MailServer]
    version: str = ""
    failures: dict[str, str] = field(default_factory=dict)  #: By situation.
    others_get_it: bool | None = None  #: One of three refused at RCPT.
    refused_bounce: "Bounce | None" = None
    content_bounce: "Bounce | None" = None  #: The only recipient refused after the content.
    lmtp_others_get_it: bool | None = None
    lmtp_bounce: "Bounce | None" = None
    retries_after_451: int | None = None  #: Transactions in all until it was taken.
    same_message_id: bool | None = None
    deferred_alone: bool | None = None  #: Whom the relay deferred comes alone later.
    chunks: list[int] | None = None  #: Recipients of each transaction of a mail to 120.
    connections: int | None = None  #: At once.
    parameters: set[str] = field(default_factory=set)  #: Of MAIL and RCPT, without values.
    greets_with: str = ""  #: EHLO, HELO or LHLO.
    not_understood: list[str] = field(default_factory=list)
    printed: str = ""  #: What the program that submits saw of a refusal.


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What the sender is told in a mail of the mail server's own."""

    note: NoteSeen
    names: tuple[str, ...]  #: The recipients it says have failed: `refused` or `others`.
    is_report: bool  #: multipart/report with a message/delivery-status part.
    says_first: bool  #: The note stands in the part people read, not only in the report's.


class MailServerSituations:
    """One gateway, one tap before it, and a mail server for each report."""

    def __init__(self, crm: Crm, tap: Tap, cache: Path) -> None:
        self._crm = crm
        self._tap = tap
        self._cache = cache
        self._numbers = itertools.count(1)

    async def look_at(self, report: MailServerReport) -> None:
        """Put a mail server into every situation and fill in its report."""
        parts: Mapping[str, Callable[[MailServerReport, MailServer], Awaitable[None]]] = {
            "one of three refused": self._one_of_three,
            "refused after the content": self._content,
            "a mail to 120": self._crowd,
            "451": self._temporary,
            "one of two deferred": self._deferred,
            "LMTP": self._lmtp,
        }
        async with PrivateRoot(self._cache) as root:
            server = report.server(root)
            report.version = await server.install()
            self._tap.connections.clear()
            await server.configure(self._tap.port)
            for name, part in parts.items():
                if name == "LMTP":
                    report.not_understood = self._tap.not_understood()
                    self._note_words(report)
                try:
                    await part(report, server)
                except (AssertionError, ClientFailed) as error:
                    report.failures[name] = str(error).strip().splitlines()[0][:200]
                self._crm.sink.faults.clear()
                await server.clear()

    # Situations

    async def _one_of_three(self, report: MailServerReport, server: MailServer) -> None:
        report.printed, got, report.refused_bounce = await self._refuse_one(server, "strict")
        report.others_get_it = got

    async def _refuse_one(
        self, server: MailServer, listener: str
    ) -> tuple[str, bool, "Bounce | None"]:
        left_out = self._crm.person(NO_BULK).address
        others = [self._crm.person().address, self._crm.person().address]
        to = [others[0], left_out, others[1]]
        printed, subject = await self._submit(server, to, listener)
        await self._settled(lambda: {*others} <= self._got(subject) and bool(self._bounces(to)))
        got = self._got(subject)
        assert left_out not in got, f"{left_out} got it"
        return printed, {*others} <= got, await self._bounce(left_out, others)

    async def _content(self, report: MailServerReport, server: MailServer) -> None:
        left_out = self._crm.person(NO_BULK).address
        await self._submit(server, [left_out], "mailings")
        await self._settled(lambda: bool(self._bounces([left_out])))
        report.content_bounce = await self._bounce(left_out, [])

    async def _temporary(self, report: MailServerReport, server: MailServer) -> None:
        self._crm.sink.fault("dot", reply(b"451 4.3.0 Try again later"), times=1)
        person = self._crm.person().address
        _, subject = await self._submit(server, [person], "personal")
        await self._settled(lambda: len(self._tried(subject)) >= 1)
        await self._hurried(server, lambda: person in self._got(subject))
        tried = self._tried(subject)
        report.retries_after_451 = len(tried)
        report.same_message_id = len({_field(one, "message-id") for one in tried}) == 1

    async def _deferred(self, report: MailServerReport, server: MailServer) -> None:
        ann, bob = self._crm.person().address, self._crm.person().address
        self._crm.sink.fault("RCPT", reply(b"450 4.2.0 Greylisted"), address=bob.encode(), times=1)
        _, subject = await self._submit(server, [ann, bob], "personal")
        await self._settled(lambda: ann in self._got(subject))
        await self._hurried(server, lambda: bob in self._got(subject))
        if not {ann, bob} <= self._got(subject):
            raise ClientFailed(f"only {len(self._got(subject))} of 2 got it")
        taken = [one.recipients for one in self._tried(subject) if one.is_accepted]
        report.deferred_alone = [bob.encode()] in taken and [ann.encode()] in taken

    async def _crowd(self, report: MailServerReport, server: MailServer) -> None:
        to = [f"{server.name}{next(self._numbers)}@example.org" for _ in range(CROWD)]
        before = {id(one): len(one.transactions()) for one in self._tap.connections}
        _, subject = await self._submit(server, to, "personal")
        await self._settled(lambda: {*to} <= self._got(subject))
        parts = [
            (one, one.transactions()[before.get(id(one), 0) :]) for one in self._tap.connections
        ]
        report.chunks = [len(rcpts) for _, later in parts for rcpts in later if rcpts]
        report.connections = _most_at_once([one for one, later in parts if later])

    async def _lmtp(self, report: MailServerReport, server: MailServer) -> None:
        if not server.lmtp:
            return
        await server.configure(self._tap.port, lmtp=True)
        _, report.lmtp_others_get_it, report.lmtp_bounce = await self._refuse_one(server, "lmtp")

    # Help

    async def _submit(
        self, server: MailServer, to: Sequence[str], listener: str
    ) -> tuple[str, str]:
        """Return what was printed and the subject, which is no other mail's."""
        self._tap.target = self._crm.port(listener)
        number = next(self._numbers)
        subject = f"Vacature {server.name} {number}e dag"
        to_lines = ",\n ".join(to)  # Exim refuses lines of more than 998 octets
        text = (
            f"From: Recruiter <{SENDER}>\nTo: {to_lines}\nSubject: {subject}\n"
            f"Message-ID: <{server.name}-{number}@crm.example>\n\nDag, er is een vacature.\n"
        )
        return await server.submit(to, text), subject

    async def _settled(self, condition: Callable[[], bool]) -> None:
        """Wait for something, and if it doesn't come go on all the same."""
        with contextlib.suppress(AssertionError):
            await wait_until(condition, "it", timeout=WAIT)

    async def _hurried(self, server: MailServer, condition: Callable[[], bool]) -> None:
        for _ in range(int(WAIT / QUIET)):
            if condition():
                return
            await server.hurry()
            with contextlib.suppress(AssertionError):
                await wait_until(condition, "it", timeout=QUIET)

    def _tried(self, subject: str) -> list[Transaction]:
        line = f"\r\nSubject: {subject}\r\n".encode()
        return [one for one in self._crm.sink.messages if one.sender and line in one.content]

    def _got(self, subject: str) -> set[str]:
        taken = [one for one in self._tried(subject) if one.is_accepted]
        return {to.decode() for one in taken for to in one.recipients}

    def _bounces(self, to: Sequence[str]) -> list[Transaction]:
        """Return the mail server's own mail to the sender about these."""
        names = [one.encode() for one in to]
        return [
            one
            for one in self._crm.sink.accepted
            if not one.sender
            and one.recipients == [SENDER.encode()]
            and b"X-Gateway-Loop" in one.content  # it came through the gateway
            and any(name in one.content for name in names)
        ]

    async def _bounce(self, left_out: str, others: Sequence[str]) -> Bounce | None:
        found = self._bounces([left_out, *others])
        if not found:
            return None
        conversation = await self._crm.send([left_out.encode()], listener="mailings")
        lines = [line.decode() for line in conversation.end.lines]
        return read_bounce(found[-1].content, lines, left_out, others)

    def _note_words(self, report: MailServerReport) -> None:
        for connection in self._tap.connections:
            for _, side, line in connection.said:
                if side == "C" and line[:4].upper() in {"EHLO", "HELO"}:
                    report.greets_with = line[:4].upper()
                if side == "C" and line[:5].upper() in {"MAIL ", "RCPT "}:
                    found = re.findall(r"> ?(.*)", line)
                    report.parameters |= {_parameter(part) for part in "".join(found).split()}


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    return text if name.upper() in {"BODY", "AUTH", "NOTIFY", "RET"} else name + equals


def _field(one: Transaction, name: str) -> str:
    message = email.message_from_bytes(one.content, policy=email.policy.default)
    return str(message[name])


def _most_at_once(connections: Sequence[TappedConnection]) -> int:
    spans = [(one.opened, one.closed or float("inf")) for one in connections]
    return max((sum(a <= start < b for a, b in spans) for start, _ in spans), default=0)


#: Where the mail it is about begins, as a part or as text.
ORIGINAL = re.compile(
    rb"^content-type: *(?:message/rfc822|text/rfc822-headers)"
    rb"|^(?:original message|message headers) follow",
    re.IGNORECASE | re.MULTILINE,
)


def read_bounce(
    content: bytes, lines: Sequence[str], left_out: str, others: Sequence[str]
) -> Bounce:
    """Return what a bounce tells of a note with these lines."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    parts = [*message.iter_parts()] or [message]
    texts = [str(one.get_content()) for one in parts if one.get_content_maintype() == "text"][:1]
    end = ORIGINAL.search(content)
    own = content[: end.start()] if end else content
    whole = own.decode(errors="replace")
    names = []
    if left_out in whole:
        names.append("refused")
    if any(one in whole for one in others):
        names.append("others")
    readable = note_seen(" ".join(texts), lines)
    return Bounce(
        note=note_seen(whole, lines),
        names=tuple(names),
        is_report=b"message/delivery-status" in own.lower(),
        says_first=readable.lines != "none",
    )
