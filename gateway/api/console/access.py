"""Who asks: a session's cookie, or a trusted proxy's header; nobody else gets past the login."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from starlette._utils import get_route_path
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.console.languages import LANGUAGES, preferred, say
from gateway.api.console.roles import ConsoleRole, known_roles, may
from gateway.api.console.terms import ConsoleTerms, terms_of
from gateway.api.console.users import ConsoleLogin
from gateway.api.paths import written
from gateway.api.problems import Problem
from gateway.api.services import ApiServices
from gateway.core.errors import GatewayError
from gateway.store.console import console_sessions
from gateway.store.console.console_sessions import ConsoleSession

#: Makes the page that tells of an error.
ErrorPage = Callable[[Request, Exception], Awaitable[Response]]

COOKIE = "gateway_console"
LANGUAGE_COOKIE = "gateway_console_language"
ROOT = "/console"
LOGIN = f"{ROOT}/login"
START = f"{ROOT}/today"
LONGEST = timedelta(days=7)  #: A session, however much it is used.
#: What is answered to whoever isn't signed in.
_OPEN = ("/login", "/static/", "/oidc/", "/language")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleUser:
    """Who is signed in."""

    name: str
    roles: frozenset[ConsoleRole]
    session: ConsoleSession

    def may(self, role: ConsoleRole | str) -> bool:
        """Whether a role, or one that includes it, is among theirs."""
        return may(self.roles, ConsoleRole(role))


class ConsoleAccess:
    """Wraps the console: finds who asks, and leads whoever isn't signed in to the login."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        using: ApiServices,
        terms: Callable[[], ConsoleTerms],
        refuse: ErrorPage,
    ) -> None:
        """`refuse` makes the page that tells an error."""
        self._app = app
        self._using = using
        self._terms = terms
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        request.state.user = None
        path = get_route_path(scope)
        if path.startswith("/static/"):
            await self._app(scope, receive, send)
            return
        try:
            if _is_of_another_page(request):
                raise Problem(403, said(request, "This form came from a page of another site."))
            user, secret = await self._user(request)
        except (GatewayError, Problem) as error:
            refusal = await self._refuse(request, error)
            await refusal(scope, receive, send)
            return
        request.state.user = user
        if user is None and not path.startswith(_OPEN):
            await _to_login(request)(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if secret and message["type"] == "http.response.start":
                cookie = Response()
                set_cookie(cookie, request, secret)
                given = [entry for entry in cookie.raw_headers if entry[0] == b"set-cookie"]
                message = {**message, "headers": [*message["headers"], *given]}
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    async def _user(self, request: Request) -> tuple[ConsoleUser | None, str]:
        """Return who asks, and the secret of a session that has just begun."""
        using, terms = self._using, self._terms()
        now = using.clock()
        named = _named_by_proxy(request, terms)
        shown = request.cookies.get(COOKIE, "")
        session = None
        if shown and len(shown) < 200:
            digest = console_sessions.digest_of(shown)
            session = await using.database.read(
                lambda connection: console_sessions.find(connection, digest, now)
            )
        if named is not None and (session is None or session.user != named[0]):
            return await begin(using, terms, named[0], named[1], way="proxy")
        if session is None or (session.way == "proxy") != (named is not None):
            return None, ""
        roles = named[1] if named is not None else _roles_now(session, terms)
        if roles is None:
            return None, ""
        # What a page fetches by itself is no use of the session: a tab left open would keep it.
        is_used = "hx-request" not in request.headers
        if is_used and console_sessions.is_stale(session, now):
            until = min(now + terms.session, session.since + LONGEST)
            await using.database.write(
                lambda connection: console_sessions.seen(connection, session.digest, now, until)
            )
        return ConsoleUser(name=session.user, roles=roles, session=session), ""


async def begin(
    using: ApiServices,
    terms: ConsoleTerms,
    name: str,
    roles: frozenset[ConsoleRole],
    *,
    way: str,
) -> tuple[ConsoleUser, str]:
    """Begin a session; return its user and the secret that its cookie shows."""
    now: datetime = using.clock()
    secret = secrets.token_urlsafe(32)
    session = ConsoleSession(
        digest=console_sessions.digest_of(secret),
        user=name,
        roles=frozenset(map(str, roles)),
        way=way,
        form_token=secrets.token_urlsafe(24),
        notice="",
        since=now,
        seen=now,
        until=now + min(terms.session, LONGEST),
    )
    await using.database.write(lambda connection: console_sessions.start(connection, session, now))
    using.today.lights()  # Begins to look whether everything is well, for the page that comes next.
    return ConsoleUser(name=name, roles=roles, session=session), secret


def set_cookie(response: Response, request: Request, secret: str) -> None:
    """Have a browser show the secret of its session from now on."""
    response.set_cookie(
        COOKIE,
        secret,
        path=ROOT,
        httponly=True,
        samesite="lax",
        secure=is_encrypted(request),
        max_age=int(LONGEST.total_seconds()),
    )


def is_encrypted(request: Request) -> bool:
    """Whether a request came over TLS, to us or to the web server of this host before us."""
    passed_on = request.headers.get("x-forwarded-proto", "") if is_local(request) else ""
    return "https" in (request.url.scheme, passed_on.strip().lower())


def is_local(request: Request) -> bool:
    """Whether whoever connects is on this host."""
    try:
        return ip_address(request.client.host if request.client else "").is_loopback
    except ValueError:
        return False


def password_way(login: ConsoleLogin) -> str:
    """Return how a session by password is marked: another password ends it."""
    return "password:" + hashlib.sha256(login.digest.encode()).hexdigest()[:16]


def _roles_now(session: ConsoleSession, terms: ConsoleTerms) -> frozenset[ConsoleRole] | None:
    """Return what a user may do at this moment; None: nothing any more."""
    if session.way == "oidc":
        return known_roles(session.roles) if terms.oidc is not None else None
    login = terms.users.all().get(session.user)
    if login is None or session.way != password_way(login):
        return None
    return login.roles


def _named_by_proxy(
    request: Request, terms: ConsoleTerms
) -> tuple[str, frozenset[ConsoleRole]] | None:
    """Return whom a web server of this host says it has let in."""
    if terms.proxy is None or not is_local(request):
        return None
    name = request.headers.get(terms.proxy.user_header, "").strip()
    if not name or not name.isprintable() or len(name) > 200:
        return None
    roles = frozenset({ConsoleRole.LOOK})
    if terms.proxy.role_header:
        given = request.headers.get(terms.proxy.role_header, "").replace(",", " ").lower()
        roles |= known_roles(given.split())
    return name, roles


def _is_of_another_page(request: Request) -> bool:
    """Whether something is posted by a page that isn't ours (as browsers say)."""
    if request.method in ("GET", "HEAD"):
        return False
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin", "")
    hosts = (request.headers.get("host", ""), request.headers.get("x-forwarded-host", ""))
    return origin not in ("", "null") and urlsplit(origin).netloc not in hosts


def _to_login(request: Request) -> Response:
    target = LOGIN
    if request.method == "GET":
        asked = written(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
        if asked not in (ROOT, f"{ROOT}/", START):
            target += f"?next={quote(asked)}"
    if "hx-request" in request.headers:  # The page as a whole is to go there, not a part of it.
        return Response(status_code=401, headers={"hx-redirect": LOGIN})
    return RedirectResponse(target, 303)


def language_of(request: Request) -> str:
    """Return the language a page is shown in: the chosen one, else the browser's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    default = terms_of(request).language
    return preferred(request.headers.get("accept-language", ""), default)


def said(request: Request, text: str, /, **values: object) -> str:
    """Return a text in the language of whoever asks."""
    return say(language_of(request), text, **values)


def _needs(role: ConsoleRole) -> Callable[[Request], Awaitable[ConsoleUser]]:
    async def let_in(request: Request) -> ConsoleUser:
        user: ConsoleUser | None = request.state.user
        if user is None:
            raise Problem(401, said(request, "Sign in first."))
        if not user.may(role):
            raise Problem(
                403, said(request, "Your account lacks the role “{role}” for this.", role=role)
            )
        return user

    return let_in


#: For routes that must know who may before they read a form.
let_in_to_run = _needs(ConsoleRole.RUN)
#: Who asks; 403 for whoever lacks the role.
Looks = Annotated[ConsoleUser, Depends(_needs(ConsoleRole.LOOK))]
Works = Annotated[ConsoleUser, Depends(_needs(ConsoleRole.WORK))]
Manages = Annotated[ConsoleUser, Depends(_needs(ConsoleRole.MANAGE))]
Runs = Annotated[ConsoleUser, Depends(let_in_to_run)]


async def checked_form(request: Request) -> AsyncIterator[None]:
    """Refuse a form that doesn't bring the token its page was given.

    The login's has none yet; `ConsoleAccess` has refused what other sites' pages send there.
    """
    user: ConsoleUser | None = getattr(request.state, "user", None)
    if request.method in ("GET", "HEAD"):
        yield
        return
    async with request.form() as form:  # Files in it are closed in the end.
        shown = form.get("csrf", "")
        token = "" if user is None or request.url.path == LOGIN else user.session.form_token
        is_right = isinstance(shown, str) and compare_digest(shown.encode(), token.encode())
        if token and not is_right:
            raise Problem(
                403, said(request, "This page was too old or not ours; open it anew and try again.")
            )
        yield


async def _form(request: Request) -> FormData:
    return await request.form()


Fields = Annotated[FormData, Depends(_form)]  #: The fields of the form, its token checked.
