"""The demo from beginning to end."""

import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Never

import typer

from gateway.app import common
from gateway.cli.context import Context
from gateway.cli.demo import campaign, sample
from gateway.cli.demo.birthday import show_birthday
from gateway.cli.demo.mails import send_mail, show_mails
from gateway.cli.demo.open_console import open_console
from gateway.cli.demo.provider import DemoProvider
from gateway.cli.demo.relay import capturing_relay
from gateway.cli.demo.reply import forward_reply, show_reply
from gateway.cli.demo.waiting import DemoFailed
from gateway.cli.demo.week import Week, show_week
from gateway.cli.output import print_line
from gateway.crm.importer import import_file
from gateway.runtime.module_command import module_command

_START_SECONDS = 30.0
_STOP_SECONDS = 40.0
_ROLES = ("smtp", "inbound", "api")


def demo(
    *,
    with_console: Annotated[
        bool,
        typer.Option(
            "--console", help="Then show it all in the console, with a login, until Ctrl-C."
        ),
    ] = False,
) -> None:
    """Show what the gateway does, with a sample CRM.

    Starts a gateway on SQLite, with a sample CRM and a relay of its own, sends a mailing to
    everybody and one personal mail, and tells person by person what became of them; then forwards
    a reply and shows where it was filed; mails birthdays; sends a campaign through a Mailchimp
    account of its own and shows the report; then goes through a week in which mail bounces and
    people complain and unsubscribe. --console then opens the console on all that, with a login, a
    mail that waits to be filed, and a status of an application that mails. Nothing leaves this
    machine, and nothing stays on it.
    """
    signal.signal(signal.SIGTERM, _end)  # What was started must end, too.
    print_line(
        "Starting a gateway, with a sample CRM, a relay and a Mailchimp account of its own …"
    )
    with (
        tempfile.TemporaryDirectory(prefix="gateway-demo-") as name,
        capturing_relay() as relay,
        campaign.account() as account,
    ):
        folder, port, replies = Path(name), _free_port(), _free_port()
        bounces, api = _free_port(), _free_port()
        file = folder / "gateway.toml"
        config = sample.CONFIG.format(
            relay=relay.port,
            listener=port,
            bounces=bounces,
            api=api,
            replies=replies,
            mailchimp=account.url,
        )
        file.write_text(config, encoding="utf-8")
        context = Context(file)
        with context.store() as store:
            for kind, text in sample.FEED.items():
                exported = folder / f"{kind}.csv"
                exported.write_text(text, encoding="utf-8")
                import_file(store, kind, exported, source="crm", now=common.now())
        with running_gateway(file, port, _ROLES), context.store() as store:
            mailing = [send_mail(port, sample.MAILING, person) for person in sample.PEOPLE]
            personal = send_mail(port, sample.PERSONAL, sample.PERSONAL_TO)
            show_mails(context, mailing, personal, relay)
            show_reply(context, forward_reply(context, replies))
            show_birthday(context, file)
            campaign.show_campaign(context, campaign.send_campaign(context, account))
            provider = DemoProvider(store=store, bounces_port=bounces, api_port=api)
            week = Week(provider, relay, port)
            week.monday()
            week.tuesday()
            week.wednesday()
            week.thursday()
            week.a_week_later()
        show_week(context, file, week)
        if with_console:
            print_line("\nStarting it again, with the console …")
            sample.write_files(folder, sample.INVITED)
            with running_gateway(file, port) as gateway:
                open_console(context, replies, gateway)
        else:
            print_line("\nTo look at all this in the console: gateway demo --console", "bold")


def _end(*_: object) -> Never:
    raise KeyboardInterrupt


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_gateway(
    file: Path, port: int, roles: Sequence[str] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a gateway during the block; DemoFailed has its log if it doesn't listen in time."""
    log = file.with_suffix(".log")
    command = module_command("gateway", "--config", str(file), "run", *roles)
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
        yield process
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)
