"""Today, Send failed, Messages and Outbox in a real browser, as each role works with them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import insert

from gateway.api.console.roles import ConsoleRole
from gateway.app.checks import current_findings
from gateway.app.checks.findings import Finding, good, warning
from gateway.core import ids
from gateway.core.kinds import Scope, State
from gateway.store.bounces import bounces
from gateway.store.journal.journal import write_recorded
from gateway.store.people import suppression
from gateway.store.schema.outbox import outbox as entries
from tests.api.console.browsing import add_user
from tests.api.console.test_bounces_page import FORGED
from tests.api.console.test_message_pages import ANN, GROUP, STAFF, failed
from tests.api.served import Served, served
from tests.cli.conftest import delivery, message
from tests.rig.browser import chromium
from tests.rig.console_browser import HOST, URL, accessible, console_page, fits
from tests.store.feeding import NOW

pytestmark = pytest.mark.system

UNKNOWN = ids.read("05tq2m9k3x0ab")
OF_STAFF = failed(0, STAFF, GROUP, subject="Newsletter of November")
PAGES = (
    "today",
    "today/pause",
    "send-failed",
    "send-failed?to=nobody",
    "messages",
    "messages?search=newsletter",
    f"messages/{ids.show(OF_STAFF.id)}",
    f"messages/{ids.show(OF_STAFF.id)}/release?position=1",
    "people/candidate:18",
    "outbox",
    f"outbox/{ids.show(UNKNOWN)}",
    "bounces",
    f"bounces/{ids.show(FORGED.inbox)}/0",
)


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async def check(*_: object, **__: object) -> AsyncIterator[Finding]:
        yield good("relay main", "127.0.0.1:25 answers and offers PIPELINING")
        yield warning("feed crm", "was last fed 3 days ago: is its export running?")

    folder: Path = tmp_path_factory.mktemp("console")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current_findings, "check", check)
        async with served(f"sqlite:///{folder}/gateway.db", folder) as opened:
            for name, role in (("anna", ConsoleRole.LOOK), ("wim", ConsoleRole.WORK)):
                add_user(opened, name, [role])
            add_user(opened, "ops", [ConsoleRole.RUN])
            add_user(opened, "boss", ConsoleRole)
            fill(opened)
            name = "Nieuwsbriefabonnement" * 8  # No blank in it: a page must part it somewhere.
            await opened.feed(
                "groups",
                f'{{"crm_id":"1","kind":"candidate","name":"{name}","tag":"NoMailingsTag"}}',
            )
            await opened.feed("people", '{"crm_id":"18","emails":"lena@example.org"}')
            await opened.feed("memberships", '{"group":"1","kind":"candidate","person":"18"}')
            yield opened


def fill(api: Served) -> None:
    """Put in what each page shows something of."""
    kept = [
        OF_STAFF,
        message(1, delivery("ben@example.org"), delivery("eve@example.org", State.DEFERRED)),
        message(2, delivery("ben@example.org", State.UNKNOWN), subject="Letter"),
    ]
    own = {"type": "notice", "key": "n", "sender": "", "body": b"", "error": "no answer"}
    with api.database.writing() as connection:
        write_recorded(connection, 1, kept, [])
        bounces.add(connection, [FORGED])
        values = {"id": UNKNOWN, "state": "unknown", "recipient": "eva@crm.example"}
        connection.execute(insert(entries).values(own | values))
        suppression.add(
            connection,
            id=1,
            ref_or_address=ANN,
            scope=Scope.BULK,
            remark="",
            public=False,
            by="eva",
            since=NOW,
            until=None,
        )


@pytest.fixture(scope="module")
async def browser(api: Served) -> AsyncIterator[Browser]:
    async with chromium(HOST, api.port) as opened:
        yield opened


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
async def test_the_pages_are_usable_by_everybody(browser: Browser, look: str) -> None:
    async with console_page(
        browser,
        "boss",
        is_phone=look == "phone",
        scheme="dark" if look == "dark" else "light",
        refusals=(422,),
    ) as page:
        for path in PAGES:
            await page.goto(f"{URL}/console/{path}")
            assert 1 == await page.locator("h1").count(), path
            await page.eval_on_selector_all(
                "main details", "all => all.forEach(each => { each.open = true; })"
            )
            # In the dark only colours are others.
            await accessible(page, rule="color-contrast" if look == "dark" else "")
            await fits(page)


async def test_a_recruiter_learns_why_a_mail_did_not_go(browser: Browser) -> None:
    async with console_page(browser, "anna") as page:
        await page.goto(f"{URL}/console/today")
        await page.get_by_role("link", name="Send failed").click()
        await page.fill("[name=to]", ANN)
        await page.get_by_role("button", name="Show").click()
        await page.get_by_text("Why exactly").click()

        await expect(page.get_by_text("It is bulk mail")).to_be_visible()
        await expect(page.get_by_text("still in force")).to_be_visible()
        await expect(page.get_by_text("A personal mail, from")).to_be_visible()
        assert 0 == await page.get_by_text("Lift what keeps").count()


@pytest.mark.parametrize("scripts", [True, False])
async def test_ops_stop_mail_and_let_it_go(browser: Browser, scripts: bool) -> None:
    async with console_page(browser, "ops", scripts=scripts) as page:
        await page.goto(f"{URL}/console/today")
        await page.get_by_role("link", name="Stop mail").click()
        await page.get_by_role("button", name="Stop it").click()
        await expect(page.get_by_text("Bulk mail is stopped")).to_be_visible()

        await page.get_by_role("button", name="Let mail go again").click()
        await expect(page.get_by_text("Mail goes again.")).to_be_visible()
        assert 0 == await page.get_by_text("Bulk mail is stopped").count()


async def test_what_flows_is_fetched_anew_by_itself(api: Served, browser: Browser) -> None:
    async with console_page(browser, "anna") as page:
        await page.clock.install()
        await page.goto(f"{URL}/console/today")
        assert 0 == await page.get_by_text("refused by the mail server: 1").count()
        with api.database.writing() as connection:
            gone = message(60, delivery("new@example.org", State.REJECTED))
            write_recorded(connection, 1, [gone], [])

        await page.clock.run_for(31_000)

        await expect(page.get_by_text("refused by the mail server: 1")).to_be_visible()
        await accessible(page)


async def test_what_is_fetched_anew_stays_as_it_was_opened(api: Served, browser: Browser) -> None:
    with api.database.writing() as connection:
        sent = [message(number, delivery("a@example.org")) for number in range(-600, 0, 15)]
        write_recorded(connection, 1, sent, [])
    async with console_page(browser, "anna") as page:
        await page.clock.install()
        await page.goto(f"{URL}/console/today")
        table, opens = page.locator("#flow-table"), page.locator("#flow-table-opens")
        link = page.locator("#to-messages_unknown")
        for focused in (opens, link):
            await opens.focus()
            if await table.get_attribute("open") is None:
                await opens.press("Enter")
            await focused.focus()
            was = await page.evaluate("[document.activeElement.id, scrollY]")
            async with page.expect_response("**/today/live"):
                await page.clock.run_for(31_000)
            await page.clock.run_for(1_000)

            await expect(table).to_have_attribute("open", "")
            await expect(focused).to_be_focused()
            assert was == await page.evaluate("[document.activeElement.id, scrollY]")


async def test_a_mail_is_found_and_what_kept_it_away_is_lifted(browser: Browser) -> None:
    async with console_page(browser, "wim") as page:
        await page.goto(f"{URL}/console/messages")
        await page.fill("[name=search]", "NOVEMBER ann")
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="Newsletter of November").click()
        await page.get_by_role("link", name="Lift what keeps mail away").click()
        await page.fill("[name=reason]", "asked by phone")
        await page.get_by_role("button", name="Lift it").click()

        await expect(page.get_by_text("Lifted. The next mail goes.")).to_be_visible()
        assert 0 == await page.get_by_text("still in force").count()


async def test_ops_send_again_what_nobody_knows_of(browser: Browser) -> None:
    async with console_page(browser, "ops") as page:
        await page.goto(f"{URL}/console/today")
        await waits(page, "Own mail of which nobody knows")
        await page.get_by_role("link", name="notice").click()
        await expect(page.get_by_text("then it arrives twice")).to_be_visible()
        await page.get_by_role("button", name="Send it again").click()

        await expect(page.get_by_text("It is sent again.")).to_be_visible()


async def waits(page: Page, name: str) -> None:
    """Go where something is that waits for a person."""
    await page.get_by_role("link", name=name).click()
