"""The situations each library is put into, against one running gateway."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.core.decision.short_note import STATUS
from tests.clients.libraries import ClientFailed, ClientJob, ClientLibrary, ClientMail, SendResult
from tests.rig.certificates import Certificates, make_certificates
from tests.rig.faults import delay, reply
from tests.rig.gateway import COMMAND
from tests.rig.process import run
from tests.rig.records import Transaction
from tests.smtp_proxy.crm import NO_BULK, Crm, as_sent, open_crm

LOGIN = ("crm", "geheim: 1 % 2")  # ASCII: most libraries take no other password
#: The relay is silent for so long after the dot, where a client waits for `PATIENCE`.
SILENCE, PATIENCE = 6.0, 2
#: How often somebody whose program gave up presses "send" in all.
PRESSES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSeen:
    """Which part of the gateway's note a text holds."""

    lines: str  #: `all`, `first`, `last`, `some` or `none`.
    number: bool  #: Whether the message's number in the journal is there.


@dataclass(slots=True, kw_only=True)
class ClientReport:
    """Everything seen of one library; a value is None where it could not be tried."""

    library: ClientLibrary
    version: str = ""
    time_limit: float | None = None  #: Seconds, as shipped; None: none.
    failures: dict[str, str] = field(default_factory=dict)  #: By situation.
    #: One of three refused at RCPT.
    others_get_it: bool | None = None
    refused_result: SendResult | None = None
    refused_note: NoteSeen | None = None
    refused_more: NoteSeen | None = None
    partial_get_it: bool | None = None  #: With the library's own setting.
    partial_result: SendResult | None = None
    partial_note: NoteSeen | None = None
    next_after_rcpt: bool | None = None  #: The next mail on that connection went well.
    next_after_all_rcpt: bool | None = None
    #: Everybody refused after the content.
    content_result: SendResult | None = None
    content_note: NoteSeen | None = None
    content_more: NoteSeen | None = None
    next_after_content: bool | None = None
    #: 451 after the dot.
    tries: int | None = None  #: In one call.
    changes_again: list[str] | None = None  #: What differs when the same object is sent again.
    changes_anew: list[str] | None = None  #: The same, the mail built again from the same data.
    #: A relay slower than the client.
    gives_up: float | None = None  #: After so many seconds, where it was told 2.
    deliveries_again: int | None = None  #: In the end, the same object sent until it goes well.
    told_again: bool | None = None  #: Whether the program heard in the end that it went well.
    deliveries_anew: int | None = None  #: The same, the mail built anew each time.
    told_anew: bool | None = None
    logins: dict[str, str] = field(default_factory=dict)  #: `PLAIN`, `PLAIN over TLS` … → `ok`.


