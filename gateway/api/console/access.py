"""Who asks: a session's cookie, or a trusted proxy's header; nobody else gets past the login."""

import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from starlette._utils import get_route_path
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import logs
from gateway.api.console.kept_form import ROOT, KeptForm, kept_of, new_token
from gateway.api.console.languages import LANGUAGES, preferred, say
from gateway.api.console.roles import ConsoleRole, known_roles, may
from gateway.api.console.terms import ConsoleTerms, OidcTerms, terms_of
from gateway.api.console.users import ConsoleLogin, compared, is_name
from gateway.api.guard import REFUSED
from gateway.api.problems import Problem
from gateway.api.replies import plain_text
from gateway.api.services import ApiServices
from gateway.core.errors import GatewayError
from gateway.store.console import console_acts, console_sessions
from gateway.store.console.console_acts import ConsoleAct
from gateway.store.console.console_sessions import ConsoleSession
from gateway.store.engine.database import StoreTransaction

log = logs.get("console")

#: Makes the page that tells of an error.
ErrorPage = Callable[[Request, Exception], Awaitable[Response]]
#: Leads whoever isn't signed in to the login.
ToLogin = Callable[[Request], Awaitable[Response]]

COOKIE = "gateway_console"
LANGUAGE_COOKIE = "gateway_console_language"
GUEST_COOKIE = (
    "gateway_console_guest"  #: For people who aren't signed in; their forms send the same.
)
LOGIN = f"{ROOT}/login"
KEPT = f"{LOGIN}/kept"
LONGEST = timedelta(days=7)  #: A session, however much it is used.
#: How sessions are marked that a web server of this host, or a provider, vouches for.
PROXY, OIDC = "proxy", "oidc"
_GUEST = re.compile(r"[\w-]{32}", re.ASCII)
#: What is answered to whoever isn't signed in.
_OPEN = ("/login", "/static/", "/oidc/", "/language")
#: What a GET does there it does once: a provider's answer is not asked about.
_ONLY_ONCE = "/oidc/"


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
        lead: ToLogin,
    ) -> None:
        """`refuse` makes the page that tells an error, `lead` leads to the login."""
        self._app = app
        self._using = using
        self._terms = terms
        self._refuse = refuse
        self._lead = lead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; to HEAD what GET is answered, of which the server sends the head."""
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
                raise Problem(403, said(request, "This form came from a page of another site."))
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
            session = await using.database.read(console_sessions.find, digest, now)
        if named is not None and (
            session is None or session.way != PROXY or session.user != named[0]
        ):
            # What the web server says now counts, whatever login this browser had before.
            return await begin(using, terms, named[0], named[1], way=PROXY, instead=session)
        if session is None or (session.way == PROXY) != (named is not None):
            return None, ""
        roles = named[1] if named is not None else _roles_now(session, terms)
        if roles is None:
            return None, ""
        # What a page fetches by itself is no use of the session: a tab left open would keep it.
        is_used = "hx-request" not in request.headers
        if is_used and console_sessions.is_stale(session, now):
            until = min(now + terms.session, session.since + LONGEST)
            await using.database.write(console_sessions.seen, session.digest, now, until)
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
    """Begin a session; return its user and the secret that its cookie shows.

    A name means just one person at any time. Somebody whom this host's web server names isn't the
    one whom the OpenID Connect provider calls the same, so the other's sessions under that name
    end. `instead` is the session that the browser had and gives up.
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
            for user in like(name, console_sessions.users(connection, now, way=OIDC)):
                console_sessions.end_all(connection, user, way=OIDC)
        if instead is not None:
            console_sessions.end(connection, instead.digest)
        console_sessions.start(connection, session, now)
        if way != PROXY:  # Its sessions begin by themselves.
            act = ConsoleAct(id=using.new_id(), user=name, act="login", about="")
            console_acts.add(connection, act)

    await using.database.write(start)
    if way != PROXY:
        log.info("console_act", act="login")
    using.today.lights()  # Begins to look whether everything is well, for the page that comes next.
    return ConsoleUser(name=name, roles=roles, session=session), secret


