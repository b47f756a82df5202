"""Chromium as people use it: with and without scripts, down to the width of a phone."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, async_playwright

from tests.rig.process import LOOPBACK, program

PHONE_WIDTH, PHONE_HEIGHT = 360, 740  #: CSS pixels of a small phone.
_SECONDS = 15.0


@dataclass(slots=True)
class Watched:
    """A page, and everything it did."""

    page: Page
    requests: list[tuple[str, str]] = field(default_factory=list)  #: Method and URL.
    faults: list[str] = field(default_factory=list)  #: Complaints by the console or a script.

    @property
    def hosts(self) -> set[str]:
        """The hosts it sent requests to."""
        return {urlsplit(address).netloc for _, address in self.requests}

    async def is_wider_than_the_screen(self) -> bool:
        """Whether it has to be scrolled sideways."""
        return bool(
            await self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )


@asynccontextmanager
async def chromium(host: str, port: int) -> AsyncIterator[Browser]:
    """Run Debian's Chromium, with a host name that resolves to a port on this machine.

    Nothing else can be reached: no other name resolves.
    """
    arguments = [
        f"--host-resolver-rules=MAP {host}:80 {LOOPBACK}:{port}, MAP * ~NOTFOUND",
        "--disable-dev-shm-usage",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # required to run as root
    path = program("chromium-headless-shell", "chromium-headless-shell")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def phone(browser: Browser, *, scripts: bool, language: str = "en") -> AsyncIterator[Watched]:
    """Open a separate page, without cookies or history, as displayed on a phone."""
    context = await browser.new_context(
        viewport={"width": PHONE_WIDTH, "height": PHONE_HEIGHT},
        is_mobile=True,
        has_touch=True,
        java_script_enabled=scripts,
        locale=language,
    )
    context.set_default_timeout(_SECONDS * 1000)
    try:
        page = await context.new_page()
        watched = Watched(page)
        page.on("request", lambda sent: watched.requests.append((sent.method, sent.url)))
        page.on("requestfailed", lambda sent: watched.faults.append(f"failed: {sent.url}"))
        page.on("console", lambda said: watched.faults.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: watched.faults.append(str(error)))
        yield watched
        assert [] == await context.cookies()
    finally:
        await context.close()
