"""Authentication by session cookie or a trusted proxy's header; others get the login page."""

import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from starlette._utils import get_route_path
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import logs
from gateway.api.console.kept_form import ROOT, KeptForm, kept_of, new_token
from gateway.api.console.languages import LANGUAGES, say
from gateway.api.console.roles import ConsoleRole, known_roles, may
from gateway.api.console.terms import ConsoleTerms, OidcTerms, terms_of
from gateway.api.console.users import ConsoleLogin, as_compared, is_name
from gateway.api.guard import REFUSED
from gateway.api.json_response import plain_text
from gateway.api.problems import Problem
from gateway.api.services import ApiServices
from gateway.core.errors import GatewayError
from gateway.core.languages import accepted_languages
from gateway.core.networks import read_ip
from gateway.store.console import console_acts, console_sessions
from gateway.store.console.console_acts import ConsoleAct
from gateway.store.console.console_sessions import ConsoleSession
from gateway.store.engine.database import StoreTransaction

log = logs.get("console")

#: Makes an error page.
ErrorPage = Callable[[Request, Exception], Awaitable[Response]]
#: Redirects people who aren't signed in to the login page.
ToLogin = Callable[[Request], Awaitable[Response]]

COOKIE = "gateway_console"
LANGUAGE_COOKIE = "gateway_console_language"
GUEST_COOKIE = (
    "gateway_console_guest"  #: For people who aren't signed in; their forms have the same token.
)
LOGIN = f"{ROOT}/login"
KEPT = f"{LOGIN}/kept"
LONGEST = timedelta(days=7)  #: Of a session, however much it is used.
#: Marks of sessions that a web server on this host, or a provider, vouches for.
PROXY, OIDC = "proxy", "oidc"
_GUEST = re.compile(r"[\w-]{32}", re.ASCII)
#: Paths available without signing in.
_OPEN = ("/login", "/static/", "/oidc/", "/language")
#: A GET below this path has an effect only once: a provider's answer isn't requested again.
_ONLY_ONCE = "/oidc/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleUser:
    """The user who is signed in."""

    name: str
    roles: frozenset[ConsoleRole]
    session: ConsoleSession

    def may(self, role: ConsoleRole | str) -> bool:
        """Whether they have a role, or one that includes it."""
        return may(self.roles, ConsoleRole(role))


