"""What the console needs of the settings, as they are at one moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request

from gateway.api.console.users import ConsoleUsers
from gateway.api.public.client_rates import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTerms:
    """A web server on this host that has let people in, and says whom."""

    user_header: str  #: In lower case.
    role_header: str  #: The roles, with commas or spaces between; empty: everybody may only look.


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcTerms:
    """A provider of OpenID Connect that people sign in at."""

    issuer: str
    client_id: str
    client_secret: str
    role_claim: str
    name_claim: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleTerms:
    """All of it."""

    users: ConsoleUsers
    session: timedelta  #: How long one stays signed in without doing anything.
    language: str
    proxies: tuple[Network, ...]  #: Web servers whose word counts for where a request comes from.
    #: Keys to seal what somebody filled in: 32 octets each; the first one seals, all of them open.
    form_keys: Callable[[], tuple[bytes, ...]]
    proxy: ProxyTerms | None = None
    oidc: OidcTerms | None = None


def terms_of(request: Request) -> ConsoleTerms:
    """Return the terms under which this request is answered."""
    terms: ConsoleTerms = request.app.state.terms()
    return terms
