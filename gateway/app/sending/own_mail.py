"""Builds the sender of the gateway's own mail from the settings."""

from gateway.app.common import notifier
from gateway.app.dkim_keys import dkim_signer
from gateway.app.relays import relays_of
from gateway.config import Settings
from gateway.delivery.own_mail import OwnMailSender, OwnMailSettings
from gateway.metrics import Metrics


def own_mail_sender(settings: Settings, metrics: Metrics) -> OwnMailSender:
    """Return the sender of the gateway's own mail; raises like `own_mail_settings`."""
    return OwnMailSender(own_mail_settings(settings), metrics)


def own_mail_settings(settings: Settings) -> OwnMailSettings:
    """Return its settings; BadCertificate or BadDkimKey names a file that can't be used."""
    return OwnMailSettings(
        relays=relays_of(settings),
        sender=notifier(settings),
        signer=dkim_signer(settings),
    )