class ConsoleAccess:
    """Wraps the console: identifies the user, and redirects others to the login page."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        using: ApiServices,
        terms: Callable[[], ConsoleTerms],
        refuse: ErrorPage,
        lead: ToLogin,
    ) -> None:
        """`refuse` makes an error page, `lead` redirects to the login page."""
        self._app = app
        self._using = using
        self._terms = terms
        self._refuse = refuse
        self._lead = lead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; HEAD is handled like GET, of which the server sends only the header."""
        if scope.get("method") == "HEAD" and not get_route_path(scope).startswith(_ONLY_ONCE):
            inner = {**scope, "method": "GET"}
            await self(inner, receive, send)
            if "route" in inner:
                scope["route"] = inner["route"]
            return
        request = Request(scope, receive)
        request.state.user = None
        path = get_route_path(scope)
        refused: Problem | None = scope.get(REFUSED)
        if path.startswith("/static/") and refused is None:
            await self._app(scope, receive, send)
            return
        try:
            if request.method not in ("GET", "HEAD") and came_from_here(request) is False:
                raise Problem(403, text_for(request, "This form came from a page of another site."))
            user, secret = await self._user(request)
            request.state.user = user
            if refused is not None:
                raise refused
            if user is None and not path.startswith(_OPEN):
                led = await self._lead(request)
                await led(scope, receive, send)
                return
        except (GatewayError, HTTPException) as error:
            refusal = await self._refuse(request, error)
            await refusal(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if secret and message["type"] == "http.response.start":
                cookie = Response()
                set_cookie(cookie, request, secret)
                cookie_headers = [
                    entry for entry in cookie.raw_headers if entry[0] == b"set-cookie"
                ]
                message = {**message, "headers": [*message["headers"], *cookie_headers]}
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    async def _user(self, request: Request) -> tuple[ConsoleUser | None, str]:
        """Return the user, and the secret of a session that has just begun."""
        using, terms = self._using, self._terms()
        now = using.clock()
        proxy_user = _named_by_proxy(request, terms)
        cookie_secret = request.cookies.get(COOKIE, "")
        session = None
        if cookie_secret and len(cookie_secret) < 200:
            digest = console_sessions.digest_of(cookie_secret)
            session = await using.database.read(console_sessions.find, digest, now)
        if proxy_user is not None and (
            session is None or session.way != PROXY or session.user != proxy_user[0]
        ):
            # What the web server says now counts, whatever session this browser had before.
            return await begin(
                using, terms, proxy_user[0], proxy_user[1], way=PROXY, instead=session
            )
        if session is None or (session.way == PROXY) != (proxy_user is not None):
            return None, ""
        roles = proxy_user[1] if proxy_user is not None else _roles_now(session, terms)
        if roles is None:
            return None, ""
        # Requests a page makes by itself don't count as use: an open tab would keep the session
        # alive.
        is_used = "hx-request" not in request.headers
        if is_used and console_sessions.is_stale(session, now):
            until = min(now + terms.session, session.since + LONGEST)
            await using.database.write(console_sessions.record_use, session.digest, now, until)
        return ConsoleUser(name=session.user, roles=roles, session=session), ""


async def begin(
    using: ApiServices,
    terms: ConsoleTerms,
    name: str,
    roles: frozenset[ConsoleRole],
    *,
    way: str,
    instead: ConsoleSession | None = None,
) -> tuple[ConsoleUser, str]:
    """Start a session; return its user and the secret for its cookie.

    A name belongs to only one person at a time. Somebody named by this host's web server isn't the
    person whom the OpenID Connect provider calls the same, so the other's sessions under that name
    end. `instead` is the browser's previous session, which ends.
    """
    now: datetime = using.clock()
    secret = secrets.token_urlsafe(32)
    session = ConsoleSession(
        digest=console_sessions.digest_of(secret),
        user=name,
        roles=frozenset(map(str, roles)),
        way=way,
        form_token=new_token(name),
        notice="",
        since=now,
        seen=now,
        until=now + min(terms.session, LONGEST),
    )

    def start(connection: StoreTransaction) -> None:
        if way == PROXY:
            for user in confusable_names(name, console_sessions.users(connection, now, way=OIDC)):
                console_sessions.end_all(connection, user, way=OIDC)
        if instead is not None:
            console_sessions.end(connection, instead.digest)
        console_sessions.start(connection, session, now)
        if way != PROXY:  # Its sessions start by themselves.
            act = ConsoleAct(id=using.new_id(), user=name, act="login", about="")
            console_acts.add(connection, act)

    await using.database.write(start)
    if way != PROXY:
        log.info("console_act", act="login")
    using.today.lights()  # Starts a check, for the next page.
    return ConsoleUser(name=name, roles=roles, session=session), secret


def confusable_names(name: str, names: Iterable[str]) -> list[str]:
    """Return which of the names can be confused with a name."""
    return [other for other in names if as_compared(other) == as_compared(name)]


def set_cookie(response: Response, request: Request, secret: str) -> None:
    """Set the session cookie."""
    response.set_cookie(
        COOKIE,
        secret,
        path=ROOT,
        httponly=True,
        samesite="lax",
        secure=is_encrypted(request),
        # Longer than a session: a form posted after its end is kept, not lost.
        max_age=int(LONGEST.total_seconds()) * 8,
    )


def guest_token(request: Request) -> str:
    """Return the token for forms of people who aren't signed in, with the cookie to match."""
    cookie = request.cookies.get(GUEST_COOKIE, "")
    token: str = getattr(request.state, "guest_token", cookie)
    request.state.guest_token = token if _GUEST.fullmatch(token) else secrets.token_urlsafe(24)
    return str(request.state.guest_token)


def set_guest_cookie(response: Response, request: Request) -> None:
    """Set the cookie with the form token of a guest, unless another site's page made the request.

    In that case the browser sends no cookie, and a new one would replace the cookie that an open
    login page needs.
    """
    if request.method not in ("GET", "HEAD") and came_from_here(request) is False:
        return
    response.set_cookie(
        GUEST_COOKIE,
        guest_token(request),
        path=ROOT,
        httponly=True,
        samesite="lax",
        secure=is_encrypted(request),
    )


def is_guests_form(request: Request, form: FormData) -> bool:
    """Whether a guest's form has the token that is in its cookie."""
    return _is_same(form.get("csrf"), request.cookies.get(GUEST_COOKIE, ""))


def is_encrypted(request: Request) -> bool:
    """Whether a request came over TLS, to us or to a trusted web server in front of us."""
    peer, proxies = _peer(request), terms_of(request).proxies
    is_believed = peer is not None and (
        peer.is_loopback or any(peer in network for network in proxies)
    )
    passed_on = request.headers.get("x-forwarded-proto", "") if is_believed else ""
    return "https" in (request.url.scheme, passed_on.partition(",")[0].strip().lower())


def is_local(request: Request) -> bool:
    """Whether the client is on this host."""
    peer = _peer(request)
    return peer is not None and peer.is_loopback


def _peer(request: Request) -> IPv4Address | IPv6Address | None:
    """Return the client's address; None if it has none."""
    return read_ip(request.client.host if request.client else "")


def password_way(login: ConsoleLogin) -> str:
    """Return the mark of a session by password: changing the password ends it."""
    return "password:" + hashlib.sha256(login.digest.encode()).hexdigest()[:16]


def oidc_way(terms: OidcTerms) -> str:
    """Return the mark of a session by OpenID Connect: changing the provider ends it."""
    provider = f"{terms.issuer} {terms.client_id}"
    return f"{OIDC}:" + hashlib.sha256(provider.encode()).hexdigest()[:16]


def _roles_now(session: ConsoleSession, terms: ConsoleTerms) -> frozenset[ConsoleRole] | None:
    """Return a user's current roles; None if the session no longer counts."""
    users = terms.users.read()
    if session.way.startswith(OIDC):
        is_theirs = terms.oidc is not None and session.way == oidc_way(terms.oidc)
        return (
            known_roles(session.roles)
            if is_theirs and not confusable_names(session.user, users.names)
            else None
        )
    login = users.users.get(session.user)
    if login is None or session.way != password_way(login):
        return None
    return login.roles


def _named_by_proxy(
    request: Request, terms: ConsoleTerms
) -> tuple[str, frozenset[ConsoleRole]] | None:
    """Return the name and roles of a user whom this host's web server vouches for, if any."""
    if terms.proxy is None or not is_local(request):
        return None
    user_value = _header(request, terms.proxy.user_header)
    name = "" if user_value is None else user_value.strip()
    if not is_name(name):
        return None
    if terms.proxy.role_header not in request.headers:
        return name, frozenset({ConsoleRole.LOOK})
    role_value = _header(request, terms.proxy.role_header) or ""
    roles = known_roles(role_value.replace(",", " ").lower().split())
    # A user with none of our roles, or with roles given twice, wasn't sent to us.
    return (name, roles | {ConsoleRole.LOOK}) if roles else None


def _header(request: Request, name: str) -> str | None:
    """Return a header, UTF-8 or else Latin-1; None if it is missing or repeated.

    If there are two, one may come from the browser and have been passed on by the web server.
    """
    values = request.headers.getlist(name)
    if len(values) != 1:
        return None
    octets = values[0].encode("latin-1")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return values[0]


def came_from_here(request: Request) -> bool | None:
    """Whether one of our pages posted the request; None if the browser doesn't say."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:  # Pages can't set it, and it works behind any web server.
        return {"same-origin": True, "none": None}.get(site, False)
    origin = request.headers.get("origin", "")
    if origin in ("", "null"):
        return None
    hosts = (request.headers.get("host", ""), request.headers.get("x-forwarded-host", ""))
    try:
        return urlsplit(origin).netloc in hosts
    except ValueError:
        return False


def language_of(request: Request) -> str:
    """Return a page's language: the chosen one, or else the browser's."""
    language = request.cookies.get(LANGUAGE_COOKIE, "")
    if language in LANGUAGES:
        return language
    accepted = accepted_languages(request.headers.get("accept-language", ""))
    return accepted.best(LANGUAGES, terms_of(request).language, "en")


def text_for(request: Request, text: str, /, **values: object) -> str:
    """Return a text in the request's language."""
    return say(language_of(request), text, **values)


def _needs(role: ConsoleRole) -> Callable[[Request], Awaitable[ConsoleUser]]:
    async def let_in(request: Request) -> ConsoleUser:
        user: ConsoleUser | None = request.state.user
        if user is None:
            raise Problem(401, text_for(request, "Sign in first."))
        if not user.may(role):
            raise Problem(
                403, text_for(request, "Your account lacks the role “{role}” for this.", role=role)
            )
        return user

    return let_in


#: For pages that don't need to know the user; 403 for a user without the role.
LOOKS = Depends(_needs(ConsoleRole.LOOK))
WORKS = Depends(_needs(ConsoleRole.WORK))
MANAGES = Depends(_needs(ConsoleRole.MANAGE))
RUNS = Depends(_needs(ConsoleRole.RUN))
#: The same, for pages that do.
Looks = Annotated[ConsoleUser, LOOKS]
Works = Annotated[ConsoleUser, WORKS]
Manages = Annotated[ConsoleUser, MANAGES]
Runs = Annotated[ConsoleUser, RUNS]


class StaleForm(Problem):
    """A form without this session's token; `kept_form` is its content if from this user's page."""

    def __init__(self, why: str, kept_form: KeptForm | None) -> None:
        super().__init__(403, why)
        self.kept_form = kept_form


async def checked_form(request: Request) -> AsyncIterator[None]:
    """Refuse a form that can't be parsed, or lacks its page's token.

    The login page checks its own form, as it redisplays the page.
    """
    user: ConsoleUser | None = getattr(request.state, "user", None)
    if request.method in ("GET", "HEAD"):
        yield
        return
    form = await posted_form(request)
    try:
        if request.url.path not in (LOGIN, KEPT) and not _is_its_form(request, form, user):
            why = too_old(request)
            kept_form = kept_of(request, form) if came_from_here(request) else None
            is_theirs = kept_form is not None and user is not None and kept_form.is_of(user.name)
            raise StaleForm(why, kept_form if is_theirs else None)
        yield
    finally:
        await form.close()  # Including its files.


def too_old(request: Request) -> str:
    """Return the reason for refusing a form without a valid token."""
    return text_for(request, "This page was too old or not ours; open it again and retry.")


def _is_its_form(request: Request, form: FormData, user: ConsoleUser | None) -> bool:
    if user is None:
        return is_guests_form(request, form)
    return _is_same(form.get("csrf"), user.session.form_token)


def _is_same(form_token: object, token: str) -> bool:
    if not isinstance(form_token, str) or not token:
        return False
    return compare_digest(form_token.encode(), token.encode())


async def posted_form(request: Request) -> FormData:
    """Return the posted form; `Problem` 400 if it can't be parsed, 422 if no store can take it."""
    try:
        form = await request.form()
    except UnicodeError:  # In an encoding the sender chose.
        raise Problem(400, text_for(request, "The form can't be read.")) from None
    try:
        for name, value in form.multi_items():
            plain_text(name + (value if isinstance(value, str) else value.filename or ""))
    except ValueError:
        await form.close()
        raise Problem(422, text_for(request, "The form can't be read.")) from None
    return form


async def _form(request: Request) -> FormData:
    return await request.form()


FormFields = Annotated[FormData, Depends(_form)]  #: The fields of a form whose token was checked.
