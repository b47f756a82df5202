"""The console's pages as Chromium shows them: in dark and light, at phone width, by keyboard."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from gateway.api.console.rendering import NAVIGATION
from gateway.api.console.roles import ConsoleRole
from tests.api.console.browsing import add_user
from tests.api.served import Served, served
from tests.rig.browser import chromium
from tests.rig.console_browser import HOST, URL, accessible, console_page, fits

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder: Path = tmp_path_factory.mktemp("console")
    async with served(f"sqlite:///{folder}/gateway.db", folder) as opened:
        add_user(opened, "anna", ConsoleRole)
        yield opened


@pytest.fixture(scope="module")
async def browser(api: Served) -> AsyncIterator[Browser]:
    async with chromium(HOST, api.port) as opened:
        yield opened


async def test_the_login_is_usable_by_everybody(browser: Browser) -> None:
    context = await browser.new_context(locale="de")
    page = await context.new_page()
    await page.goto(f"{URL}/console/login")

    await accessible(page)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    assert "user" == await page.evaluate("document.activeElement.name")
    await context.close()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
async def test_pages_without_anything_in_them(browser: Browser, look: str) -> None:
    async with console_page(
        browser, is_phone=look == "phone", scheme="dark" if look == "dark" else "light"
    ) as page:
        for path in ("acts", *(path for path, _ in NAVIGATION)):
            await page.goto(f"{URL}/console/{path}")
            assert 1 == await page.locator("h1").count(), path
            # In the dark only colours are others.
            await accessible(page, rule="color-contrast" if look == "dark" else "")
            await fits(page)


@pytest.mark.parametrize("is_phone", [False, True], ids=["wide", "phone"])
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_one_signs_out_at_once(browser: Browser, is_phone: bool, language: str) -> None:
    async with console_page(browser, language=language, is_phone=is_phone, scripts=False) as page:
        await page.goto(f"{URL}/console/acts")
        await fits(page)
        button = page.locator("header form[action='/console/logout'] button")
        await button.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/login")

        await page.goto(f"{URL}/console/acts")
        assert 1 == await page.locator("input[name=password]").count()
