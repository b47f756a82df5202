"""`gateway check` for listeners: their certificates, users, and the effect of their answers."""

import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from gateway.app import common
from gateway.app.certificates import load_certificate
from gateway.app.checks.check_relays import can_be_bound, is_literal
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.config import Settings
from gateway.config.smtp import ListenerConfig
from gateway.core.errors import GatewayError
from gateway.core.written import counted
from gateway.smtp_proxy.users import Users

CERTIFICATE_ENDS_SOON = timedelta(days=14)


def listener(listener_config: ListenerConfig) -> Iterator[Finding]:
    """Check whether a listener can be opened as configured, and enforces its decisions."""
    subject = f"listener {listener_config.name}"
    if listener_config.cert is not None:
        yield from certificate(subject, listener_config.cert)
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            load_certificate(context, listener_config.cert, listener_config.key)
        except OSError as problem:
            reason = problem.strerror or problem
            yield error(subject, f"cert and key can't be used together: {reason}")
    if listener_config.users is not None:
        try:
            Users.read(listener_config.users)
        except GatewayError as problem:
            yield error(subject, f"users: {problem}")
        if listener_config.tls == "none":
            advice = 'set tls = "starttls" with cert and key'
            yield warning(subject, f"passwords come in clear text: {advice}")
    described = f"{listener_config.bind} ({listener_config.protocol}, {listener_config.kind})"
    if is_literal(listener_config.bind.host) and not can_be_bound(listener_config.bind.host):
        yield error(
            subject,
            f"{listener_config.bind}: this host has no such address: "
            "set bind to one, or to 0.0.0.0",
        )
    elif listener_config.mode == "observe":
        yield warning(subject, f'{described} only observes: set mode = "enforce" when you trust it')
    else:
        yield good(subject, described)


def refusals_at_rcpt(settings: Settings, listener_config: ListenerConfig) -> Iterator[Finding]:
    """If a listener refuses single recipients, report the effect on the others."""
    is_effective = listener_config.purpose == "proxy" and settings.suppression.reply == "reject"
    if listener_config.reject_at != "rcpt" or not is_effective:
        return
    advice = 'set suppression.report = "always", and look yours up in docs/clients.md'
    if settings.suppression.report == "always":
        advice = "look yours up in docs/clients.md"
    yield warning(
        f"listener {listener_config.name}",
        "refuses single recipients at RCPT: about half of the mail libraries then send to nobody, "
        f"and some of the others tell their user nothing: {advice}",
    )


def certificate(what: str, file: Path) -> Iterator[Finding]:
    """Check that a certificate is valid, and will be for two more weeks."""
    try:
        left = valid_until(file) - common.now()
    except (OSError, ValueError) as problem:
        yield error(what, f"{file}: {problem}")
        return
    if left <= timedelta(0):
        yield error(what, f"{file} has expired: renew it, then reload (SIGHUP)")
    elif left < CERTIFICATE_ENDS_SOON:
        yield warning(
            what, f"{file} expires in {counted(left.days, 'day')}: renew it, then reload (SIGHUP)"
        )
    else:
        yield good(what, f"{file} is valid for {counted(left.days, 'day')}")


def valid_until(file: Path) -> datetime:
    """Return the expiry of the first certificate in a PEM file; ValueError if there is none."""
    from cryptography import x509  # Loaded only if there is a certificate.

    pem = file.read_bytes()
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        raise ValueError("no certificate in PEM form")
    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError as error:
        raise ValueError("a damaged certificate") from error
