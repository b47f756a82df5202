"""The console in a real Chromium: signed in, monitored for errors, and checked by axe.

    async with chromium(HOST, api.port) as browser:
        async with console_page(browser, "anna") as page:
            await page.goto(f"{URL}/console/inbox")
            ...
            await accessible(page)

Any message in the browser's console (violations of the content security policy, script errors,
failed requests) finally fails the test.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Response

from tests.api.console.browsing import PASSWORD
from tests.rig.browser import PHONE_HEIGHT, PHONE_WIDTH

HOST = "gateway.example"
URL = f"http://{HOST}"
_SECONDS = 15.0


@asynccontextmanager
async def console_page(
    browser: Browser,
    name: str = "anna",
    *,
    language: str = "en",
    scheme: Literal["light", "dark"] = "light",
    is_phone: bool = False,
    scripts: bool = True,
    refusals: tuple[int, ...] = (),
) -> AsyncIterator[Page]:
    """Open a page in which a user (`browsing.add_user` made it) is signed in.

    `refusals` are the error statuses the test expects; any other of 400 or more fails it.
    """
    context = await browser.new_context(
        locale=language,
        color_scheme=scheme,
        java_script_enabled=scripts,
        viewport={"width": PHONE_WIDTH, "height": PHONE_HEIGHT}
        if is_phone
        else {"width": 1280, "height": 900},
    )
    context.set_default_timeout(_SECONDS * 1000)
    faults: list[str] = []

    def look_at(response: Response) -> None:
        if response.status >= 400 and response.status not in refusals:
            faults.append(f"{response.status} {response.request.method} {response.url}")

    try:
        page = await context.new_page()
        page.on("response", look_at)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            # An answer of 400 or more is reported by its status, above.
            lambda said: (
                None
                if "Failed to load resource" in said.text
                or "Response Status Error Code" in said.text  # htmx
                else faults.append(f"{said.type}: {said.text}")
            ),
        )
        await page.goto(f"{URL}/console/login?next=/console/acts")
        await page.fill("[name=user]", name)
        await page.fill("[name=password]", PASSWORD)
        await page.press("[name=password]", "Enter")
        await page.wait_for_url(f"{URL}/console/acts")
        yield page
        assert [] == faults
    finally:
        await context.close()


async def accessible(page: Page, *, rule: str = "") -> None:
    """Fail if axe finds any problem with the page, or breaks one rule of axe's."""
    only = {"runOnly": {"type": "rule", "values": [rule]}} if rule else None
    results = await Axe().run(page, options=only)
    wrong = [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
    assert not wrong, "\n".join([page.url, *wrong])


async def fits(page: Page) -> None:
    """Fail if the page has to be scrolled sideways."""
    is_wider = await page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    assert not is_wider, page.url
