"""The page of links to unsubscribe in a real browser, and under the requests of link scanners.

A mail goes from the CRM through the gateway to a relay; its link is opened as the person does, over
the name that `api.public_url` has, as a web server passes it on.
"""

import re
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page

from gateway.core.bounces.unsubscribe_words import WORDS, UnsubscribeWords
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.people import suppression
from tests.api.test_unsubscribe import paged
from tests.rig.browser import PHONE_HEIGHT, PHONE_WIDTH, Watched, chromium, phone
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.smtp_proxy.crm import BULK, Crm, open_crm

pytestmark = pytest.mark.system

HOST = "mail.example.org"
LEAST_TOUCH = 24  #: CSS pixels a finger needs (WCAG 2.2, 2.5.8).
LANGUAGES = ("nl", "de", "fr", "en")
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
async def crm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    changes = {
        "api": {"public_url": f"https://{HOST}", "bind": f"{LOOPBACK}:{free_port()}"},
        "notices": {"from": "Office <office@example.org>"},
        "suppression": {"language": "en"},
    }
    folder = tmp_path_factory.mktemp("page")
    listeners = {"crm": {"unsubscribe": "add"}}
    async with open_crm(folder, changes, listeners=listeners, roles=("smtp", "api")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(crm: Crm) -> AsyncIterator[Browser]:
    async with chromium(HOST, api_port(crm)) as opened:
        yield opened


def api_port(crm: Crm) -> int:
    return int(crm.gateway.config["api"]["bind"].rpartition(":")[2])


async def mailed(crm: Crm, name: str, language: str) -> str:
    """Send somebody a mailing, and return the path of its link, which the gateway knows by now."""
    address = f"{name}-{language}@example.net"
    row = f"candidate,{name}-{language},Ann,{address},{language}"
    crm.feed("people", f"kind,crm_id,first_name,emails,language\n{row}\n")
    assert 250 == (await crm.send([address.encode()], BULK)).end.code
    field = str(message_from_bytes(crm.sink.messages[-1].content)["List-Unsubscribe"])
    link = re.match(rf"<https://{re.escape(HOST)}(/u/[a-z2-7]+)>", field)
    assert link is not None, field

    async def is_known() -> bool:
        return 200 == (await asked(crm, "GET", link[1])).status_code

    await wait_until(is_known, "a link the gateway knows")
    return link[1]


def suppressions(crm: Crm, name: str, language: str) -> list[tuple[str, str]]:
    ref = PersonRef(PersonKind.CANDIDATE, f"{name}-{language}")
    with crm.database.reading() as connection:
        entries = suppression.history(connection, ref)
    return [(entry.source.value, entry.scope.value) for entry in entries]


async def asked(
    crm: Crm, method: str, path: str, headers: dict[str, str] | None = None, content: bytes = b""
) -> httpx.Response:
    """Send a request as a web server passes it on."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
        return await client.request(
            method,
            f"http://{LOOPBACK}:{api_port(crm)}{path}",
            headers={"host": HOST, **(headers or {})},
            content=content or None,
        )


async def seen(page: Page) -> str:
    return " ".join((await page.inner_text("body")).split())


async def looked_at(watched: Watched, words: UnsubscribeWords) -> None:
    """Look at the page with the button, as it stands on the phone."""
    page = watched.page
    assert words.title == await page.title()
    assert words.language == await page.locator("html").get_attribute("lang")
    assert not await watched.is_wider_than_the_screen()
    buttons = page.get_by_role("button")
    assert [words.button] == await buttons.all_inner_texts()
    box = await buttons.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE_WIDTH
    assert box["y"] + box["height"] <= PHONE_HEIGHT
    assert min(box["width"], box["height"]) >= LEAST_TOUCH


@pytest.mark.parametrize("scripts", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_person_unsubscribes_with_the_button_and_comes_again(
    crm: Crm, browser: Browser, language: str, scripts: bool
) -> None:
    name, words = f"finger{scripts}".lower(), WORDS[language]
    path = await mailed(crm, name, language)
    # The browser asks for another language than the CRM knows of the person.
    other = "fr" if language != "fr" else "de"
    async with phone(browser, scripts=scripts, language=other) as watched:
        await watched.page.goto(f"http://{HOST}{path}")
        await looked_at(watched, words)
        assert [] == suppressions(crm, name, language)
        await watched.page.get_by_role("button").tap()
        await watched.page.get_by_text(words.done).wait_for()
        assert not await watched.is_wider_than_the_screen()
        assert 0 == await watched.page.get_by_role("button").count()

        await watched.page.goto(f"http://{HOST}{path}")
        assert words.done in await seen(watched.page)
        assert "office@example.org" in await seen(watched.page)

    assert [("unsubscribe", "bulk")] == suppressions(crm, name, language)
    assert {HOST} == watched.hosts
    assert ["GET", "POST", "GET"] == [method for method, _ in watched.requests]
    assert [] == watched.faults


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_keyboard_is_enough(crm: Crm, browser: Browser, language: str) -> None:
    words = WORDS[language]
    path = await mailed(crm, "keys", language)
    async with phone(browser, scripts=False) as watched:
        page = watched.page
        await page.goto(f"http://{HOST}{path}")
        await page.keyboard.press("Tab")
        assert words.button == await page.locator(":focus").inner_text()
        assert "none" != await page.locator(":focus").evaluate(
            "element => getComputedStyle(element).outlineStyle"
        )
        await page.keyboard.press("Enter")
        await page.get_by_text(words.done).wait_for()

    assert [("unsubscribe", "bulk")] == suppressions(crm, "keys", language)
    assert [] == watched.faults


async def test_the_next_mailing_is_refused_and_a_personal_mail_is_not(
    crm: Crm, browser: Browser
) -> None:
    path = await mailed(crm, "next", "en")
    async with phone(browser, scripts=False) as watched:
        await watched.page.goto(f"http://{HOST}{path}")
        await watched.page.get_by_role("button").tap()
        await watched.page.get_by_text(WORDS["en"].done).wait_for()

    to = [b"next-en@example.net"]
    answers = [(await crm.send(to, content)).end.code for content in (BULK, PERSONAL)]
    assert [550, 250] == answers


PERSONAL = BULK.replace(b"Precedence: bulk\r\n", b"")


async def test_one_kind_of_mailing_alone_is_chosen_with_the_keyboard(tmp_path: Path) -> None:
    async with paged(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as served:
        path = served.triggered()
        async with (
            chromium(HOST, served.api.port) as browser,
            phone(browser, scripts=False) as watched,
        ):
            page = watched.page
            await page.goto(f"http://{HOST}{path}")
            await looked_at(watched, WORDS["de"])
            for key in ("Tab", "ArrowDown", "Tab", "Enter"):
                await page.keyboard.press(key)
            await page.get_by_text(WORDS["de"].done_topic.format("Geburtstagsgrüße")).wait_for()

        assert [] == served.suppressed()
        assert ["Geburtstagsgrüße"] == [told["topic"] for told in served.told()]
        assert [] == watched.faults


@pytest.mark.parametrize("path", ["/u/nothing", "/u/"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_damaged_link_says_whom_to_write_to(
    crm: Crm, browser: Browser, language: str, path: str
) -> None:
    async with phone(browser, scripts=False, language=language) as watched:
        await watched.page.goto(f"http://{HOST}{path}")
        link = watched.page.get_by_role("link", name="office@example.org")

        assert WORDS[language].unknown in await seen(watched.page)
        assert str(await link.get_attribute("href")).startswith("mailto:office@example.org?")
        assert not await watched.is_wider_than_the_screen()
    assert {HOST} == watched.hosts


#: What looks at links before people do: mail filters, previews of chats, browsers that read ahead.
SCANNING = [
    ("HEAD", {}, b"", 200),
    ("GET", {}, b"", 200),
    ("GET", {}, b"", 200),
    ("GET", {"purpose": "prefetch"}, b"", 200),
    ("GET", {"sec-purpose": "prefetch"}, b"", 200),
    ("GET", {"sec-purpose": "prefetch;prerender"}, b"", 200),
    ("GET", {"x-moz": "prefetch"}, b"", 200),
    ("GET", {"x-purpose": "preview"}, b"", 200),
    ("GET", {"user-agent": "Mozilla/5.0 (compatible; BingPreview/1.0b)"}, b"", 200),
    ("GET", {"content-type": FORM}, ONE_CLICK.encode(), 200),  # a body of GET means nothing
    ("OPTIONS", {}, b"", 405),
    (
        "OPTIONS",
        {"origin": "https://crm.example", "access-control-request-method": "POST"},
        b"",
        405,
    ),
    ("POST", {"content-type": FORM}, b"", 400),
    ("POST", {"content-type": FORM}, b"a=b", 400),
    ("POST", {"content-type": FORM}, b"List-Unsubscribe=", 400),
    ("POST", {"content-type": "application/json"}, b'{"List-Unsubscribe": "One-Click"}', 400),
    ("PUT", {"content-type": FORM}, ONE_CLICK.encode(), 405),
    ("DELETE", {}, b"", 405),
]


async def test_what_link_scanners_do_changes_nothing(crm: Crm, browser: Browser) -> None:
    path = await mailed(crm, "scanned", "de")

    statuses = []
    for method, headers, content, _ in SCANNING:
        answer = await asked(crm, method, path, headers, content)
        statuses.append(answer.status_code)
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
    queried = await asked(crm, "GET", f"{path}?{ONE_CLICK}&choice=all")
    async with phone(browser, scripts=True) as watched:  # one that runs scripts and presses nothing
        await watched.page.goto(f"http://{HOST}{path}")
        await watched.page.wait_for_load_state("networkidle")

    assert [status for *_, status in SCANNING] == statuses
    assert 200 == queried.status_code
    assert [] == suppressions(crm, "scanned", "de")
    assert WORDS["de"].button in (await asked(crm, "GET", path)).text
    # The person's own click still counts.
    assert (
        200
        == (await asked(crm, "POST", path, {"content-type": FORM}, ONE_CLICK.encode())).status_code
    )
    assert [("unsubscribe", "bulk")] == suppressions(crm, "scanned", "de")
