"""The demo's week: a mailing, its bounces, and the next mailing.

A day lasts half a second: `[bounces] apart` is one second here instead of two days; everything else
is as usual.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from gateway.cli.context import Context
from gateway.cli.demo import sample
from gateway.cli.demo.mails import DemoMail, journal_of, send_mail
from gateway.cli.demo.provider import DemoProvider
from gateway.cli.demo.relay import DemoRelay, RelayedMail
from gateway.cli.demo.shown_command import show_command
from gateway.cli.output import console, print_line
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.kinds import Scope
from gateway.core.people.people import RefOrAddress
from gateway.store.engine.database import Database
from gateway.store.people import people, suppression
from gateway.store.sending import outbox

_DAY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WeekEvent:
    """An event of the week, and the gateway's reaction."""

    day: str
    name: str
    what: str
    did: str
    because: str


class Week:
    """Goes through the week a day at a time, and records what to report."""

    def __init__(self, provider: DemoProvider, relay: DemoRelay, port: int) -> None:
        self._provider = provider
        self._relay = relay
        self._port = port  #: The gateway's, to which the CRM sends.
        self._began = 0.0  #: The end of Monday, by the monotonic clock.
        self._got: dict[str, RelayedMail] = {}  #: The first mailing, by recipient.
        self.events: list[WeekEvent] = []
        self.last_mails: list[DemoMail] = []  #: The next mailing, and a personal mail.

    def monday(self) -> None:
        """Send a mailing, of which two mails bounce at once."""
        for address in sample.READERS:
            send_mail(self._port, sample.WEEK_MAILINGS[0], address)
        mails = self._relay.mails[-len(sample.READERS) :]
        self._got = {mail.recipients[0]: mail for mail in mails}
        event = WeekEvent(
            "Monday", "everybody", "a mailing", f"sent to {len(mails)}", "nobody is suppressed"
        )
        self.events.append(event)
        for address, reply, because in (
            (sample.GERARD, sample.UNKNOWN, "one may be a mistake"),
            (sample.JONAS, sample.FULL, "soon there may be room"),
        ):
            bounce = self._provider.bounce(address, self._got[address], reply)
            self._tell("Monday", address, f"bounced: {bounce.reason}", outcome_of(bounce), because)
        # However slow the machine is, Thursday's events come days after this.
        self._began = time.monotonic()

    def tuesday(self) -> None:
        """Have one recipient complain, and one unsubscribe."""
        self._sleep_until(1)
        bounce = self._provider.complain(sample.HANNA, self._got[sample.HANNA])
        because = f"{bounce.kind} counts at once"
        self._tell("Tuesday", sample.HANNA, "called it spam", outcome_of(bounce), because)
        self._provider.click(self._got[sample.ILSE])
        what = "clicked on “unsubscribe”"
        self._tell("Tuesday", sample.ILSE, what, "nothing", "RFC 8058")

    def wednesday(self) -> None:
        """Receive a notice of absence."""
        self._sleep_until(2)
        with self._provider.store.reading() as connection:
            earlier = {row.id for row in outbox.list_outbox(connection)}
        row = self._provider.be_away(sample.KAREL, self._got[sample.KAREL])
        with self._provider.store.reading() as connection:
            passed_on = [row for row in outbox.list_outbox(connection) if row.id not in earlier]
        to = ", ".join(row.recipient for row in passed_on)
        did = f"passed on to {to}" if to else "nothing"
        because = f"{row.state}: it is no bounce"
        self._tell("Wednesday", sample.KAREL, "is on holiday", did, because)

    def thursday(self) -> None:
        """Have a personal mail bounce as the mailing did."""
        self._sleep_until(3)
        send_mail(self._port, sample.WEEK_PERSONAL, sample.GERARD)
        bounce = self._provider.bounce(sample.GERARD, self._relay.mails[-1], sample.UNKNOWN)
        because = "the second, days after the first"
        self._tell(
            "Thursday", sample.GERARD, f"bounced: {bounce.reason}", outcome_of(bounce), because
        )

    def a_week_later(self) -> None:
        """Send the next mailing, and a personal mail to somebody who gets no mailings."""
        template = sample.WEEK_MAILINGS[1]
        self.last_mails = [send_mail(self._port, template, person) for person in sample.READERS]
        self.last_mails.append(send_mail(self._port, sample.WEEK_PERSONAL, sample.ILSE))

    def _sleep_until(self, day: int) -> None:
        time.sleep(max(0.0, self._began + day * _DAY_SECONDS - time.monotonic()))

    def _tell(self, day: str, address: str, what: str, did: str, because: str) -> None:
        """Record an event; if somebody is now suppressed, that is the gateway's reaction."""
        scope = suppressed_scope(self._provider.store, address)
        if scope is not None:
            did = f"no {'mail at all' if scope is Scope.ALL else 'bulk mail'} from now on"
        self.events.append(WeekEvent(day, sample.NAMES[address], what, did, because))


def outcome_of(bounce: KeptBounce) -> str:
    """Return what a bounce that suppresses nobody counts as."""
    return "counted, 1 of 2" if bounce.hard else "counted"


def suppressed_scope(store: Database, address: str) -> Scope | None:
    """Return the scope in which somebody is now suppressed, by address or as a person."""
    with store.reading() as connection:
        refs_or_addresses: list[RefOrAddress] = [address, *people.holders(connection, address)]
        scopes = [
            entry.scope
            for ref_or_address in refs_or_addresses
            for entry in suppression.history(connection, ref_or_address)
        ]
    return scopes[0] if scopes else None


def show_week(invocation: Context, file: Path, week: Week) -> None:
    """Print the events day by day, the next mailing, and what the commands say about it."""
    print_line(
        "\nA week of mailings; a day lasts half a second here ([bounces] apart is 1s, not 2d):",
        "bold",
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("day", "person", "what came", "what the gateway did", "because"):
        table.add_column(heading)
    for event in week.events:
        table.add_row(event.day, event.name, event.what, event.did, event.because)
    console().print(table)
    journal = journal_of(invocation, week.last_mails)
    *mailing, personal = week.last_mails
    journal.print("The next mailing, a week later", mailing)
    journal.print_note(journal.first_failed(mailing))
    journal.print("A personal mail to somebody who unsubscribed", [personal])
    show_command(file, "bounces", "list")
    show_command(file, "bounces", "report", "--days", "7")
