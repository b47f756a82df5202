"""The week of the demo: a mailing, what comes back of it, and the next mailing.

A day lasts a second: `[bounces] apart` is two seconds here and two days as shipped, all else is as
it always is. What providers and people do is done for them: their mails come to the listener that
reads bounces, a click to the API as a web server passes it on.
"""

import smtplib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from typing import TypeVar
from urllib.parse import urlsplit

from rich.table import Table

from gateway.cli.context import Context
from gateway.cli.demo import sample
from gateway.cli.demo.mails import DemoMail, journal_of, send_mail
from gateway.cli.demo.relay import DemoRelay, RelayedMail
from gateway.cli.output import console, print_line
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.errors import GatewayError
from gateway.core.kinds import Scope
from gateway.core.people.people import PersonRef
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.sending.outbox import OutboxRow
from gateway.store.bounces import bounces
from gateway.store.engine.database import Database
from gateway.store.journal import messages
from gateway.store.people import people, suppression
from gateway.store.replies import inbox
from gateway.store.sending import outbox

T = TypeVar("T")

_DAY_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_ADDRESS = "bounces@crm.example"


class WeekBroken(GatewayError):
    """What the demo's week waits for did not happen in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPorts:
    """Where the gateway of the demo listens."""

    crm: int
    bounces: int
    api: int


@dataclass(frozen=True, slots=True)
class WeekEvent:
    """Something that happened in the week, and what the gateway made of it."""

    day: str
    name: str
    what: str
    did: str
    because: str


class Week:
    """Goes through the week, and keeps what is to be told of it."""

    def __init__(self, store: Database, relay: DemoRelay, ports: WeekPorts) -> None:
        self._store = store
        self._relay = relay
        self._ports = ports
        self._reports = 0  #: Mails that told what came back.
        self.events: list[WeekEvent] = []
        self.last_mails: list[DemoMail] = []  #: The next mailing, and a personal mail.

    def live_through(self) -> None:
        """Send, and let come back what comes back."""
        gerard, hanna, ilse, jonas, karel = sample.READERS
        began = time.monotonic()
        for address in sample.READERS:
            send_mail(self._ports.crm, sample.WEEK_MAILINGS[0], address)
        got = {mail.recipients[0]: mail for mail in self._relay.mails[-len(sample.READERS) :]}
        self._tell("Monday", "", "a mailing", f"sent to {len(got)}", "nobody is suppressed")
        self._bounce("Monday", gerard, got[gerard], sample.UNKNOWN, "one may be a mistake")
        self._bounce("Monday", jonas, got[jonas], sample.FULL, "soon there may be room")

        self._sleep_until(began, 1)
        header = got[hanna].content.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
        kept = self._come_back(sample.ARF, _ADDRESS, hanna, got[hanna], header=header)
        self._tell(
            "Tuesday", hanna, "called it spam", self._became(kept), f"{kept.kind} counts at once"
        )
        self._click(got[ilse])
        self._tell("Tuesday", ilse, "clicked on “unsubscribe”", self._suppressed(ilse), "RFC 8058")

        self._sleep_until(began, 2)
        self._absence("Wednesday", karel, got[karel])

        self._sleep_until(began, 3)
        send_mail(self._ports.crm, sample.WEEK_PERSONAL, gerard)
        again = self._relay.mails[-1]
        self._bounce("Thursday", gerard, again, sample.UNKNOWN, "the second, days after the first")

        self.last_mails = [
            *(send_mail(self._ports.crm, sample.WEEK_MAILINGS[1], each) for each in sample.READERS),
            send_mail(self._ports.crm, sample.WEEK_PERSONAL, ilse),
        ]

    def _sleep_until(self, began: float, day: int) -> None:
        time.sleep(max(0.0, began + day * _DAY_SECONDS - time.monotonic()))

    def _bounce(self, day: str, address: str, mail: RelayedMail, said: str, because: str) -> None:
        kept = self._come_back(sample.DSN, mail.sender, address, mail, said=said)
        self._tell(day, address, f"bounced: {kept.reason}", self._became(kept), because)

    def _absence(self, day: str, address: str, mail: RelayedMail) -> None:
        earlier = {row.id for row in self._passed_on()}
        name = self._hand_in(sample.ABSENCE, mail.sender, address)

        def settled() -> InboxRow | None:
            with self._store.reading() as connection:
                rows = inbox.listed(connection)
            decided = (row for row in rows if row.state is not InboxState.WAITING)
            return next((row for row in decided if name in row.message_id), None)

        row = self._wait_for(settled, "the notice of absence")
        to = ", ".join(row.recipient for row in self._passed_on() if row.id not in earlier)
        self._tell(
            day,
            address,
            "is on holiday",
            f"passed on to {to}" if to else "nothing",
            f"{row.state}: it is no bounce",
        )

    def _passed_on(self) -> list[OutboxRow]:
        with self._store.reading() as connection:
            return [row for row in outbox.listed(connection) if row.type == "bounce"]

    def _click(self, mail: RelayedMail) -> None:
        """Press a mail program's button, as a web server passes it on (RFC 8058, 3.2)."""
        field = str(message_from_bytes(mail.content)["List-Unsubscribe"])
        link = urlsplit(field.partition("<")[2].partition(">")[0])
        request = urllib.request.Request(  # to this machine
            f"http://127.0.0.1:{self._ports.api}{link.path}",
            data=b"List-Unsubscribe=One-Click",
            headers={"Host": link.netloc},
        )

        def answered() -> bool | None:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                    return bool(answer.status == 200)
            except urllib.error.HTTPError as refusal:
                if refusal.code != 503:  # else the journal has not heard of the mail yet
                    raise
            except OSError:  # the API starts
                pass
            return None

        self._wait_for(answered, "an answer to the click")

    def _come_back(
        self, template: str, to: str, address: str, mail: RelayedMail, **values: str
    ) -> KeptBounce:
        """Hand a report on a mail to the gateway, and return what it keeps of it."""
        name = message_from_bytes(mail.content)["Message-ID"]

        def is_known() -> bool | None:
            # The journal hears of a mail a moment after the CRM; real servers are slower than that.
            with self._store.reading() as connection:
                sent = messages.listed(connection, to=address)
            return any(message.message_id == name for message in sent) or None

        self._wait_for(is_known, "a mail in the journal")
        known = {kept.inbox for kept in self._kept()}
        self._hand_in(template, to, address, **values)
        return self._wait_for(
            lambda: next((kept for kept in self._kept() if kept.inbox not in known), None),
            "what came back",
        )

    def _hand_in(self, template: str, to: str, address: str, **values: str) -> str:
        """Give a report to the gateway; return its Message-ID without brackets."""
        self._reports += 1
        status = values.get("said", "").split(" ")[1:2]
        key = f"report-{self._reports}"
        text = template.format(to=to, address=address, key=key, status="".join(status), **values)
        with smtplib.SMTP("127.0.0.1", self._ports.bounces, timeout=30) as provider:
            provider.sendmail("", to, text.encode())
        return f"{key}@example.net"

    def _kept(self) -> list[KeptBounce]:
        with self._store.reading() as connection:
            return bounces.listed(connection)

    def _became(self, kept: KeptBounce) -> str:
        """Say what the gateway did."""
        if kept.suppression is not None:
            return self._suppressed(kept.address)
        return "counted, 1 of 2" if kept.hard else "counted"

    def _suppressed(self, address: str) -> str:
        with self._store.reading() as connection:
            # A click counts for the person it was sent to, whatever the address.
            whose: list[str | PersonRef] = [address, *people.holders(connection, address)]
            (entry,) = (entry for one in whose for entry in suppression.history(connection, one))
        what = "mail at all" if entry.scope is Scope.ALL else "bulk mail"
        return f"no {what} from now on"

    def _tell(self, day: str, address: str, what: str, did: str, because: str) -> None:
        name = sample.NAMES[address] if address else "everybody"
        self.events.append(WeekEvent(day, name, what, did, because))

    def _wait_for(self, look: Callable[[], T | None], what: str) -> T:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if (seen := look()) is not None:
                return seen
            time.sleep(_LOOK_SECONDS)
        raise WeekBroken(f"{what} did not come in time")


def show_week(context: Context, week: Week) -> None:
    """Print what happened day by day, the next mailing, and what the commands say of it."""
    print_line(
        "\nA week of mailings; a day lasts a second here ([bounces] apart is 2s, not 2d):", "bold"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("day", "person", "what came", "what the gateway did", "because"):
        table.add_column(heading)
    for event in week.events:
        table.add_row(event.day, event.name, event.what, event.did, event.because)
    console().print(table)
    journal = journal_of(context, week.last_mails)
    *mailing, personal = week.last_mails
    journal.print("The next mailing, a week later", mailing)
    journal.print_note(journal.first_failed(mailing))
    journal.print("A personal mail to somebody who unsubscribed", [personal])
    for words in (("list",), ("report", "--days", "7")):
        print_line(f"\n$ gateway bounces {' '.join(words)}", "bold")
        sys.stdout.flush()
        command = [sys.executable, "-m", "gateway", "--config", str(context.file), "bounces"]
        subprocess.run([*command, *words], check=True)
