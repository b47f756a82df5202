"""The settings of a relay."""

import re
import ssl
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class MailMatch:
    """Which mail a relay is for; empty fields don't matter."""

    listeners: frozenset[str] = frozenset()
    logins: frozenset[str] = frozenset()
    sender_domains: frozenset[str] = frozenset()  #: In lookup form.

    def fits(self, *, listener: str, login: str | None, sender_domain: str) -> bool:
        """Whether mail from this listener, login and sender domain goes to the relay."""
        return (
            (not self.listeners or listener in self.listeners)
            and (not self.logins or login in self.logins)
            and (not self.sender_domains or sender_domain in self.sender_domains)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """One `[[relays]]` of the config."""

    name: str
    host: str
    port: int
    helo_name: str
    tls: str = "none"  #: none, starttls or implicit
    context: ssl.SSLContext | None = None
    auth: str = "none"  #: none, plain, login or xoauth2
    username: str = ""
    password: str = ""
    match: MailMatch = MailMatch()
    max_connections: int = 40
    messages_per_minute: int | None = None
    null_sender: bool = True  #: Whether the relay accepts mail from `<>`.
    our_fault: tuple[re.Pattern[str], ...] = ()
    budget: timedelta = timedelta(seconds=90)

    @property
    def own_mail_connections(self) -> int:
        """Connections for the gateway's own mail: a tenth, which the proxy leaves free."""
        return max(1, self.max_connections // 10)


def choose(
    relays: tuple[RelaySettings, ...], *, listener: str, login: str | None, sender_domain: str
) -> RelaySettings:
    """Return the first relay that matches; the config ensures that there always is one."""
    return next(
        relay
        for relay in relays
        if relay.match.fits(listener=listener, login=login, sender_domain=sender_domain)
    )
