"""The configured relays, with their certificates loaded."""

import ssl

from gateway.app.certificates import BadCertificate, client_context, load_certificate
from gateway.app.common import host_name
from gateway.config import Settings
from gateway.config.smtp import RelayConfig
from gateway.core.mail.address import domain_of
from gateway.delivery.settings import MailMatch, RelaySettings


def relays_of(settings: Settings) -> tuple[RelaySettings, ...]:
    """Return the relays, the one for all other mail last.

    Raises BadCertificate for files that can't be used.
    """
    ordered = sorted(settings.relays, key=lambda relay: relay.match is None)
    return tuple(map(relay_settings, ordered))


def relay_settings(relay: RelayConfig) -> RelaySettings:
    """Return one relay with its TLS context loaded; BadCertificate if that fails."""
    password = relay.password.get_secret_value() if relay.password else ""
    return RelaySettings(
        name=relay.name,
        host=relay.host,
        port=relay.port,
        helo_name=relay.helo_name or host_name(),
        tls=relay.tls,
        context=None if relay.tls == "none" else relay_context(relay),
        auth=relay.auth,
        username=relay.username or "",
        password=password,
        match=match_of(relay),
        max_connections=relay.max_connections,
        messages_per_minute=relay.messages_per_minute,
        null_sender=relay.null_sender,
        our_fault=relay.our_fault,
        budget=relay.budget,
    )


def match_of(relay: RelayConfig) -> MailMatch:
    """Return which mail a relay is for; without a `match`, any."""
    if relay.match is None:
        return MailMatch()
    return MailMatch(
        listeners=frozenset(relay.match.listener),
        logins=frozenset(relay.match.login),
        sender_domains=frozenset(domain_of(f"x@{domain}") for domain in relay.match.sender_domain),
    )


def relay_context(relay: RelayConfig) -> ssl.SSLContext:
    """Return the TLS context for a relay; BadCertificate if a file can't be used."""
    try:
        context = client_context(relay.ca)
        if relay.cert is not None:
            load_certificate(context, relay.cert, relay.key)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadCertificate(f"relay {relay.name}: its certificates: {reason}") from error
    return context
