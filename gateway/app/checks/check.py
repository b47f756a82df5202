"""`gateway check`: is everything there that mail will need, and what to do where it isn't."""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

from gateway.app import common
from gateway.app.checks.certificates import valid_until
from gateway.app.checks.check_addresses import stored_addresses
from gateway.app.checks.check_feed import kinds_of_feed, told_by_the_crm
from gateway.app.checks.check_http import settings_for_http
from gateway.app.checks.check_inbound import settings_for_replies, store_for_replies
from gateway.app.checks.check_loops import own_listener
from gateway.app.checks.check_mailbox import mailboxes
from gateway.app.checks.check_mailchimp import account
from gateway.app.checks.check_triggers import settings_for_triggers, store_for_triggers
from gateway.app.checks.check_words import finance_statuses, idle_tags
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.relays import relay_settings
from gateway.app.rules import rules_of
from gateway.app.wording import NOTES, note_templates
from gateway.config import Settings
from gateway.config.smtp import ListenerConfig, RelayConfig
from gateway.core.errors import GatewayError
from gateway.core.kinds import Kind
from gateway.core.sending.outbox import OutboxState
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.smtp_proxy.users import Users
from gateway.store.engine.database import StoreUnavailable
from gateway.store.views import status
from gateway.store.views.status import snapshot

CERTIFICATE_ENDS_SOON = timedelta(days=14)
_ANSWER_SECONDS = 10.0
_LOUD = (OutboxState.FAILED, OutboxState.UNKNOWN)


async def check(
    settings: Settings, config: Path | None, *, offline: bool
) -> AsyncIterator[Finding]:
    """Look at everything the settings of a config file name; `offline` tries no connection."""
    for finding in _local(settings):
        yield finding
    is_file = settings.store.url.get_secret_value().startswith("sqlite:")
    if is_file or not offline:
        for finding in await asyncio.to_thread(lambda: list(_store(settings))):
            yield finding
    if not offline:
        for finding in await asyncio.to_thread(lambda: list(account(settings))):
            yield finding
    for relay in settings.relays:
        if (listener := own_listener(settings, relay, offline=offline)) is not None:
            yield error(
                f"relay {relay.name}",
                f"{relay.host}:{relay.port} is the gateway's own listener {listener.name}, mail "
                "would go round in circles: give the host and port of the mail server",
            )
        elif not offline:
            async for finding in _relay(relay):
                yield finding
    if not offline:
        async for finding in mailboxes(settings, config):
            yield finding


def _local(settings: Settings) -> Iterator[Finding]:
    yield from _kinds(settings)
    at_rcpt = [one.name for one in settings.smtp.listeners if one.reject_at == "rcpt"]
    if at_rcpt and settings.suppression.reply == "accept":
        yield warning(
            "replies",
            f'suppression.reply = "accept" refuses nobody, also at {", ".join(at_rcpt)}: '
            'take reject_at = "rcpt" out there, or set reply = "reject"',
        )
    yield from _notes(settings)
    url = settings.store.url.get_secret_value()
    if url.startswith("sqlite:///"):
        yield _writable("store", Path(url.removeprefix("sqlite:///")).parent)
    if settings.store.blobs.startswith("file://"):
        yield _writable("blobs", Path(settings.store.blobs.removeprefix("file://")))
    if settings.crm.folder is not None:
        yield _writable("crm", settings.crm.folder)
    yield from settings_for_replies(settings)
    yield from settings_for_triggers(settings)
    yield from settings_for_http(settings)
    for listener in settings.smtp.listeners:
        yield from _listener(listener)
        yield from _at_rcpt(settings, listener)
    for relay in settings.relays:
        if relay.cert is not None:
            yield from _certificate(f"relay {relay.name}", relay.cert)


def _kinds(settings: Settings) -> Iterator[Finding]:
    """Could anything ever be recognised as a mailing, or as mail from a person's own file?"""
    rules = rules_of(settings)
    kinds = {rule.kind for rule in rules}
    kinds |= {
        Kind(listener.kind) for listener in settings.smtp.listeners if listener.kind != "auto"
    }
    default = settings.smtp.default_kind
    if Kind.BULK not in kinds | {default}:
        yield warning(
            "rules",
            "nothing can ever be recognised as a mailing: add a [[rules]] entry, a listener with "
            'kind = "bulk", or set smtp.default_kind = "bulk"',
        )
    elif Kind.INDIVIDUAL not in kinds | {default}:
        yield warning(
            "rules",
            "everything counts as a mailing: add a rule or a listener for mail that is sent from "
            "a person's own file",
        )
    elif default is Kind.INDIVIDUAL:
        yield good(
            "rules",
            f"{len(rules)} rules; what none matches is individual "
            '(smtp.default_kind = "bulk" is stricter)',
        )
    else:
        yield good("rules", f"{len(rules)} rules; what none matches is bulk")


def _at_rcpt(settings: Settings, listener: ListenerConfig) -> Iterator[Finding]:
    """Say what refusing single recipients does to the others."""
    is_effective = listener.purpose == "proxy" and settings.suppression.reply == "reject"
    if listener.reject_at != "rcpt" or not is_effective:
        return
    advice = 'set suppression.report = "always", and look yours up in docs/clients.md'
    if settings.suppression.report == "always":
        advice = "look yours up in docs/clients.md"
    yield warning(
        f"listener {listener.name}",
        "refuses single recipients at RCPT: about half of the mail libraries then send to nobody, "
        f"and some of the others tell their user nothing: {advice}",
    )


