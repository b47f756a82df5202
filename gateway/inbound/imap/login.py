"""Connecting to a mailbox's server and logging in."""

import asyncio
import ssl

from aioimaplib.aioimaplib import Response

from gateway.inbound.imap.answers import code, server_words
from gateway.inbound.imap.settings import MailboxRefuses, MailboxSettings
from gateway.inbound.imap.text import MailboxLost
from gateway.inbound.imap.wire import Wire, on_one_line

CONNECT_SECONDS = 15.0
#: Response codes for a temporary problem of the server's own (RFC 5530).
_PASSING = frozenset({b"UNAVAILABLE", b"INUSE", b"SERVERBUG", b"LIMIT", b"OVERQUOTA"})


async def connect(wire: Wire, settings: MailboxSettings) -> None:
    """Connect, encrypted as configured; raise `MailboxLost` or `MailboxRefuses` on failure."""
    context = settings.context if settings.tls == "implicit" else None
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await wire.loop.create_connection(
                lambda: wire, settings.host, settings.port, ssl=context
            )
            greeting = await wire.greet()
        if wire.state == "LOGOUT":
            raise MailboxLost(f"the server is not available: {on_one_line(greeting[2:])}")
        await wire.capability()
        if settings.tls == "starttls":
            if "STARTTLS" not in wire.capabilities or settings.context is None:
                raise MailboxRefuses("tls", "the server offers no STARTTLS")
            answer = await wire.start_tls(settings.context, settings.host)
            if answer.result != "OK":
                raise MailboxRefuses("tls", f"the server refuses STARTTLS: {server_words(answer)}")
    except ssl.SSLCertVerificationError as error:
        reason = f"its certificate is not trusted: {error.verify_message}"
        raise MailboxRefuses("tls", reason) from error
    except ssl.SSLError as error:
        raise MailboxRefuses("tls", f"TLS fails: {error.reason or error}") from error
    except TimeoutError as error:
        raise MailboxLost(f"no greeting within {CONNECT_SECONDS:g} s") from error
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise MailboxLost(f"no connection: {reason}") from error


async def log_in(wire: Wire, settings: MailboxSettings) -> None:
    """Log in; raise `MailboxRefuses` if refused, `MailboxLost` if it's temporarily impossible."""
    if wire.state == "AUTH":
        return
    if settings.tokens is not None:
        was_held = settings.tokens.has_one
        answer = await _with_token(wire, settings, fresh=False)
        if answer.result == "NO" and was_held:
            answer = await _with_token(wire, settings, fresh=True)
    else:
        answer = await log_in_by_password(wire, settings)
    if answer.result != "OK":
        if code(answer) in _PASSING:
            raise MailboxLost(f"can't log in now: {server_words(answer)}")
        raise MailboxRefuses("login", f"the login is refused: {server_words(answer)}")
    await wire.capability()


async def log_in_by_password(wire: Wire, settings: MailboxSettings) -> Response:
    """Send name and password by LOGIN, or if LOGIN can't carry them, by AUTHENTICATE PLAIN."""
    user, password = settings.username, settings.password
    is_plain = "AUTH=PLAIN" in wire.capabilities
    if "LOGINDISABLED" in wire.capabilities and not is_plain:
        raise MailboxRefuses("login", "the server takes no password on this connection: set tls")
    is_ascii = user.isascii() and password.isascii()
    if is_plain and not ("LOGINDISABLED" not in wire.capabilities and is_ascii):
        return await wire.authenticate("PLAIN", f"\0{user}\0{password}".encode())
    try:
        return await wire.login(user, password)
    except ValueError as error:
        raise MailboxRefuses("login", "username or password has a control character") from error


async def _with_token(wire: Wire, settings: MailboxSettings, *, fresh: bool) -> Response:
    assert settings.tokens is not None
    token = await settings.tokens.token(fresh=fresh)
    initial = f"user={settings.username}\1auth=Bearer {token}\1\1"
    return await wire.authenticate("XOAUTH2", initial.encode())
