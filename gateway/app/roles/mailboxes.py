"""The mailboxes of the `inbound` role: a poller for each, kept in step with the settings."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.app.relays import BadCertificate
from gateway.config import Settings
from gateway.config.inbound import MailboxConfig
from gateway.inbound.imap.settings import MailboxSettings
from gateway.inbound.imap.tokens import OauthSettings, TokenSource
from gateway.inbound.poller import Poller
from gateway.inbound.stored_tokens import StoredRefreshToken
from gateway.inbound.verdict import Origin
from gateway.metrics import Metrics
from gateway.store.engine.database import Database

_END_SECONDS = 15.0  #: A server that doesn't answer keeps nobody for longer.


@dataclass(frozen=True, slots=True)
class _Watched:
    """A poller under way, and the settings it goes by."""

    key: object
    poller: Poller
    task: asyncio.Task[None]


class Mailboxes:
    """Runs a poller per mailbox until `stop`; `make` makes them."""

    def __init__(self, database: Database, make: Callable[[MailboxSettings], Poller]) -> None:
        self._database = database
        self._make = make
        self._watched: dict[str, _Watched] = {}

    async def apply(self, settings: Settings) -> None:
        """Watch the mailboxes of these settings; those that stay as they were go on.

        Raises BadCertificate, and changes nothing, for certificates that can't be used.
        """
        inbound = settings.inbound
        wanted = {
            mailbox.name: (mailbox, inbound.max_size, inbound.every)
            for mailbox in inbound.mailboxes
        }
        made = {
            mailbox.name: mailbox_settings(settings, mailbox, self._database)
            for mailbox in inbound.mailboxes
        }
        over = [
            mailbox
            for name, mailbox in self._watched.items()
            if mailbox.key != wanted.get(name, object())
        ]
        await _end(over)
        self._watched = {
            name: mailbox for name, mailbox in self._watched.items() if mailbox not in over
        }
        for name in wanted.keys() - self._watched.keys():
            poller = self._make(made[name])
            task = asyncio.create_task(poller.run())
            self._watched[name] = _Watched(wanted[name], poller, task)

    async def stop(self) -> None:
        """End all, with the mails in hand finished."""
        await _end(list(self._watched.values()))
        self._watched.clear()


async def _end(watched: list[_Watched]) -> None:
    for mailbox in watched:
        mailbox.poller.stop()
    tasks = [mailbox.task for mailbox in watched]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_END_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class MailboxWatch:
    """Keeps how the mailboxes are, for metrics and `/health`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def read(self, mailbox: str) -> None:
        """Record that a mailbox was read to its end just now."""
        self._metrics.mailbox(mailbox, succeeded_at=time.time())

    def down(self, mailbox: str) -> None:
        """Keep that a mailbox can't be read."""
        self._metrics.mailbox(mailbox, succeeded_at=None)


def mailbox_settings(
    settings: Settings, mailbox: MailboxConfig, database: Database | None
) -> MailboxSettings:
    """Return one mailbox with its TLS context loaded; BadCertificate if that fails.

    Refresh tokens that its server rotates are kept in the database; without one they last as long
    as the process.
    """
    return MailboxSettings(
        name=mailbox.name,
        host=mailbox.host,
        port=mailbox.port,
        tls=mailbox.tls,
        context=None if mailbox.tls == "none" else client_context(mailbox),
        username=mailbox.username,
        password=mailbox.password.get_secret_value() if mailbox.password else "",
        tokens=token_source(mailbox, database),
        folder=mailbox.folder,
        imported=mailbox.imported,
        needs_attention=mailbox.needs_attention,
        ignored=mailbox.ignored,
        max_size=settings.inbound.max_size,
        every=settings.inbound.every,
        origin=Origin(
            name=mailbox.name,
            trust=mailbox.trust,
            authserv_id=mailbox.authserv_id or "",
            is_for_bounces=mailbox.purpose == "bounces",
        ),
    )


def token_source(mailbox: MailboxConfig, database: Database | None) -> TokenSource | None:
    """Return where a mailbox gets its access tokens (RFC 6749); None: it has a password."""
    if mailbox.auth != "xoauth2" or mailbox.oauth is None:
        return None
    oauth = mailbox.oauth
    secret = oauth.client_secret
    refresh = oauth.refresh_token.get_secret_value() if oauth.refresh_token else ""
    # Tokens are the account's, whichever of its folders is watched.
    account = f"{mailbox.username}@{mailbox.host}:{mailbox.port} {oauth.client_id}"
    return TokenSource(
        OauthSettings(
            url=oauth.token_url,
            client_id=oauth.client_id,
            client_secret=secret.get_secret_value() if secret else "",
            refresh_token=refresh,
            scope=oauth.scope or "",
        ),
        kept=StoredRefreshToken(database, account, refresh) if database and refresh else None,
    )


def client_context(mailbox: MailboxConfig) -> ssl.SSLContext:
    """Return how the gateway speaks TLS to a mailbox; BadCertificate if its `ca` can't be used."""
    try:
        return ssl.create_default_context(cafile=mailbox.ca)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadCertificate(f"mailbox {mailbox.name}: its ca: {reason}") from error
