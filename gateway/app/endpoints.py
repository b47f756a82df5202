"""Builds the endpoints of webhooks from the settings."""

from urllib.parse import urlsplit

from gateway.app.certificates import BadCertificate, client_context
from gateway.config import Settings
from gateway.config.events import WebhookConfig
from gateway.core.sending.event import EventType
from gateway.outbox.webhook import Endpoint


def endpoints(settings: Settings) -> tuple[Endpoint, ...]:
    """Return the endpoints and their events; BadCertificate for files that can't be used."""
    return tuple(map(runtime_endpoint, settings.webhooks))


def runtime_endpoint(webhook: WebhookConfig) -> Endpoint:
    """Return the runtime form of a webhook; BadCertificate if its `ca` can't be used."""
    try:
        context = client_context(webhook.ca)
    except OSError as error:
        reason = error.strerror or str(error)
        host = urlsplit(webhook.url).hostname
        raise BadCertificate(f"webhook to {host}: its authorities: {reason}") from error
    return Endpoint(
        url=webhook.url,
        secret=webhook.secret.get_secret_value(),
        events=frozenset(map(EventType, webhook.events)),
        context=context,
    )
