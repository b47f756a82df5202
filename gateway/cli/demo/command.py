"""The demo from its beginning to its end."""

import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from rich.table import Table
from rich.text import Text

from gateway.app import common
from gateway.cli.context import Context
from gateway.cli.decision.messages import wording
from gateway.cli.demo import campaign, sample
from gateway.cli.demo.birthday import show_birthday
from gateway.cli.demo.relay import DemoRelay, capturing_relay
from gateway.cli.demo.reply import forward_reply, show_reply
from gateway.cli.output import console, print_line
from gateway.core.decision.journal import Delivery, Message
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.errors import GatewayError
from gateway.core.kinds import State
from gateway.crm.importer import import_file
from gateway.store.journal import messages
from gateway.store.people import people

_START_SECONDS = 30.0
_STOP_SECONDS = 40.0


class DemoFailed(GatewayError):
    """The demo's gateway didn't do what it should; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class DemoMail:
    """A mail of the CRM, and what the CRM heard."""

    recipient: str
    message_id: str
    reply: str


def demo() -> None:
    """Show in ten seconds what the gateway does.

    Starts a gateway on SQLite, with a sample CRM and a relay of its own, sends a mailing to
    everybody and one personal mail, and tells person by person what became of them; then forwards
    a reply and shows where it was filed; mails birthdays; then sends a campaign through a Mailchimp
    account of its own and shows the report. Nothing leaves this machine, and nothing stays on it.
    """
    with (
        tempfile.TemporaryDirectory(prefix="gateway-demo-") as name,
        capturing_relay() as relay,
        campaign.account(common.now()) as account,
    ):
        folder, port, replies = Path(name), _free_port(), _free_port()
        file = folder / "gateway.toml"
        config = sample.CONFIG.format(
            relay=relay.port, listener=port, replies=replies, mailchimp=account.url
        )
        file.write_text(config, encoding="utf-8")
        context = Context(file)
        with context.store() as store:
            for kind, text in sample.FEED.items():
                exported = folder / f"{kind}.csv"
                exported.write_text(text, encoding="utf-8")
                import_file(store, kind, exported, source="crm", now=common.now())
        with running_gateway(file, port):
            mailing = [_send(port, sample.MAILING, address) for address in sample.PEOPLE]
            personal = _send(port, sample.PERSONAL, sample.PERSONAL_TO)
            filed = forward_reply(context, replies)
        show_mails(context, mailing, personal, relay)
        show_reply(context, filed)
        show_birthday(context, file)
        campaign.show_campaign(context, campaign.send_campaign(context, account))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_gateway(file: Path, port: int) -> Iterator[None]:
    """Run a gateway beside the block; DemoFailed has its log if it doesn't listen in time."""
    log = file.with_suffix(".log")
    command = [sys.executable, "-m", "gateway", "--config", str(file), "run", "smtp", "inbound"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError, smtplib.SMTPException):
                smtplib.SMTP("127.0.0.1", port, timeout=5).quit()
                break
            time.sleep(0.1)
        else:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise DemoFailed(f"the gateway didn't start:\n{text[-2000:]}")
        yield
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def _send(port: int, text: str, address: str) -> DemoMail:
    """Send a mail as a CRM does: one per person."""
    number, name = list(sample.PEOPLE).index(address), sample.PEOPLE[address]
    content = text.format(name=name, address=address, number=number).encode()
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as crm:
        crm.ehlo("crm.example")
        crm.mail(sample.SENDER)
        crm.rcpt(address)
        code, reply = crm.data(content)
    message_id = message_from_bytes(content)["Message-ID"]
    return DemoMail(address, message_id, f"{code} {reply.decode(errors='replace')}")


def show_mails(
    context: Context, mailing: list[DemoMail], personal: DemoMail, relay: DemoRelay
) -> None:
    """Print what became of the mails, what the CRM heard of one that failed, and the relay's."""
    with context.store() as store, store.reading() as connection:
        kept = {message.message_id: message for message in messages.listed(connection)}
        marks = {address: _marks(people.find(connection, address)) for address in sample.PEOPLE}
    journal = _JournalOfDemo(kept, marks, wording(context))
    journal.print("A mailing to everybody", mailing)
    journal.print("A personal mail to somebody who is out of mailings", [personal])
    failed = next(
        message for message in mailing if journal.delivery(message).state is State.SEND_FAILED
    )
    name = sample.PEOPLE[failed.recipient]
    print_line(f"\nWhat the CRM heard for {name}:", "bold")
    for line in failed.reply.splitlines():
        print_line(f"  {line}", "red")
    print_line("\nThe note in full, as gateway messages show has it:", "bold")
    for line in journal.delivery(failed).note.splitlines():
        print_line(f"  {line}" if line else "")
    taken = ", ".join(sample.PEOPLE[mail.recipients[0]] for mail in relay.mails)
    print_line(f"\nThe relay got {len(relay.mails)} mails: {taken}.", "bold")


def _marks(records: tuple[people.PersonRecord, ...]) -> str:
    """Tell what the CRM says of a person."""
    words: list[str] = []
    for record in records:
        words += [
            f"group “{joined.group.name}”{'' if joined.group.active else ' (inactive)'}"
            for joined in record.groups
        ]
        if record.status is not None and record.status.tag:
            words.append(f"status “{record.status.name}”")
    return ", ".join(words)


class _JournalOfDemo:
    """What the journal tells of the mails that were sent."""

    def __init__(
        self, kept: Mapping[str, Message], marks: Mapping[str, str], template: NoteTemplate
    ) -> None:
        self._kept = kept
        self._marks = marks
        self._template = template

    def delivery(self, sent: DemoMail) -> Delivery:
        """Return what became of a mail."""
        return self._kept[sent.message_id].deliveries[0]

    def print(self, title: str, mails: Sequence[DemoMail]) -> None:
        """Print what became of each mail, person by person."""
        first = self._kept[mails[0].message_id]
        print_line(f"\n{title}: {first.subject} → {first.kind} (rule {first.rule})", "bold")
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("person", "in the CRM", "became", "note"):
            table.add_column(heading)
        for sent in mails:
            name, mark = sample.PEOPLE[sent.recipient], self._marks[sent.recipient]
            # The reason the CRM heard, without code, state and number; empty for 250.
            line = sent.reply.partition("\n")[0]
            reason = line.partition(": ")[2].partition(" No. ")[0] if line[:3] == "550" else ""
            state = self.delivery(sent).state
            style = "bold red" if state is State.SEND_FAILED else "green"
            table.add_row(name, mark, Text(self._template.state(state), style=style), reason)
        console().print(table)
