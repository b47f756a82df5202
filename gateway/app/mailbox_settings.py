"""Builds the settings of mailbox sessions from the config."""

import ssl

from gateway.app.certificates import BadCertificate, client_context
from gateway.config import Settings
from gateway.config.inbound import MailboxConfig
from gateway.inbound.imap.settings import MailboxSettings
from gateway.inbound.imap.tokens import OauthSettings, TokenSource
from gateway.inbound.stored_tokens import StoredRefreshToken
from gateway.inbound.verdict import MailOrigin
from gateway.store.engine.database import Database


def mailbox_settings(
    settings: Settings, mailbox: MailboxConfig, database: Database | None
) -> MailboxSettings:
    """Return one mailbox with its TLS context loaded; BadCertificate if that fails.

    Refresh tokens rotated by its server are stored in the database; without one they last as long
    as the process.
    """
    return MailboxSettings(
        name=mailbox.name,
        host=mailbox.host,
        port=mailbox.port,
        tls=mailbox.tls,
        context=None if mailbox.tls == "none" else mailbox_context(mailbox),
        username=mailbox.username,
        password=mailbox.password.get_secret_value() if mailbox.password else "",
        tokens=token_source(mailbox, database),
        folder=mailbox.folder,
        imported=mailbox.imported,
        needs_attention=mailbox.needs_attention,
        ignored=mailbox.ignored,
        max_size=settings.inbound.max_size,
        every=settings.inbound.every,
        origin=MailOrigin(
            name=mailbox.name,
            trust=mailbox.trust,
            authserv_id=mailbox.authserv_id or "",
            is_for_bounces=mailbox.purpose == "bounces",
        ),
    )


def token_source(mailbox: MailboxConfig, database: Database | None) -> TokenSource | None:
    """Return the source of a mailbox's access tokens (RFC 6749); None if it has a password."""
    if mailbox.auth != "xoauth2" or mailbox.oauth is None:
        return None
    oauth = mailbox.oauth
    secret = oauth.client_secret
    refresh = oauth.refresh_token.get_secret_value() if oauth.refresh_token else ""
    # Tokens belong to the account, whichever of its folders is watched.
    account = f"{mailbox.username}@{mailbox.host}:{mailbox.port} {oauth.client_id}"
    return TokenSource(
        OauthSettings(
            url=oauth.token_url,
            client_id=oauth.client_id,
            client_secret=secret.get_secret_value() if secret else "",
            refresh_token=refresh,
            scope=oauth.scope or "",
        ),
        token_store=StoredRefreshToken(database, account, refresh)
        if database and refresh
        else None,
    )


def mailbox_context(mailbox: MailboxConfig) -> ssl.SSLContext:
    """Return the TLS context for a mailbox; BadCertificate if its `ca` can't be used."""
    try:
        return client_context(mailbox.ca)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadCertificate(f"mailbox {mailbox.name}: its ca: {reason}") from error