class Situations:
    """One gateway and the people its mail goes to."""

    def __init__(self, crm: Crm, certificates: Certificates, cache: Path) -> None:
        self.crm = crm
        self._certificates = certificates
        self._cache = cache
        self._numbers = itertools.count(1)

    async def look_at(self, report: ClientReport) -> None:
        """Put a library into every situation and fill in its report."""
        parts: Mapping[str, Callable[[ClientReport], Awaitable[None]]] = {
            "one of three refused": self._one_of_three,
            "all refused at RCPT": self._all_at_rcpt,
            "all refused after the content": self._all_at_content,
            "451": self._temporary,
            "slow relay": self._slow,
            "login": self._logins,
        }
        for name, part in parts.items():
            try:
                await part(report)
            except (AssertionError, ClientFailed) as error:
                report.failures[name] = str(error).strip().splitlines()[0][:300]
            self.crm.sink.faults.clear()

    # Situations

    async def _one_of_three(self, report: ClientReport) -> None:
        seen, others, note, more = await self._refuse_one(report.library, partial=False)
        report.refused_result, report.next_after_rcpt = seen[0], seen[1].ok
        report.others_get_it, report.refused_note, report.refused_more = others, note, more
        if report.library.partial:
            seen, others, note, more = await self._refuse_one(report.library, partial=True)
            report.partial_result, report.partial_get_it = seen[0], others
            report.partial_note = _better(note, more)

    async def _refuse_one(
        self, library: ClientLibrary, *, partial: bool
    ) -> tuple[list[SendResult], bool, NoteSeen, NoteSeen]:
        mail, left_out = self._mail(library), self.crm.person(NO_BULK).address
        to = [mail.to[0], left_out, self.crm.person().address]
        mails = [replace(mail, to=to), self._mail(library)]
        seen = await self._run(library, "strict", mails, steps=(0, 1), partial=partial)
        got = {one for message in self._taken(mail) for one in message.recipients}
        assert left_out.encode() not in got, f"{left_out} got it"
        note, more = await self._notes(seen[0], left_out, "strict")
        return seen, to[2].encode() in got, note, more

    async def _all_at_rcpt(self, report: ClientReport) -> None:
        mails = [self._mail(report.library, left_out=True), self._mail(report.library)]
        seen = await self._run(report.library, "strict", mails, steps=(0, 1))
        report.next_after_all_rcpt = seen[1].ok

    async def _all_at_content(self, report: ClientReport) -> None:
        mails = [self._mail(report.library, left_out=True), self._mail(report.library)]
        seen = await self._run(report.library, "mailings", mails, steps=(0, 1))
        report.content_result, report.next_after_content = seen[0], seen[1].ok
        notes = await self._notes(seen[0], mails[0].to[0], "mailings")
        report.content_note, report.content_more = notes

    async def _temporary(self, report: ClientReport) -> None:
        # A second of silence, so that a Date that is written anew differs.
        busy = delay(1.1, reply(b"451 4.3.0 Try again later"))
        mail = self._mail(report.library)
        self.crm.sink.fault("dot", busy, times=1)
        seen = await self._run(report.library, "personal", [mail], steps=(0, 0))
        report.tries = len(self._tried(mail)) - sum(one.ok for one in seen[1:])
        report.changes_again = self._changed(mail, seen[-1])

        anew = self._mail(report.library)
        self.crm.sink.fault("dot", busy, times=1)
        for _ in range(2):
            seen = await self._run(report.library, "personal", [anew])
        report.changes_anew = self._changed(anew, seen[-1])

    async def _slow(self, report: ClientReport) -> None:
        library = report.library
        mail = self._mail(library)
        slow = delay(SILENCE)
        self.crm.sink.fault("dot", slow, times=1)
        steps = (0,) * PRESSES
        seen = await self._run(
            library, "personal", [mail], steps=steps, timeout=PATIENCE, stop=True
        )
        report.gives_up = None if seen[0].ok else seen[0].seconds
        report.told_again = seen[-1].ok
        await asyncio.sleep(max(0, SILENCE - sum(one.seconds for one in seen)) + 0.5)
        report.deliveries_again = len(self._taken(mail))

        anew = self._mail(library)
        self.crm.sink.fault("dot", slow, times=1)
        seen = []
        while len(seen) < PRESSES and not (seen and seen[-1].ok):
            seen += await self._run(library, "personal", [anew], timeout=PATIENCE)
        report.told_anew = seen[-1].ok
        await asyncio.sleep(max(0, SILENCE - sum(one.seconds for one in seen)) + 0.5)
        report.deliveries_anew = len(self._taken(anew))

    async def _logins(self, report: ClientReport) -> None:
        library = report.library
        listeners = (
            {"": "login", " over TLS": "login-starttls"} if library.has_tls else {"": "login"}
        )
        for mechanism, (suffix, listener) in itertools.product(
            library.mechanisms, listeners.items()
        ):
            mail = self._mail(library)
            ca = str(self._certificates.ca) if suffix else ""
            (seen,) = await self._run(
                library, listener, [mail], login=LOGIN, mechanism=mechanism, ca=ca
            )
            is_there = bool(self._taken(mail))
            report.logins[mechanism + suffix] = "ok" if seen.ok and is_there else _one_line(seen)

    # Help

    def _mail(self, library: ClientLibrary, *, left_out: bool = False) -> ClientMail:
        person = self.crm.person(NO_BULK) if left_out else self.crm.person()
        return ClientMail(to=[person.address], subject=f"Vacature {next(self._numbers)}e dag")

    async def _run(
        self,
        library: ClientLibrary,
        listener: str,
        mails: Sequence[ClientMail],
        *,
        steps: Sequence[int] = (0,),
        **settings: Any,
    ) -> list[SendResult]:
        job = ClientJob(port=self.crm.port(listener), mails=mails, steps=steps, **settings)
        seen = await library.run(self._cache, job)
        if not settings.get("stop") and len(seen) != len(steps):
            raise ClientFailed(f"{library.name}: {len(seen)} results of {len(steps)}")
        return seen

    def _tried(self, mail: ClientMail) -> list[Transaction]:
        """Return the transactions of a mail that reached the relay."""
        subject = f"\r\nSubject: {mail.subject}\r\n".encode()
        return [one for one in self.crm.sink.messages if subject in one.content]

    def _changed(self, mail: ClientMail, seen: SendResult) -> list[str]:
        tried = self._tried(mail)
        if len(tried) < 2:
            raise ClientFailed(f"{len(tried)} tries: {_one_line(seen)}")
        return _changes(tried[0], tried[-1])

    def _taken(self, mail: ClientMail) -> list[Transaction]:
        return [one for one in self._tried(mail) if one.is_accepted]

    async def _notes(
        self, seen: SendResult, left_out: str, listener: str
    ) -> tuple[NoteSeen, NoteSeen]:
        """Find the note to somebody in what a program saw: in what it shows, in the rest."""
        conversation = await self.crm.send([left_out.encode()], listener=listener)
        end = next(one for one in (*conversation.recipients, *conversation.ends) if one.code == 550)
        lines = [line.decode() for line in end.lines]
        return note_seen(seen.said, lines), note_seen(seen.more, lines)


