"""Relays for the tests of the way to them: settings, pools, and what a pool observes."""

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.core.mail.envelope import Recipient, Sender, parse_mail, parse_rcpt
from gateway.core.mail.reply import Reply
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.pool import Pool
from gateway.delivery.settings import MailMatch, RelaySettings
from gateway.delivery.transaction import Lost, RelayTransaction
from tests.rig.process import LOOPBACK

EVERYTHING = frozenset(("8BITMIME", "SMTPUTF8", "SIZE", "DSN"))


def relay_settings(
    port: int,
    *,
    host: str = LOOPBACK,
    tls: str = "none",
    context: ssl.SSLContext | None = None,
    auth: str = "none",
    password: str = "",
    match: MailMatch | None = None,
    our_fault: Iterable[str] = (),
    budget: float = 2.0,
    name: str = "relay",
) -> RelaySettings:
    """Return settings for a relay on a port, with a short budget in seconds."""
    return RelaySettings(
        name=name,
        host=host,
        port=port,
        helo_name="gateway.example",
        tls=tls,
        context=context,
        auth=auth,
        username="crm" if auth != "none" else "",
        password=password,
        match=match or MailMatch(),
        our_fault=tuple(map(re.compile, our_fault)),
        budget=timedelta(seconds=budget),
    )


@dataclass(slots=True)
class Observed:
    """What a pool told of its relay."""

    seen: list[RelayConnection | RelayLost | RelayRefuses] = field(default_factory=list)

    def __call__(self, _: RelaySettings, seen: RelayConnection | RelayLost | RelayRefuses) -> None:
        self.seen.append(seen)


def make_pool(
    settings: RelaySettings,
    *,
    connections: int = 2,
    per_minute: float | None = None,
    observe: Observed | None = None,
) -> Pool:
    """Return a pool of few connections."""
    return Pool(
        settings,
        connections=connections,
        per_minute=per_minute,
        observe=observe or Observed(),
    )


def sender(argument: bytes = b"<ann@crm.example>") -> Sender:
    """Return a MAIL FROM as the proxy parses it."""
    return parse_mail(b"FROM:" + argument, EVERYTHING)


def recipient(argument: bytes = b"<bob@example.org>") -> Recipient:
    """Return a RCPT TO as the proxy parses it."""
    return parse_rcpt(b"TO:" + argument, EVERYTHING, utf8=True)


BOB, EVE, DAN = (recipient(b"<%s@example.org>" % name) for name in (b"bob", b"eve", b"dan"))
CONTENT = b"Subject: x\r\n\r\nx\r\n"


def begun(pool: Pool, argument: bytes = b"<ann@crm.example>") -> RelayTransaction:
    """Return a transaction that has said nothing yet."""
    return RelayTransaction(pool, sender(argument))


async def sent(pool: Pool) -> Reply | Lost:
    """Send a whole message; return the last reply."""
    transaction = begun(pool)
    try:
        [heard] = await transaction.add([BOB])
        refused = await transaction.begin_content() if heard.positive else heard
        return refused or await transaction.finish(CONTENT)
    finally:
        transaction.hang_up()


async def served(pool: Pool) -> None:
    """Leave an idle connection behind that has been used."""
    verdict = await sent(pool)
    assert isinstance(verdict, Reply)
    assert verdict.positive
