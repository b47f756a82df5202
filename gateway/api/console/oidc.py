"""Sign-in at an OpenID Connect provider (Core 1.0, 3.1: code flow, with PKCE, RFC 7636)."""

import asyncio
import secrets
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from gateway import logs
from gateway.api.console.access import (
    PROXY,
    ConsoleUser,
    begin,
    confusable_names,
    is_encrypted,
    oidc_way,
    set_cookie,
    text_for,
)
from gateway.api.console.kept_form import ROOT, safe_target
from gateway.api.console.rendering import see_other
from gateway.api.console.roles import ConsoleRole, known_roles
from gateway.api.console.terms import OidcTerms, terms_of
from gateway.api.console.users import is_name
from gateway.api.problems import Problem
from gateway.api.public.client_rates import ClientRates
from gateway.api.using import services
from gateway.runtime.web_proxies import proxy_for
from gateway.store.console import console_sessions

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from joserfc.jwk import KeySet

log = logs.get("console")

_COOKIE = "gateway_console_oidc"
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_SECONDS = 10.0  #: Timeout for the provider.
_PATIENCE_SECONDS = 600.0  #: How long people may take to sign in there.
_KEPT_SECONDS = 600.0  #: How long the provider's metadata is kept.
_MOST = 1000  #: Logins in progress.
_MOST_OF_CLIENT = 50  #: The same per address, which a whole office may share.


@dataclass(frozen=True, slots=True)
class _Begun:
    """A login in progress."""

    client: str
    nonce: str
    verifier: str
    target: str
    redirect_uri: str
    until: float