def like(name: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that can be taken for a name."""
    return [known for known in names if compared(known) == compared(name)]


def set_cookie(response: Response, request: Request, secret: str) -> None:
    """Have a browser show the secret of its session from now on."""
    response.set_cookie(
        COOKIE,
        secret,
        path=ROOT,
        httponly=True,
        samesite="lax",
        secure=is_encrypted(request),
        # Longer than a session: what its browser posts after the end is kept, not lost.
        max_age=int(LONGEST.total_seconds()) * 8,
    )


def guest_token(request: Request) -> str:
    """Return what the forms of somebody who isn't signed in bring along, with the same cookie."""
    shown = request.cookies.get(GUEST_COOKIE, "")
    known: str = getattr(request.state, "guest_token", shown)
    request.state.guest_token = known if _GUEST.fullmatch(known) else secrets.token_urlsafe(24)
    return str(request.state.guest_token)


def set_guest_cookie(response: Response, request: Request) -> None:
    """Have a browser keep the token of its forms, unless another site's page makes it post.

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
    """Whether a form of somebody who isn't signed in brings the token that its cookie has."""
    return _is_same(form.get("csrf"), request.cookies.get(GUEST_COOKIE, ""))


def is_encrypted(request: Request) -> bool:
    """Whether a request came over TLS, to us or to a web server before us whose word counts."""
    peer, known = _peer(request), terms_of(request).proxies
    is_believed = peer is not None and (
        peer.is_loopback or any(peer in network for network in known)
    )
    passed_on = request.headers.get("x-forwarded-proto", "") if is_believed else ""
    return "https" in (request.url.scheme, passed_on.partition(",")[0].strip().lower())


def is_local(request: Request) -> bool:
    """Whether whoever connects is on this host."""
    peer = _peer(request)
    return peer is not None and peer.is_loopback


def _peer(request: Request) -> IPv4Address | IPv6Address | None:
    """Return who connects; None: not by an address."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):  # As `::ffff:127.0.0.1`, where one listens at `[::]`.
        return address.ipv4_mapped or address
    return address


def password_way(login: ConsoleLogin) -> str:
    """Return how a session by password is marked: another password ends it."""
    return "password:" + hashlib.sha256(login.digest.encode()).hexdigest()[:16]


def oidc_way(terms: OidcTerms) -> str:
    """Return how a session by OpenID Connect is marked: another provider ends it."""
    provider = f"{terms.issuer} {terms.client_id}"
    return f"{OIDC}:" + hashlib.sha256(provider.encode()).hexdigest()[:16]


def _roles_now(session: ConsoleSession, terms: ConsoleTerms) -> frozenset[ConsoleRole] | None:
    """Return what a user may do at this moment; None: nothing any more."""
    users = terms.users.read()
    if session.way.startswith(OIDC):
        is_theirs = terms.oidc is not None and session.way == oidc_way(terms.oidc)
        return (
            known_roles(session.roles)
            if is_theirs and not like(session.user, users.names)
            else None
        )
    login = users.users.get(session.user)
    if login is None or session.way != password_way(login):
        return None
    return login.roles


def _named_by_proxy(
    request: Request, terms: ConsoleTerms
) -> tuple[str, frozenset[ConsoleRole]] | None:
    """Return whom a web server of this host says it has let in."""
    if terms.proxy is None or not is_local(request):
        return None
    given = _header(request, terms.proxy.user_header)
    name = "" if given is None else given.strip()
    if not is_name(name):
        return None
    if terms.proxy.role_header not in request.headers:
        return name, frozenset({ConsoleRole.LOOK})
    named = _header(request, terms.proxy.role_header) or ""
    roles = known_roles(named.replace(",", " ").lower().split())
    # Whom it gives roles that are none of ours, or gives them twice, it doesn't send to us.
    return (name, roles | {ConsoleRole.LOOK}) if roles else None


def _header(request: Request, name: str) -> str | None:
    """Return a header, UTF-8 or else Latin-1; None where it isn't there, or several times.

    Of two, one may be what a browser sent and the web server left in.
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
    """Whether a page of ours posted something, as browsers say; None: nothing says it."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:  # No page can write it, and it counts behind any web server.
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
    """Return the language a page is shown in: the chosen one, or else the browser's."""
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


#: For pages that needn't know who the user is; 403 for a user without the role.
LOOKS = Depends(_needs(ConsoleRole.LOOK))
WORKS = Depends(_needs(ConsoleRole.WORK))
MANAGES = Depends(_needs(ConsoleRole.MANAGE))
RUNS = Depends(_needs(ConsoleRole.RUN))
#: The same, for pages that need to know.
Looks = Annotated[ConsoleUser, LOOKS]
Works = Annotated[ConsoleUser, WORKS]
Manages = Annotated[ConsoleUser, MANAGES]
Runs = Annotated[ConsoleUser, RUNS]


class StaleForm(Problem):
    """A form without the token of this session; `kept` is what one of this user's pages brought."""

    def __init__(self, why: str, kept: KeptForm | None) -> None:
        super().__init__(403, why)
        self.kept = kept


async def checked_form(request: Request) -> AsyncIterator[None]:
    """Refuse a form that can't be read, or lacks the token that its page was given.

    The login page checks its own form, as it shows the page again.
    """
    user: ConsoleUser | None = getattr(request.state, "user", None)
    if request.method in ("GET", "HEAD"):
        yield
        return
    form = await posted_form(request)
    try:
        if request.url.path not in (LOGIN, KEPT) and not _is_its_form(request, form, user):
            why = too_old(request)
            kept = kept_of(request, form) if came_from_here(request) else None
            is_theirs = kept is not None and user is not None and kept.is_of(user.name)
            raise StaleForm(why, kept if is_theirs else None)
        yield
    finally:
        await form.close()  # With the files in it.


def too_old(request: Request) -> str:
    """Return why a form is refused that brings no token, or another."""
    return said(request, "This page was too old or not ours; open it anew and try again.")


def _is_its_form(request: Request, form: FormData, user: ConsoleUser | None) -> bool:
    if user is None:
        return is_guests_form(request, form)
    return _is_same(form.get("csrf"), user.session.form_token)


def _is_same(shown: object, token: str) -> bool:
    if not isinstance(shown, str) or not token:
        return False
    return compare_digest(shown.encode(), token.encode())


async def posted_form(request: Request) -> FormData:
    """Return what was posted; `Problem` where it can't be read: 400, or 422 where no store can."""
    try:
        form = await request.form()
    except UnicodeError:  # In a coding of the sender's choice.
        raise Problem(400, said(request, "The form can't be read.")) from None
    try:
        for name, value in form.multi_items():
            plain_text(name + (value if isinstance(value, str) else value.filename or ""))
    except ValueError:
        await form.close()
        raise Problem(422, said(request, "The form can't be read.")) from None
    return form


async def _form(request: Request) -> FormData:
    return await request.form()


FormFields = Annotated[FormData, Depends(_form)]  #: The fields of the form, its token checked.
