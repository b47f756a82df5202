"""The settings the console needs, at one moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request

from gateway.api.console.users import ConsoleUsers
from gateway.core.networks import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTerms:
    """A web server on this host that authenticates users."""

    user_header: str  #: In lower case.
    role_header: str  #: Roles, separated by commas or spaces; empty: everybody may only look.


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcTerms:
    """An OpenID Connect provider for signing in."""

    issuer: str
    client_id: str
    client_secret: str
    role_claim: str
    name_claim: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleTerms:
    """All of these settings."""

    users: ConsoleUsers
    session: timedelta  #: How long an idle user stays signed in.
    language: str
    proxies: tuple[Network, ...]  #: Web servers trusted to say where a request comes from.
    #: Keys to encrypt kept forms: 32 octets each; the first encrypts, any decrypts.
    form_keys: Callable[[], tuple[bytes, ...]]
    proxy: ProxyTerms | None = None
    oidc: OidcTerms | None = None


def terms_of(request: Request) -> ConsoleTerms:
    """Return the terms for this request."""
    terms: ConsoleTerms = request.app.state.terms()
    return terms
