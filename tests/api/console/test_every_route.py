"""What holds for every route of the console, those of the future among them."""

import inspect
import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote_from_bytes

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext

from gateway.api.console import access, acts, kept_form, sign_in
from gateway.api.console.roles import ConsoleRole
from gateway.api.json_response import wrap_cursor
from gateway.api.public import client_rates
from tests.api.console.browsing import PASSWORD, add_user
from tests.api.console.furnished import (
    Furnished,
    console_routes,
    fields_read,
    furnished,
    reached,
)

FORM = "application/x-www-form-urlencoded"
PAGES = (
    "acts", "applications", "bounces", "campaigns", "feed", "inbox", "language", "login",
    "messages", "oidc", "outbox", "people", "replies", "send-failed", "today", "triggers",
)  # fmt: skip
#: What whoever may only look can post, and why.
EVERYBODYS = {
    "/login": "nobody is signed in yet",
    "/login/kept": "it shows what one had filled in, and does nothing",
    "/language": "it changes the reader's own pages only",
    "/logout": "one's own session",
    "/logout-everywhere": "one's own sessions",
}
#: What is shown to whoever asks.
SHOWN_TO_EVERYBODY = {
    "/", "/login", "/login/kept", "/language", "/oidc/start", "/oidc/back", "/static/{name}",
}  # fmt: skip
#: What is posted and not journaled, and why.
NOT_JOURNALED = {
    "/language": "it changes the reader's own pages only",
    "/login/kept": "it shows what one had filled in, and does nothing",
    "/logout": "one's own session; signing in is",
    "/feed/upload": "it shows what an import would change, and changes nothing",
}
PART = b"Content-Disposition: form-data%s\r\n\r\n"
HOSTILE = (
    b"\0", b"\xed\xa0\x80", b"\xff\xfe", b"9" * 30, b"9" * 5000, b"-1", "²".encode(),
    b"9999-12-31", b"0001-01-01", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59",
    "\u202e".encode(), b"http://[",
)  # fmt: skip
CURSORS = (
    b"nonsense",
    wrap_cursor(["9999-12-31T23:59:59-23:59", "1"]).encode(),
    wrap_cursor(["0001-01-01T00:00:00+23:59"]).encode(),
    b64encode(b'["\\ud800"]'),
)  # fmt: skip
PARTS_OF_PATHS = (
    "9" * 30, "%ED%A0%80", "%FF", "-1", "x" * 3000, "..%2F..", "candidate:%E2%80%AE",
)  # fmt: skip
BODIES = (
    ("multipart/form-data", b"--x\r\n"),
    ("multipart/form-data; boundary=x", b"nothing of the kind"),
    ("multipart/form-data; boundary=x", b"--x\r\n" + PART % b'; name="a"' + b"b"),
    ("multipart/form-data; boundary=x", b"--x\r\n" + PART % b"" + b"b\r\n--x--\r\n"),
    ("multipart/form-data; boundary=\xff", b"--\xff\r\n\r\n"),
    *(
        (
            f"multipart/form-data; boundary=x; charset={charset}",
            b"--x\r\n" + PART % b'; name="csrf"' + b"\\ud800\xff\r\n--x--\r\n",
        )
        for charset in ("unicode_escape", "punycode", "idna", "undefined", "utf-7", "nonsense")
    ),
    ("application/json", b'{"csrf":'),
    ("text/plain", b"csrf=x"),
    (FORM, b"&&&=&csrf&%zz"),
    (FORM, b"csrf=%ED%A0%80&csrf=%00"),
    (FORM, b"a=b&" * 2000),
    ("", b"csrf=x"),
)  # fmt: skip