def _notes(settings: Settings) -> Iterator[Finding]:
    folder = settings.templates.folder / NOTES
    language = settings.suppression.language
    try:
        languages = list(note_templates(settings))
    except (GatewayError, OSError) as problem:
        yield error("notes", str(problem))
        return
    if language in languages:
        yield good("notes", f"{folder}: {', '.join(languages)}")
    else:
        yield error(
            "notes", f"{folder} has no {language}.txt: put it there or set templates.folder"
        )


def _writable(what: str, folder: Path) -> Finding:
    nearest = next(one for one in (folder, *folder.parents) if one.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        return error(what, f"{nearest} can't be written to: make it a folder of the gateway's user")
    return good(what, f"{folder} can be written to")


def _listener(listener: ListenerConfig) -> Iterator[Finding]:
    what = f"listener {listener.name}"
    before = f"{listener.bind} ({listener.protocol}, {listener.kind})"
    if listener.cert is not None:
        yield from _certificate(what, listener.cert)
        yield from _pair(what, listener)
    if listener.users is not None:
        yield from _users(what, listener)
    if listener.mode == "observe":
        yield warning(what, f'{before} only observes: set mode = "enforce" when you trust it')
    else:
        yield good(what, before)


def _certificate(what: str, file: Path) -> Iterator[Finding]:
    try:
        left = valid_until(file) - common.now()
    except (OSError, ValueError) as problem:
        yield error(what, f"{file}: {problem}")
        return
    if left <= timedelta(0):
        yield error(what, f"{file} has expired: renew it, then reload (SIGHUP)")
    elif left < CERTIFICATE_ENDS_SOON:
        yield warning(what, f"{file} expires in {left.days} days: renew it, then reload (SIGHUP)")
    else:
        yield good(what, f"{file} is valid for {left.days} days")


def _pair(what: str, listener: ListenerConfig) -> Iterator[Finding]:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(listener.cert), listener.key)
    except OSError as problem:
        yield error(what, f"cert and key can't be used together: {problem.strerror or problem}")


def _users(what: str, listener: ListenerConfig) -> Iterator[Finding]:
    if listener.users is None:
        return
    try:
        Users.read(listener.users, time.monotonic)
    except (GatewayError, OSError) as problem:
        yield error(what, f"users: {problem}")
    if listener.tls == "none":
        yield warning(what, 'passwords come in clear text: set tls = "starttls" with cert and key')


def _store(settings: Settings) -> Iterator[Finding]:
    database = common.open_database(settings)
    try:
        common.prepare(database)
        with database.reading() as connection:
            found, carried = snapshot(connection), status.tags(connection)
            finances = status.finance_statuses(connection)
        rest = [
            *stored_addresses(database),
            *told_by_the_crm(database),
            *store_for_replies(settings, database),
            *store_for_triggers(settings, database),
        ]
    except StoreUnavailable as problem:
        yield error("store", f"{problem}: bulk mail is answered 451 until it is back")
        return
    except GatewayError as problem:
        yield error("store", str(problem))
        return
    finally:
        database.close()
    yield good("store", "answers, and its schema is whole")
    if not found.feeds:
        yield warning("feed", "nothing was ever imported: gateway import, or set crm.folder")
    yield from kinds_of_feed(found.kinds, settings.crm.old_after)
    for source, at in found.feeds.items():
        age = common.now() - at
        text = f"{source} was last fed {_roughly(age)} ago"
        is_old = age > settings.crm.old_after
        yield warning("feed", f"{text}: is its export running?") if is_old else good("feed", text)
    if found.paused:
        yield warning("mail", f"{', '.join(found.paused)} mail is paused: gateway resume")
    for state in _LOUD:
        if count := found.outbox.get(state, 0):
            advice = f"gateway outbox list --state {state}, then retry or cancel"
            yield warning("outbox", f"{count} entries are {state}: {advice}")
    yield from idle_tags(carried)
    yield from finance_statuses(finances)
    yield from rest


def _roughly(age: timedelta) -> str:
    hours = int(age.total_seconds()) // 3600
    if hours < 2:
        return "an hour" if hours == 1 else "less than an hour"
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"


async def _relay(relay: RelayConfig) -> AsyncIterator[Finding]:
    what = f"relay {relay.name}"
    where = f"{relay.host}:{relay.port}"
    try:
        connection = await RelayConnection.open(relay_settings(relay))
        sender = await connection.command(b"MAIL FROM:<>\r\n", _ANSWER_SECONDS)
    except RelayRefuses as problem:
        yield error(
            what, f"{where} refuses the gateway at {problem}: compare with its own settings"
        )
        return
    except RelayLost as problem:
        reason = str(problem).removeprefix(f"{relay.name}: ")
        yield error(what, f"{where}: {reason}: is it running, and are host, port and tls right?")
        return
    except GatewayError as problem:
        yield error(what, str(problem))
        return
    connection.quit()
    if relay.null_sender and not sender.positive:
        yield warning(what, f"{where} refuses <> ({sender.text}): set null_sender = false")
        return
    yield good(what, f"{where} answers and offers {' '.join(sorted(connection.extensions))}")
