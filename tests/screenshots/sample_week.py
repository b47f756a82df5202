"""A week of the demo's CRM, from Monday to Friday, and then a gateway to look at."""

import contextlib
import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.api.console.roles import ConsoleRole
from gateway.api.console.users import put_user
from gateway.app import common
from gateway.cli.context import Context
from gateway.cli.demo import campaign, sample
from gateway.cli.demo.mails import send_mail
from gateway.cli.demo.provider import DemoProvider
from gateway.cli.demo.relay import DemoRelay, capturing_relay
from gateway.cli.demo.reply import forward_reply
from gateway.cli.demo.week import Week
from gateway.core.sending.outbox import OutboxState
from gateway.crm.importer import import_file
from gateway.sandbox import Sandbox
from gateway.store.journal import messages
from gateway.store.sending import outbox
from gateway.triggers.reports import TYPE
from tests.rig.moved_clock import MovedClock
from tests.rig.process import LOOPBACK, free_port

MONDAY = datetime(2026, 11, 23, tzinfo=ZoneInfo("Europe/Amsterdam"))
USER, PASSWORD = "Eva Bos", "correct horse"
ROLES = (ConsoleRole.MANAGE, ConsoleRole.RUN)

#: More than the demo's feed has.
APPLICATIONS = {
    "programmes": "crm_id,name\n1,Teacher of mathematics\n2,Teacher of French\n",
    "applications": """\
reference,person,programme,status,responsible,submitted_at
4711,103,1,received,1,2026-11-02T10:15
4712,101,1,received,1,2026-11-20T16:40
4713,102,2,invited,1,2026-11-21T09:05
4714,302,2,invited,1,2026-11-09T11:30
""",
}
BORN_LATER = "305,1986-12-01,yes\n304,1979-12-04,yes\n104,1990-12-08,yes\n"
#: What comes from Friday's export: a day that the month hasn't got, and a status that nobody knows.
FRIDAY = """kind,crm_id,first_name,last_name,emails,status,language,birthday
candidate,306,Lotte,Peters,lotte@example.net,available,nl,1991-04-31
candidate,307,Milan,Maas,milan@example.net,vertrokken,nl,1988-11-30
"""
#: Two mails that could not be filed: without a reference, and with one that no application has.
UNFILED = (
    sample.UNFILED,
    sample.UNFILED.replace("WG: Unterlagen", "4799 WG: Zeugnis").replace("forward-2", "forward-3"),
)


@contextmanager
def sample_gateway(folder: Path, clock: MovedClock) -> Iterator[int]:
    """Go through the week, then run the gateway beside the block; gives the port of its API."""
    clock.set(at(day=0, hour=8))
    with (
        pytest.MonkeyPatch.context() as patch,
        capturing_relay() as relay,
        campaign.account(at(day=2, hour=13)) as account,
    ):
        patch.setattr(common, "ids_of", partial(common.ids_of, clock=clock.now))
        patch.setattr(common, "now", clock.now)
        for name, content in (*sample.BIRTHDAY.items(), *sample.INVITED.items()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        ports = {name: free_port() for name in ("listener", "replies", "bounces", "api")}
        file = folder / "gateway.toml"
        file.write_text(sample.CONFIG.format(relay=relay.port, mailchimp=account.url, **ports))
        context = Context(file)
        feed(context, folder, sample.FEED)
        born = sample.BORN.format(born="1980-11-27") + BORN_LATER
        feed(context, folder, {"people": born, **APPLICATIONS})
        put_user(context.settings.console.users, USER, PASSWORD, ROLES)
        # Without the role that sends what the gateway writes: the week tells mails by their order.
        with running(file, ports["listener"], clock, "smtp", "inbound", "api"):
            week = go_through(context, clock, relay, ports, account)
        clock.set(at(day=4, hour=6))
        with running(file, ports["listener"], clock):
            feed(context, folder, {**sample.FEED, **APPLICATIONS, "people": FRIDAY})
            for minutes, people in enumerate((["anna"], sample.PEOPLE, ["dieter", "bram"])):
                clock.set(at(day=4, hour=7, minute=20 * minutes))
                for person in people:
                    address = person if "@" in person else f"{person}@example.org"
                    template = sample.PERSONAL if len(people) < 3 else sample.MAILING
                    send_mail(ports["listener"], template, address)
            clock.set(at(day=4, hour=8))
            wait_for_birthdays(context)
            clock.set(at(day=4, hour=8, minute=10))
            week.a_week_later()
            forward_reply(context, ports["replies"])
            clock.set(at(day=4, hour=8, minute=40))
            for mail in UNFILED:
                with smtplib.SMTP(LOOPBACK, ports["replies"], timeout=30) as server:
                    server.sendmail(sample.STAFF, "replies@crm.example", mail.encode())
            yield ports["api"]


def go_through(
    context: Context,
    clock: MovedClock,
    relay: DemoRelay,
    ports: Mapping[str, int],
    account: Sandbox,
) -> Week:
    """Send the mailings of the demo, and let come back what does, until Thursday."""
    port = ports["listener"]
    clock.set(at(day=0, hour=9, minute=10))
    for person in sample.PEOPLE:
        send_mail(port, sample.MAILING, person)
    send_mail(port, sample.PERSONAL, sample.PERSONAL_TO)
    with context.store() as store:
        provider = DemoProvider(store=store, bounces_port=ports["bounces"], api_port=ports["api"])
        week = Week(provider, relay, port)
        days = (week.monday, week.tuesday, week.wednesday, week.thursday)
        for day, happens in enumerate(days):
            clock.set(at(day=day, hour=10 + day, minute=25))
            happens()
            if happens == week.wednesday:
                clock.set(account.now())
                campaign.send_campaign(context, account)
    return week


def wait_for_birthdays(context: Context) -> None:
    """Return once the trigger has mailed, and its report has left."""
    with context.store() as store:
        for _ in range(300):
            with store.reading() as connection:
                mailed = [mail.rule for mail in messages.list_messages(connection)]
                reports = [row.state for row in outbox.list_outbox(connection) if row.type == TYPE]
            if mailed.count("trigger:birthday") == 2 and OutboxState.SENT in reports:
                return
            time.sleep(0.1)
    raise TimeoutError("no mail on birthdays")


def feed(context: Context, folder: Path, files: Mapping[str, str]) -> None:
    """Take in exports, which lie in the folder."""
    with context.store() as store:
        for kind, text in files.items():
            exported = folder / f"{kind}.csv"
            exported.write_text(text, encoding="utf-8")
            import_file(store, kind, exported, source="crm", now=common.now())


@contextmanager
def running(file: Path, port: int, clock: MovedClock, *roles: str) -> Iterator[None]:
    """Run a gateway beside the block on that clock, with some roles or all."""
    command = [sys.executable, "-m", "gateway", "--config", str(file), "run", *roles]
    with file.with_suffix(".log").open("wb") as log:
        environment = {**os.environ, **clock.environment}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtplib.SMTP(LOOPBACK, port, timeout=5).quit()
                break
            time.sleep(0.1)
        else:
            raise TimeoutError(file.with_suffix(".log").read_text()[-2000:])
        yield
    finally:
        process.terminate()
        process.wait(40)


def at(*, day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of the week, whose first day is Monday."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)