@pytest.fixture(scope="module")
async def everything(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    async with furnished(tmp_path_factory.mktemp("furnished")) as opened:
        yield opened


@pytest.fixture
async def client(everything: Furnished) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever may do everything, without a network between."""
    async with signed_in(everything, ConsoleRole.MANAGE, ConsoleRole.RUN) as opened:
        yield opened


def signed_in(everything: Furnished, *roles: ConsoleRole) -> "_Client":
    return _Client(everything, roles)


class _Client(httpx.AsyncClient):
    """A client of the application itself that is signed in while it is open."""

    def __init__(self, everything: Furnished, roles: tuple[ConsoleRole, ...]) -> None:
        application = httpx.ASGITransport(everything.api.app, raise_app_exceptions=False)
        super().__init__(transport=application, base_url="http://127.0.0.1")
        self.headers["accept-language"] = "en"
        self.csrf = ""
        self._everything, self._roles = everything, roles

    async def __aenter__(self) -> "_Client":
        await super().__aenter__()
        name = "-".join(self._roles)
        add_user(self._everything.api, name, self._roles)
        login = {"user": name, "password": PASSWORD, "next": "/console/acts"}
        page = await self.post("/console/login", data=login, follow_redirects=True)
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        return self


def of_page(everything: Furnished, page: str) -> list[tuple[str, RouteContext]]:
    """Return the routes below a page, each with its one method."""
    return [
        (method, route)
        for route in console_routes(everything.api)
        for method in route.methods or ()
        if str(route.path_format).split("/")[1] == page
    ]


def posts(everything: Furnished) -> list[RouteContext]:
    routes = [route for route in console_routes(everything.api) if "POST" in (route.methods or ())]
    assert len(routes) > 25
    return routes


async def ask(
    client: _Client, method: str, path: str, query: str, content_type: str = FORM
) -> httpx.Response:
    if method == "GET":
        return await client.get(httpx.URL(path + (f"?{query}" if query else "")))
    body = f"csrf={client.csrf}&{query}"
    return await client.post(path, content=body, headers={"content-type": content_type})


def test_all_pages_are_walked(everything: Furnished) -> None:
    known = {str(route.path_format).split("/")[1] for route in console_routes(everything.api)}

    assert {"", "static", "logout", "logout-everywhere", *PAGES} == known


def test_the_walk_knows_what_routes_read(everything: Furnished) -> None:
    read = {
        (method, str(route.path_format)): set(fields_read(route))
        for page in PAGES
        for method, route in of_page(everything, page)
    }

    assert {"since", "until", "from", "search", "cursor"} <= read["GET", "/messages"]
    assert {"scope", "note", "until", "whom"} <= read["POST", "/people/{person}/suppress"]
    assert {"at", "confirmed"} <= read["POST", "/campaigns/{id}/schedule"]
    assert {"name", "subject-nl", "do"} <= read["POST", "/triggers/templates/new"]
    assert {"user", "password", "next", "kept"} == read["POST", "/login"]


@pytest.mark.parametrize("page", PAGES)
async def test_no_value_of_a_field_breaks_a_page(
    everything: Furnished, client: _Client, page: str
) -> None:
    broken = []
    for method, route in of_page(everything, page):
        path = everything.path(route)
        for names, values in told_apart(fields_read(route)):
            for value in values:
                query = "&".join(f"{name}={quote_from_bytes(value)}" for name in names)
                answer = await ask(client, method, path, query)
                if answer.status_code >= 500:
                    broken.append((method, path, names, value[:30], answer.status_code))

    assert [] == broken


def told_apart(names: list[str]) -> list[tuple[list[str], Iterable[bytes]]]:
    """Return which fields get which values at once; with FUZZ_EXAMPLES, each field by itself.

    A cursor stands alone: one that can't be read would keep the others from being looked at.
    """
    if "FUZZ_EXAMPLES" in os.environ:
        return [([name], (*HOSTILE, *CURSORS)) for name in names]
    others = [name for name in names if name != "cursor"]
    alone = [(["cursor"], CURSORS)] if "cursor" in names else []
    twice = [([*others, *others], (b"1",)), (others, HOSTILE)] if others else []
    return [*twice, *alone]


@pytest.mark.parametrize("page", PAGES)
async def test_no_path_breaks_a_page(everything: Furnished, client: _Client, page: str) -> None:
    broken = []
    for method, route in of_page(everything, page):
        for value in PARTS_OF_PATHS:
            path = "/console" + re.sub(r"{\w+}", value, str(route.path_format))
            answer = await ask(client, method, path, "")
            if answer.status_code >= 500 or "default-src 'none'" not in policy(answer):
                broken.append((method, path[:100], answer.status_code))

    assert [] == broken


async def test_no_body_breaks_a_page(everything: Furnished, client: _Client) -> None:
    broken = []
    for route in posts(everything):
        for content_type, body in BODIES:
            of_type = [(b"content-type", content_type.encode("latin-1"))] if content_type else []
            answer = await client.post(everything.path(route), content=body, headers=of_type)
            is_told = answer.status_code in (303, 400, 401, 403, 415, 422)
            if not is_told or "default-src 'none'" not in policy(answer):
                broken.append((route.path_format, content_type, body[:40], answer.status_code))

    assert [] == broken


@pytest.mark.parametrize(("method", "page"), [("GET", "acts"), ("GET", "login"), ("POST", "login")])
async def test_no_header_or_cookie_breaks_a_page(
    everything: Furnished, client: _Client, method: str, page: str
) -> None:
    names = {
        name
        for module in (access, kept_form, sign_in, client_rates)
        for name in re.findall(r'headers\.get\("([a-z-]+)"', inspect.getsource(module))
    }
    assert {"origin", "referer", "x-forwarded-for", "sec-fetch-site"} <= names
    cookies = [
        b"gateway_console=" + value
        for value in (b"\xff\xfe", b'"\\777"', b"x" * 3000, b"", b"a; gateway_console=b", b"=;=;")
    ]
    broken = []
    for name, values in [
        *((name, [value.replace(b"\0", b"\x7f") for value in HOSTILE]) for name in sorted(names)),
        ("cookie", cookies),
        ("cookie", [cookie.replace(b"console", b"console_language") for cookie in cookies]),
    ]:
        for value in values:
            answer = await client.request(method, f"/console/{page}", headers={name: value})
            if answer.status_code >= 500:
                broken.append((name, value[:30], answer.status_code))

    assert [] == broken


async def test_every_form_must_bring_its_token(everything: Furnished, client: _Client) -> None:
    answers = {}
    for route in posts(everything):
        for csrf in ("", "csrf=another"):
            answer = await client.post(
                everything.path(route), content=csrf, headers={"content-type": FORM}
            )
            answers[str(route.path_format), csrf] = answer.status_code

    without = {path for (path, _), status in answers.items() if status != 403}
    assert {"/login"} == without  # For programs that have a name and password only.


def test_every_route_says_who_may(everything: Furnished) -> None:
    """By the function's first parameter, or by a dependency of the route."""
    said_by = {
        each.dependency for each in (access.LOOKS, access.WORKS, access.MANAGES, access.RUNS)
    }
    unsaid = {
        route.path_format
        for route in console_routes(everything.api)
        if isinstance(route.dependant, Dependant)
        and said_by.isdisjoint(part.call for part in route.dependant.dependencies)
    }

    assert SHOWN_TO_EVERYBODY == unsaid


async def test_whoever_may_only_look_can_do_nothing(everything: Furnished) -> None:
    allowed = set()
    async with signed_in(everything, ConsoleRole.LOOK) as client:
        for route in posts(everything):
            if route.path_format in EVERYBODYS:
                continue
            answer = await ask(client, "POST", everything.path(route), "")
            if answer.status_code != 403 or "lacks the role" not in answer.text:
                allowed.add(route.path_format)

    assert set() == allowed


async def test_whoever_is_not_signed_in_is_led_to_the_login(everything: Furnished) -> None:
    answers = {}
    transport = httpx.ASGITransport(everything.api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for route in console_routes(everything.api):
            path = str(route.path_format)
            if path.startswith(("/login", "/static", "/oidc", "/language")):
                continue
            for method in route.methods or ():
                answer = await client.request(method, everything.path(route))
                led_to = answer.headers.get("location", "").partition("?")[0]
                answers[method, path] = (answer.status_code, led_to)

    assert {(303, "/console/login")} == set(answers.values())


def test_every_act_is_journaled(everything: Furnished) -> None:
    journaling = {acts.change_store, acts.doing, access.begin}
    silent = {
        route.path_format
        for route in posts(everything)
        if route.endpoint is not None and journaling.isdisjoint(reached(route.endpoint))
    }

    assert NOT_JOURNALED.keys() == silent


async def test_no_page_is_kept_by_a_browser(everything: Furnished, client: _Client) -> None:
    kept = {}
    for page in PAGES:
        for method, route in of_page(everything, page):
            answer = await ask(client, method, everything.path(route), "")
            kept[page, answer.headers.get("cache-control")] = route.path_format

    assert {"no-store"} == {control for _, control in kept}


async def test_head_is_answered_what_get_is(everything: Furnished, client: _Client) -> None:
    differ = {}
    for page in PAGES:
        for method, route in of_page(everything, page):
            if method == "GET" and page != "oidc":  # A provider's answer is taken once.
                path = everything.path(route)
                answers = [await client.request(each, path) for each in ("HEAD", "GET")]
                head, get = [
                    (answer.status_code, answer.headers.get("content-type")) for answer in answers
                ]
                if head != get:
                    differ[path] = (head, get)

    assert {} == differ


def policy(answer: httpx.Response) -> str:
    return str(answer.headers.get("content-security-policy", ""))
