"""`gateway check`: whether everything mail needs is there, and what to do if it isn't."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from gateway.app.checks.check_bounces import settings_for_bounces
from gateway.app.checks.check_console import console_users, provider
from gateway.app.checks.check_domains import domains
from gateway.app.checks.check_http import settings_for_http
from gateway.app.checks.check_inbound import settings_for_replies
from gateway.app.checks.check_listeners import certificate, listener, refusals_at_rcpt
from gateway.app.checks.check_mailbox import mailboxes
from gateway.app.checks.check_mailchimp import account
from gateway.app.checks.check_relays import call_relay, own_listener
from gateway.app.checks.check_settings import folders, kinds, notes, own_mail, replies
from gateway.app.checks.check_store import store_and_feed
from gateway.app.checks.check_triggers import settings_for_triggers
from gateway.app.checks.findings import Finding, error
from gateway.config import ConfigText, Settings


async def check(settings: Settings, config: ConfigText, *, offline: bool) -> AsyncIterator[Finding]:
    """Check everything the settings of `config` name; `offline` makes no connections."""
    for finding in _settings(settings):
        yield finding
    is_file = settings.store.url.get_secret_value().startswith("sqlite:")
    if is_file or not offline:
        for finding in await asyncio.to_thread(lambda: list(store_and_feed(settings))):
            yield finding
    if not offline:
        for finding in await asyncio.to_thread(lambda: list(account(settings))):
            yield finding
    for relay in settings.relays:
        if (own := own_listener(settings, relay, offline=offline)) is not None:
            yield error(
                f"relay {relay.name}",
                f"{relay.host}:{relay.port} is the gateway's own listener {own.name}, mail "
                "would go round in circles: give the host and port of the mail server",
            )
        elif not offline:
            async for finding in call_relay(relay):
                yield finding
    for finding in await asyncio.to_thread(lambda: list(domains(settings, offline=offline))):
        yield finding
    if not offline:
        async for finding in _accounts(settings, config):
            yield finding


async def _accounts(settings: Settings, config: ConfigText) -> AsyncIterator[Finding]:
    """Check the OpenID Connect provider and the mailboxes."""
    async for finding in provider(settings):
        yield finding
    async for finding in mailboxes(settings, config):
        yield finding


def _settings(settings: Settings) -> Iterator[Finding]:
    """Check what can be checked in the settings without a store or a connection."""
    yield from kinds(settings)
    yield from replies(settings)
    yield from notes(settings)
    yield from own_mail(settings)
    yield from folders(settings)
    yield from settings_for_replies(settings)
    yield from settings_for_bounces(settings)
    yield from settings_for_triggers(settings)
    yield from settings_for_http(settings)
    yield from console_users(settings)
    for listener_config in settings.smtp.listeners:
        yield from listener(listener_config)
        yield from refusals_at_rcpt(settings, listener_config)
    for relay in settings.relays:
        if relay.cert is not None:
            yield from certificate(f"relay {relay.name}", relay.cert)
