"""`gateway check` for bounces: are they read where they arrive?"""

from collections.abc import Iterator
from datetime import timedelta

from gateway.app import common
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.wording import mail_wordings
from gateway.config import Settings
from gateway.core.bounces.bounce_report import BOUNCE_REPORT
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.written import counted
from gateway.store.bounces.bounce_shares import by_domain
from gateway.store.engine.database import Database

WEEK = timedelta(days=7)


def settings_for_bounces(settings: Settings) -> Iterator[Finding]:
    """Check where bounces arrive, who sends them there, and the wording of the daily report."""
    if settings.bounces.report_to or settings.notices.fallback_to:
        try:
            languages = list(mail_wordings(settings, "bounce_report", BOUNCE_REPORT))
            yield good("templates", f"bounce_report: {', '.join(languages)}")
        except (GatewayError, OSError) as problem:
            yield error("templates", str(problem))
    readers = [
        f"mailbox {mailbox.name}"
        for mailbox in settings.inbound.mailboxes
        if mailbox.purpose == "bounces"
    ]
    readers += [
        f"listener {listener.name}"
        for listener in settings.smtp.listeners
        if listener.purpose == "bounces"
    ]
    rewriting = [
        listener.name for listener in settings.smtp.listeners if listener.envelope == "rewrite"
    ]
    _, address = name_and_address(settings.bounces.address or "")
    local, _, domain = address.rpartition("@")
    if rewriting and not readers:
        names = ", ".join(rewriting)
        yield error(
            "bounces",
            f"envelope = rewrite of {names} sends them to {local}+…@{domain}, where nothing reads "
            'them: add a mailbox or a listener with purpose = "bounces"',
        )
    elif rewriting:
        yield good(
            "bounces",
            f"read at {', '.join(readers)}: the mail server must deliver {local}+…@{domain} there "
            "(Postfix: recipient_delimiter = +)",
        )
    elif readers:
        yield good("bounces", f"read at {', '.join(readers)}")
    yield from _bounce_listeners(settings)
    if readers and not rewriting:
        yield warning(
            "bounces",
            "no listener has envelope = rewrite: a bounce counts only where it gives back our "
            "Received line or names a Message-ID of ours",
        )


def _bounce_listeners(settings: Settings) -> Iterator[Finding]:
    """Check which clients the listeners for bounces accept mail from."""
    for listener in settings.smtp.listeners:
        if listener.purpose != "bounces":
            continue
        if not listener.bind.is_loopback and all(
            network.is_loopback for network in listener.networks
        ):
            yield warning(
                "bounces",
                f"listener {listener.name} takes mail from this host only: name the mail server "
                "that delivers bounces there in networks",
            )
        if listener.users is None and any(network.prefixlen == 0 for network in listener.networks):
            yield warning(
                "bounces",
                f"listener {listener.name} takes mail from everybody, and whatever it takes is "
                "read and kept: name the mail servers that deliver bounces there in networks",
            )


def bounce_shares(database: Database) -> Iterator[Finding]:
    """Check whether too much of the last 7 days' mail bounced."""
    since = common.now() - WEEK
    with database.reading() as connection:
        shares = by_domain(connection, since)
    for share in shares:
        if share.is_alarming:
            yield warning(
                "bounces",
                f"{share.sender or '<>'} to {share.receiver}, last 7 days: {share.alarm}: "
                "gateway bounces report",
            )
    sent, bounced = sum(share.sent for share in shares), sum(share.bounced for share in shares)
    if bounced or any(share.complaints for share in shares):
        complaints = sum(share.complaints for share in shares)
        yield good(
            "bounces",
            f"last 7 days: {counted(bounced, 'bounce')} and {counted(complaints, 'complaint')} "
            f"of {counted(sent, 'mail')}",
        )
