"""The demo CRM's mails: how they are sent, and what the journal says about them."""

import smtplib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes

from rich.table import Table
from rich.text import Text

from gateway.cli.context import Context
from gateway.cli.decision.messages import wording
from gateway.cli.demo import sample
from gateway.cli.demo.relay import DemoRelay
from gateway.cli.output import console, print_line
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import State
from gateway.core.written import counted
from gateway.store.journal import messages
from gateway.store.people import people

_KNOWN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class DemoMail:
    """A mail of the CRM, and the answer it got."""

    recipient: str
    message_id: str
    reply: str


def send_mail(port: int, text: str, address: str) -> DemoMail:
    """Send a mail like a CRM: one per person."""
    number, name = list(sample.NAMES).index(address), sample.NAMES[address]
    content = text.format(name=name, address=address, number=number).encode()
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as crm:
        crm.ehlo("crm.example")
        crm.mail(sample.SENDER)
        crm.rcpt(address)
        code, reply = crm.data(content)
    message_id = message_from_bytes(content)["Message-ID"]
    return DemoMail(address, message_id, f"{code} {reply.decode(errors='replace')}")


def show_mails(
    invocation: Context, mailing: list[DemoMail], personal: DemoMail, relay: DemoRelay
) -> None:
    """Print the mails' results, what the CRM heard about a failed one, and the relay's mails."""
    journal = journal_of(invocation, [*mailing, personal])
    journal.print("A mailing to everybody", mailing)
    journal.print("A personal mail to somebody who is out of mailings", [personal])
    failed = journal.first_failed(mailing)
    print_line(f"\nWhat the CRM heard for {sample.NAMES[failed.recipient]}:", "bold")
    for line in failed.reply.splitlines():
        print_line(f"  {line}", "red")
    journal.print_note(failed)
    receivers = ", ".join(sample.PEOPLE[mail.recipients[0]] for mail in relay.mails)
    print_line(f"\nThe relay got {counted(len(relay.mails), 'mail')}: {receivers}.", "bold")


def journal_of(invocation: Context, mails: Sequence[DemoMail]) -> "DemoJournal":
    """Return the journal's entries once it has some mails, a moment after the CRM's answer."""
    message_ids = {mail.message_id for mail in mails}
    deadline = time.monotonic() + _KNOWN_SECONDS
    with invocation.store() as store:
        while True:
            with store.reading() as connection:
                entries = {
                    message.message_id: message for message in messages.list_messages(connection)
                }
                if message_ids <= entries.keys() or time.monotonic() > deadline:
                    break
            time.sleep(0.05)
        with store.reading() as connection:
            marks = {address: _marks(people.find(connection, address)) for address in sample.NAMES}
    return DemoJournal(entries, marks, wording(invocation))


def _marks(records: tuple[people.PersonRecord, ...]) -> str:
    """Return what the CRM says about a person."""
    words: list[str] = []
    for record in records:
        words += [
            f"group “{joined.group.name}”{'' if joined.group.active else ' (inactive)'}"
            for joined in record.groups
        ]
        if record.status is not None and record.status.tag:
            words.append(f"status “{record.status.name}”")
    return ", ".join(words)


class DemoJournal:
    """The journal's entries on the mails sent."""

    def __init__(
        self, entries: Mapping[str, Message], marks: Mapping[str, str], template: NoteTemplate
    ) -> None:
        self._entries = entries
        self._marks = marks
        self._template = template

    def delivery(self, sent: DemoMail) -> Delivery:
        """Return the result of a mail."""
        return self._entries[sent.message_id].deliveries[0]

    def first_failed(self, mails: Sequence[DemoMail]) -> DemoMail:
        """Return the first of some mails that the gateway refused."""
        return next(mail for mail in mails if self.delivery(mail).state is State.SEND_FAILED)

    def print_note(self, failed: DemoMail) -> None:
        """Print why a mail was refused."""
        print_line("\nThe note in full, as gateway messages show has it:", "bold")
        for line in self.delivery(failed).note.splitlines():
            print_line(f"  {line}" if line else "")

    def print(self, title: str, mails: Sequence[DemoMail]) -> None:
        """Print the result of each mail, person by person."""
        first = self._entries[mails[0].message_id]
        print_line(f"\n{title}: {first.subject} → {first.kind} (rule {first.rule})", "bold")
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("person", "in the CRM", "became", "note"):
            table.add_column(heading)
        for sent in mails:
            name, mark = sample.NAMES[sent.recipient], self._marks[sent.recipient]
            # The reason the CRM heard, without code, state and number; empty for 250.
            line = sent.reply.partition("\n")[0]
            reason = line.partition(": ")[2].partition(" No. ")[0] if line[:3] == "550" else ""
            state = self.delivery(sent).state
            style = "bold red" if state is State.SEND_FAILED else "green"
            table.add_row(name, mark, Text(self._template.state(state), style=style), reason)
        console().print(table)