class Provider:
    """A provider's metadata (OpenID Connect Discovery 1.0), kept for a while."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._metadata: tuple[str, float, Mapping[str, Any], KeySet] | None = None

    async def about(self, terms: OidcTerms) -> tuple[Mapping[str, Any], "KeySet"]:
        """Return the provider's metadata and keys; `Problem` 502 if it can't be reached."""
        from joserfc.jwk import KeySet

        now = self._monotonic()
        if (
            self._metadata is not None
            and self._metadata[0] == terms.issuer
            and now < self._metadata[1]
        ):
            return self._metadata[2:]
        address = f"{terms.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            async with asyncio.timeout(_SECONDS), _client(terms) as client:
                answer = await client.request("GET", address, withhold_token=True)
                document = answer.raise_for_status().json()
                jwks = await client.request("GET", document["jwks_uri"], withhold_token=True)
                keys = KeySet.import_key_set(jwks.raise_for_status().json())
        except Exception as error:  # Whatever goes wrong there, nobody gets in.
            log.warning("console_oidc_failed", reason=type(error).__name__)
            raise Problem(502, f"the sign-in service doesn't answer: {terms.issuer}") from error
        if document.get("issuer") != terms.issuer:
            raise Problem(502, "the sign-in service calls itself something else than oidc.issuer")
        if not {"authorization_endpoint", "token_endpoint"} <= document.keys():
            raise Problem(502, f"the sign-in service doesn't say where to sign in: {terms.issuer}")
        self._metadata = (terms.issuer, now + _KEPT_SECONDS, document, keys)
        return document, keys

    def forget(self) -> None:
        """Discard the metadata, so the provider is asked again next time."""
        self._metadata = None


def _client(terms: OidcTerms, **options: object) -> "AsyncOAuth2Client":
    """Return a client for a provider; the library is loaded only if there is one."""
    with warnings.catch_warnings(record=True):  # It warns about a future change of HTTP client.
        from authlib.integrations.httpx_client import AsyncOAuth2Client
    return AsyncOAuth2Client(
        terms.client_id,
        terms.client_secret,
        scope=terms.scope,
        code_challenge_method="S256",
        timeout=_SECONDS,
        proxy=proxy_for(terms.issuer),
        trust_env=False,
        **options,
    )


def router(rates: ClientRates, monotonic: Callable[[], float]) -> APIRouter:
    """Build the routes; `rates` identifies clients."""
    routes = APIRouter(prefix="/oidc")
    provider = Provider(monotonic)
    begun: OrderedDict[str, _Begun] = OrderedDict()

    @routes.get("/start")
    async def start(request: Request, target: Annotated[str, Query(alias="next")] = "") -> Response:
        terms = _terms(request)
        document, _ = await provider.about(terms)
        redirect_uri = _own_address(request)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        until, client = monotonic() + _PATIENCE_SECONDS, rates.client(request)
        # Starting many logins cancels the client's own, not those of others.
        client_logins = [other for other, login in begun.items() if login.client == client]
        if len(client_logins) >= _MOST_OF_CLIENT:
            del begun[client_logins[0]]
        elif len(begun) >= _MOST:
            begun.popitem(last=False)
        begun[state] = _Begun(client, nonce, verifier, safe_target(target), redirect_uri, until)
        async with _client(terms, redirect_uri=redirect_uri) as asking:
            address, _ = asking.create_authorization_url(
                document["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        response = RedirectResponse(address, 303)
        response.set_cookie(
            *(_COOKIE, state),
            path=f"{ROOT}/oidc/",
            max_age=int(_PATIENCE_SECONDS),
            httponly=True,
            samesite="lax",
            secure=is_encrypted(request),
        )
        return response

    @routes.get("/back")
    async def back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
        terms = _terms(request)
        login = begun.pop(state, None)
        cookie = request.cookies.get(_COOKIE, "")
        if login is None or not secrets.compare_digest(cookie.encode(), state.encode()):
            raise Problem(400, text_for(request, "This login is no longer known; start again."))
        if login.until < monotonic() or error or not code:
            raise Problem(403, text_for(request, "The sign-in service did not let you in."))
        claims = await _claims(provider, terms, login, code)
        # Where people set their own address, one that is not verified may be anybody's.
        if claims.get("email_verified", True) not in (True, "true"):
            unverified = claims.get("email")
            claims = {
                key: claims[key] for key in claims if key == "sub" or claims[key] != unverified
            }
        name = claims.get(terms.name_claim) or claims.get("email") or claims["sub"]
        await _see_that_it_is_free(request, terms, name)
        role_claim = claims.get(terms.role_claim)
        names = role_claim.replace(",", " ").split() if isinstance(role_claim, str) else role_claim
        if not isinstance(names, list):
            names = []
        roles = known_roles(map(str, names))
        if not roles:
            why = "Your account there has none of the roles {roles} in “{claim}”."
            all_roles = ", ".join(ConsoleRole)
            raise Problem(403, text_for(request, why, roles=all_roles, claim=terms.role_claim))
        before: ConsoleUser | None = request.state.user
        user, secret = await begin(
            *(services(request), terms_of(request), name, roles),
            way=oidc_way(terms),
            instead=None if before is None else before.session,
        )
        request.state.user = user
        response = await see_other(request, login.target)
        set_cookie(response, request, secret)
        response.delete_cookie(_COOKIE, path=f"{ROOT}/oidc/")
        return response

    return routes


def _terms(request: Request) -> OidcTerms:
    terms = terms_of(request).oidc
    if terms is None:
        raise Problem(404)
    return terms


async def _see_that_it_is_free(request: Request, terms: OidcTerms, name: object) -> None:
    """Refuse a name that is invalid or somebody else's, as acts record names; `Problem` 403.

    Others are users who sign in with a password, and those named by a web server on this host.
    """
    if not isinstance(name, str) or not is_name(name):
        log.warning("console_oidc_name_refused", reason="not a name", claim=terms.name_claim)
        why = text_for(
            request,
            "Your account there has no name that can be used here, in “{claim}”.",
            claim=terms.name_claim,
        )
        raise Problem(403, why)
    using = services(request)
    now = using.clock()
    proxy_users = await using.database.read(console_sessions.users, now, way=PROXY)
    if confusable_names(name, (*terms_of(request).users.read().names, *proxy_users)):
        log.warning("console_oidc_name_refused", reason="somebody else's", claim=terms.name_claim)
        why = text_for(
            request,
            "“{name}” is somebody else here, who signs in another way. "
            "Whoever runs the gateway takes that user out, or has names read from another claim of "
            "the sign-in service.",
            name=name,
        )
        raise Problem(403, why)


def _own_address(request: Request) -> str:
    scheme = "https" if is_encrypted(request) else "http"
    return f"{scheme}://{request.headers.get('host', '')}{ROOT}/oidc/back"


async def _claims(
    provider: Provider, terms: OidcTerms, login: _Begun, code: str
) -> Mapping[str, Any]:
    """Return the provider's claims about a user (OpenID Connect Core 1.0, 3.1.3.7)."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    document, keys = await provider.about(terms)
    try:
        async with (
            asyncio.timeout(_SECONDS),
            _client(terms, redirect_uri=login.redirect_uri) as client,
        ):
            token = await client.fetch_token(
                document["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=login.verifier,
            )
        opened = jwt.decode(token["id_token"], keys, algorithms=_ALGORITHMS)
        jwt.JWTClaimsRegistry(
            leeway=60,
            iss={"essential": True, "value": terms.issuer},
            aud={"essential": True, "value": terms.client_id},
            nonce={"essential": True, "value": login.nonce},
            sub={"essential": True},
            exp={"essential": True},
        ).validate(opened.claims)
    except (JoseError, KeyError, ValueError) as error:
        log.warning("console_oidc_refused", reason=type(error).__name__)
        provider.forget()  # Its keys may have changed: the next login fetches them.
        raise Problem(403, "the sign-in service's answer can't be trusted") from error
    except Exception as error:
        log.warning("console_oidc_failed", reason=type(error).__name__)
        raise Problem(502, f"the sign-in service doesn't answer: {terms.issuer}") from error
    return opened.claims
