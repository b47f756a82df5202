"""Builds the proxy's policy from the settings."""

import hashlib
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gateway.app import common
from gateway.app.certificates import BadCertificate, load_certificate
from gateway.app.keys import signing_keys, unsubscribe_links
from gateway.app.relays import relays_of
from gateway.app.rules import rules_of
from gateway.app.wording import note_templates
from gateway.config import Settings
from gateway.config.smtp import ListenerConfig as ListenerSettings
from gateway.core.bounces.return_address import ReturnedTo, return_address
from gateway.core.kinds import Kind
from gateway.core.mail.address import domain_of
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.smtp_proxy.policy import ListenerPolicy, Override, Policy
from gateway.smtp_proxy.users import Users

if TYPE_CHECKING:
    from gateway.delivery.dkim_signer import DkimSigner


def policy(settings: Settings) -> Policy:
    """Return the policy for messages; GatewayError if a file can't be used."""
    hostname = common.host_name()
    zone = common.time_zone(settings)
    templates = note_templates(settings, console_url=settings.console.url or "")
    language = settings.suppression.language
    # The mark in our loop header: the same for all workers, different for other gateways.
    text = f"{hostname} {settings.store.url.get_secret_value()}"
    override = settings.smtp.override
    adding_rules = frozenset(rule.name for rule in settings.rules if rule.unsubscribe == "add")
    adding = adding_rules or any(
        listener.unsubscribe == "add" for listener in settings.smtp.listeners
    )
    return Policy(
        hostname=hostname,
        instance=hashlib.blake2b(text.encode(), digest_size=8).hexdigest(),
        rules=rules_of(settings),
        default_kind=settings.smtp.default_kind,
        relays=relays_of(settings),
        notes={language: templates[language], **templates},
        languages={
            domain_of(f"x@{domain}"): spoken
            for domain, spoken in settings.suppression.languages.items()
        },
        notifier=settings.notices.sender or common.notifier(settings),
        override=Override(logins=frozenset(override.login), header=(override.header or "").lower()),
        plus_addresses=settings.suppression.plus_addresses,
        accept_suppressed=settings.suppression.reply == "accept",
        report_always=settings.suppression.report == "always",
        normalise_newlines=settings.smtp.bare_newline == "normalize",
        max_size=settings.smtp.max_message_size,
        max_recipients=settings.smtp.max_recipients,
        max_per_client=max(1, settings.smtp.max_connections_per_client // settings.smtp.workers),
        local_time=lambda moment: moment.astimezone(zone),
        links=unsubscribe_links(settings) if adding else None,
        unsubscribe_rules=adding_rules,
    )


def listeners(settings: Settings) -> Sequence[ListenerPolicy]:
    """Return the listeners with their certificates loaded."""
    return [
        ListenerPolicy(
            name=listener.name,
            lmtp=listener.protocol == "lmtp",
            kind=None if listener.kind == "auto" else Kind(listener.kind),
            observe=listener.mode == "observe",
            tls=listener.tls,
            context=server_context(listener),
            networks=listener.networks,
            users=Users.read(listener.users) if listener.users else None,
            reject_at_rcpt=listener.reject_at == "rcpt",
            imports=listener.purpose in ("import", "bounces"),
            adds_unsubscribe=listener.unsubscribe == "add",
            signer=signer(settings) if listener.sign else None,
            return_address=return_addresses(settings) if listener.envelope == "rewrite" else None,
        )
        for listener in settings.smtp.listeners
    ]


def signer(settings: Settings) -> "DkimSigner":
    """Return the signer of a listener's mail; GatewayError if a key can't sign."""
    # It loads dkimpy and cryptography, which most workers don't need.
    from gateway.app.dkim_keys import dkim_signer

    return dkim_signer(settings)


def return_addresses(settings: Settings) -> Callable[[int], str]:
    """Return the maker of envelope senders; GatewayError for a bad key file."""
    keys = signing_keys(settings)
    _, base = name_and_address(settings.bounces.address or "")
    return lambda message: return_address(base, ReturnedTo(message), keys)


def server_context(listener: ListenerSettings) -> ssl.SSLContext | None:
    """Return a listener's TLS context; None without TLS. BadCertificate if a file can't be read."""
    if listener.tls == "none" or listener.cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        load_certificate(context, listener.cert, listener.key)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadCertificate(f"listener {listener.name}: {listener.cert}: {reason}") from error
    return context