#: A message's number in the journal, as `gateway.core.ids` shows it.
NUMBER = re.compile(r"\b0[0-9a-z]{12}\b")


#: What stands before each line on the wire; many libraries take it off.
CODES = re.compile(rf"(?:\b550[ -])?{re.escape(STATUS)} ")


def note_seen(text: str, lines: Sequence[str]) -> NoteSeen:
    """Return which lines of a note stand in a text, which may have blanks for line ends.

    The lines are those of the same note about another message: the number differs.
    """
    flat = _flat(text)
    seen = [_flat(line) in flat for line in lines]
    match seen:
        case _ if all(seen):
            which = "all"
        case _ if not any(seen):
            which = "none"
        case [True, *rest] if not any(rest):
            which = "first"
        case [*rest, True] if not any(rest):
            which = "last"
        case _:
            which = "some"
    return NoteSeen(lines=which, number=bool(NUMBER.search(text)))


def _flat(text: str) -> str:
    return " ".join(CODES.sub("", NUMBER.sub("#", text)).split())


def _better(note: NoteSeen, more: NoteSeen) -> NoteSeen:
    return more if note.lines == "none" else note


def _one_line(seen: SendResult) -> str:
    return " ".join(f"{seen.error}: {seen.said}".split())[:120] if not seen.ok else "not delivered"


BOUNDARY = re.compile(rb'boundary="?([^"\r\n;]+)')
SIZE = re.compile(rb" SIZE=\d+")
FIELD = re.compile(rb"(?P<name>[!-9;-~]+):(?P<value>[^\r\n]*(?:\r\n[ \t][^\r\n]*)*)")


def differences(first: bytes, second: bytes) -> list[str]:
    """Return what two mails differ in: names of fields, `boundary`, `order of fields`, `body`."""
    (head, body), (other_head, other_body) = _halves(first), _halves(second)
    differing = []
    values, other_values = _fields(head), _fields(other_head)
    for name in dict.fromkeys([*values, *other_values]):
        if values.get(name) != other_values.get(name):
            differing.append(name)
    if [*values] != [*other_values]:
        differing.append("order of fields")
    if BOUNDARY.findall(first) != BOUNDARY.findall(second):
        differing.append("boundary")
    if body != other_body:
        differing.append("body")
    return differing


def _changes(first: Transaction, second: Transaction) -> list[str]:
    changes = differences(as_sent(first), as_sent(second))
    envelopes = [(*SIZE.split(one.mail), *one.rcpts) for one in (first, second)]
    if envelopes[0] != envelopes[1]:
        changes.append("envelope")
    return changes


def _halves(content: bytes) -> tuple[bytes, bytes]:
    """Return header and body, every boundary replaced by its number."""
    names = dict.fromkeys(BOUNDARY.findall(content))
    for number, name in enumerate(names):
        content = content.replace(name, b"boundary%d" % number)
    head, _, body = content.partition(b"\r\n\r\n")
    return head, body


def _fields(head: bytes) -> dict[str, list[bytes]]:
    fields: dict[str, list[bytes]] = {}
    for match in FIELD.finditer(head):
        fields.setdefault(match["name"].decode(), []).append(match["value"])
    return fields


@asynccontextmanager
async def open_situations(folder: Path, cache: Path) -> AsyncIterator[Situations]:
    """Start the gateway, with a listener for each situation, and the relay behind it."""
    certificates = make_certificates(folder)
    users = folder / "users"
    done = await run(str(COMMAND), "users", "hash", LOGIN[0], stdin=f"{LOGIN[1]}\n".encode())
    assert done.returncode == 0, done.stderr
    users.write_text(done.stdout)
    shown = {"cert": str(certificates.server.cert), "key": str(certificates.server.key)}
    listeners: dict[str, dict[str, Any]] = {
        "lmtp": {"kind": "bulk", "protocol": "lmtp"},
        "personal": {},
        "mailings": {"kind": "bulk"},
        "strict": {"kind": "bulk", "reject_at": "rcpt"},
        "starttls": {"tls": "starttls", **shown},
        "login": {"users": str(users)},
        "login-starttls": {"users": str(users), "tls": "starttls", **shown},
    }
    changes = {"notices": {"from": "gateway@crm.example"}}
    async with open_crm(folder / "gateway", changes, listeners=listeners) as crm:
        yield Situations(crm, certificates, cache)
