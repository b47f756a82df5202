"""A browser without scripts: cookies, redirects, and the forms of a page."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser

import httpx
from argon2 import PasswordHasher

from gateway.api.console.roles import ConsoleRole
from gateway.api.console.users import ConsoleLogin
from tests.api.served import Served
from tests.rig.process import LOOPBACK

PASSWORD = "correct horse"


@dataclass(slots=True)
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)  #: As they stand; a select's first choice.
    names: set[str] = field(default_factory=set)  #: Of inputs, chosen or not.
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  #: Text, name, value.


class PageReader(HTMLParser):
    """What a page has that tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []  #: Text and address.
        self._pieces: list[str] = []
        self._text: list[str] = []
        self._open: tuple[str, dict[str, str]] | None = None
        self._select = ""
        self._area = ""
        self.feed(text)
        self.text = " ".join(" ".join(self._pieces).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        form = self.forms[-1] if self.forms else None
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag in ("a", "button"):
            self._open, self._text = (tag, given), []
        elif form is not None and tag == "option" and self._select:
            if self._select not in form.fields or "selected" in given:
                form.fields[self._select] = given.get("value", "")
        elif form is None or "name" not in given:
            return
        elif tag == "input":
            is_chosen = given.get("type") not in ("checkbox", "radio") or "checked" in given
            form.names.add(given["name"])
            if is_chosen:
                form.fields[given["name"]] = given.get("value", "")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "textarea":
            self._area = given["name"]
            form.fields[self._area] = ""

    def handle_data(self, data: str) -> None:
        self._pieces.append(data)
        self._text.append(data)
        if self._area:
            self.forms[-1].fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("a", "button") and self._open is not None:
            text, given = " ".join("".join(self._text).split()), self._open[1]
            if tag == "a":
                self.links.append((text, given.get("href", "")))
            elif self.forms:
                pressed = (text, given.get("name", ""), given.get("value", ""))
                self.forms[-1].buttons.append(pressed)
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


@dataclass(slots=True)
class Browsing:
    """Somebody who is, or will be, signed in."""

    client: httpx.AsyncClient
    answer: httpx.Response | None = None

    @property
    def page(self) -> PageReader:
        """The page one sees."""
        assert self.answer is not None
        return PageReader(self.answer.text)

    async def open(self, path: str, *, status: int = 200, **options: object) -> PageReader:
        """Open a page, wherever it leads to."""
        self.answer = await self.client.get(path, follow_redirects=True, **options)  # type: ignore[arg-type]
        assert status == self.answer.status_code, (path, self.answer.text)
        return self.page

    async def press(
        self,
        button: str,
        *,
        status: int = 200,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        **fields: str,
    ) -> PageReader:
        """Fill in the form that has a button with this text, and press it."""
        assert self.answer is not None
        for form in self.page.forms:
            for text, name, value in form.buttons:
                if text == button and fields.keys() <= form.fields.keys() | form.names | {name}:
                    given = {**form.fields, **({name: value} if name else {}), **fields}
                    action = form.action or str(self.answer.request.url.raw_path, "ascii")
                    if form.method == "get":
                        return await self.open(action.partition("?")[0], params=given)
                    self.answer = await self.client.post(
                        action,
                        data=given,
                        files=files,
                        follow_redirects=True,
                    )
                    assert status == self.answer.status_code, self.answer.text
                    return self.page
        raise AssertionError(f"no form with a button {button!r} and {sorted(fields)}")


@asynccontextmanager
async def browser(api: Served, *, language: str = "en") -> AsyncIterator[Browsing]:
    """Open a browser without cookies."""
    async with httpx.AsyncClient(
        base_url=f"http://{LOOPBACK}:{api.port}",
        trust_env=False,
        verify=False,  # To load the world's authorities takes longer than most pages.
        timeout=60,
        headers={"accept-language": language},
    ) as client:
        yield Browsing(client)


@asynccontextmanager
async def signed_in(
    api: Served, *roles: ConsoleRole, name: str = "anna", language: str = "en"
) -> AsyncIterator[Browsing]:
    """Open a browser in which somebody with these roles is signed in."""
    add_user(api, name, roles)
    async with browser(api, language=language) as browsing:
        answer = await browsing.client.post(
            "/console/login", data={"user": name, "password": PASSWORD, "next": "/console/acts"}
        )
        assert 303 == answer.status_code, answer.text
        yield browsing


def add_user(api: Served, name: str, roles: Iterable[ConsoleRole] = ()) -> None:
    """Let somebody sign in; the same name and roles again cost nothing."""
    file = api.settings.console.users
    lines = file.read_text().splitlines() if file.exists() else []
    kept = [line for line in lines if not line.startswith(f"{name}:")]
    line = ConsoleLogin(roles=frozenset(roles) or frozenset({ConsoleRole.LOOK}), digest=_digest())
    file.write_text("".join(f"{text}\n" for text in (*kept, line.line(name))))


@cache
def _digest() -> str:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
