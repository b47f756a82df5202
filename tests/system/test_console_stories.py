"""What people do in the console, from end to end, in a real browser.

A recruiter keeps mail from a person and lets it go again, files a reply without a reference, and
gives an application another status, warned of the mail; a manager writes a template and a trigger,
and turns it on; a marketer makes a campaign and sends it; ops import a file.
"""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, Page

from gateway.api.console.roles import ConsoleRole
from gateway.store.console import console_sessions
from gateway.store.views import application_list
from tests.api.console.browsing import PASSWORD, add_user
from tests.api.console.test_inbox_pages import LISTENER, take
from tests.api.served import Served, served
from tests.api.test_campaign_actions import activate, serving
from tests.inbound.mails import EVA
from tests.rig.browser import chromium
from tests.rig.console_browser import HOST, URL, accessible, console_page, fits
from tests.rig.sandbox import ScriptedSandbox
from tests.rig.today import today
from tests.sync.contract import contract

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder: Path = tmp_path_factory.mktemp("stories")
    changes = [
        ("smtp", {"listeners": [LISTENER]}),
        ("triggers", {"folder": str(folder / "triggers")}),
        ("templates", {"folder": str(folder / "templates")}),
    ]
    for name in ("triggers", "templates"):
        (folder / name).mkdir()
    async with served(f"sqlite:///{folder}/gateway.db", folder, changes) as opened:
        await opened.feed("staff", f'{{"crm_id":"s1","email":"{EVA}","roles":"personnel_manager"}}')
        await opened.feed(
            "people",
            '{"kind":"candidate","crm_id":"17","first_name":"Ann","last_name":"Ash",'
            '"emails":["ann@example.org"],"owner":"s1","mail_on_set_date":"yes"}',
        )
        await opened.feed("applications", '{"reference":"4711","person":"17","title":"Nurse"}')
        await opened.feed("statuses", '{"kind":"application","crm_id":"in","name":"Invited"}')
        add_user(opened, "recruiter", [ConsoleRole.WORK])
        add_user(opened, "manager", [ConsoleRole.MANAGE])
        add_user(opened, "ops", [ConsoleRole.RUN])
        yield opened


@pytest.fixture(scope="module")
async def browser(api: Served) -> AsyncIterator[Browser]:
    async with chromium(HOST, api.port) as opened:
        yield opened


async def sees(page: Page, text: str) -> None:
    await page.get_by_text(text).first.wait_for()


async def test_a_recruiter_keeps_mail_from_a_person_and_lets_it_go_again(browser: Browser) -> None:
    async with console_page(browser, "recruiter") as page:
        await page.goto(f"{URL}/console/people")
        await page.fill("[name=q]", "ash")
        await page.press("[name=q]", "Enter")
        await page.get_by_role("link", name="Ann Ash").click()
        await accessible(page)
        await page.fill("[name=note]", "asked on the phone")
        await page.get_by_role("button", name="Suppress", exact=True).click()
        await sees(page, "is suppressed from now on.")
        await accessible(page)
        await page.fill("#f-release-note", "changed her mind")
        await page.get_by_role("button", name="Release", exact=True).click()

        await page.goto(f"{URL}/console/acts")
        await sees(page, "person.release")


async def test_a_recruiter_files_a_reply_that_had_no_reference(
    browser: Browser, api: Served
) -> None:
    await take(api, "WG: AW: Bewerbung", "WG: AW: Noch etwas")
    async with console_page(browser, "recruiter") as page:
        await page.goto(f"{URL}/console/inbox")
        await page.get_by_role("link", name="WG: AW: Noch etwas").click()
        await accessible(page)
        await page.get_by_role("button", name="File at 4711").click()

        await sees(page, "“WG: AW: Noch etwas” is filed. This is the next one.")
        assert "WG: AW: Bewerbung" == await page.locator("h1").inner_text()


async def test_a_manager_writes_a_template_and_a_trigger_and_turns_it_on(browser: Browser) -> None:
    async with console_page(browser, "manager", refusals=(422,)) as page:
        await page.goto(f"{URL}/console/triggers/templates/new")
        await page.fill("[name=name]", "letter")
        await page.fill("[name=subject-en]", "Hello {{ person.first_name }}")
        await page.fill("[name=text-en]", "Some words")
        await page.locator("#preview pre").get_by_text("Some words").wait_for()  # by itself
        await accessible(page)
        await page.get_by_role("button", name="Save").click()
        await sees(page, "The template is saved and used from now on.")

        await page.goto(f"{URL}/console/triggers/new")
        await page.fill("[name=name]", "letter")
        await page.select_option("[name=event]", "set_date")
        await page.locator("[name=dates-1]").wait_for()  # Its fields come by themselves.
        await page.select_option("[name=template]", "letter")
        await page.fill("[name=latest]", "2")
        await page.fill("[name=monthly]", "32")
        await accessible(page)
        await page.get_by_role("button", name="Make it, off").click()
        await sees(page, "Days of the month from 1 to 31, such as 1, 15.")
        await accessible(page)
        await page.fill("[name=monthly]", "")
        await page.fill("[name=dates-1]", today().isoformat())
        await page.get_by_role("button", name="Make it, off").click()
        await page.get_by_role("button", name="Turn it on…").click()
        await sees(page, "Ann Ash <ann@example.org>: Hello Ann")
        await accessible(page)
        await page.get_by_role("button", name="Yes, keep it").click()

        await sees(page, "It is on.")
        await page.goto(f"{URL}/console/triggers")
        await sees(page, "1 mail")
        await accessible(page)


async def test_a_manager_whose_sign_in_ends_while_writing_is_told_and_loses_nothing(
    api: Served, browser: Browser
) -> None:
    async with console_page(browser, "manager", refusals=(401,)) as page:
        await page.goto(f"{URL}/console/triggers/templates/new")
        await page.fill("[name=name]", "farewell")
        await page.fill("[name=subject-en]", "Bye")
        await sees(page, "en: Bye")
        with api.database.writing() as connection:
            console_sessions.end_all(connection, "manager")
        await page.fill("[name=text-en]", "Some words")
        await sees(page, "Your sign-in has ended, so what is shown here is old.")
        await accessible(page)
        await page.get_by_role("button", name="Save").click()
        await page.fill("[name=user]", "manager")
        await page.fill("[name=password]", PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await sees(page, "Subject, English")
        assert 0 == await page.get_by_text("version").count()
        await page.get_by_role("button", name="Send it now").click()
        await sees(page, "The template is saved")


async def test_a_recruiter_gives_a_status_once_the_page_has_warned_of_the_mail(
    browser: Browser, api: Served
) -> None:
    folder = api.settings.triggers.folder
    (api.settings.templates.folder / "invited").mkdir()
    (api.settings.templates.folder / "invited/fr.txt").write_text(
        "Subject: Invitation\n\nBonjour {{ person.first_name }}\n"
    )
    (folder / "invited.toml").write_text(
        'event = "status_changed"\ntemplate = "invited"\nstatus = "in"\n'
    )
    async with console_page(browser, "recruiter", language="fr") as page:
        await page.goto(f"{URL}/console/triggers/invited/preview?reference=4711")
        await sees(page, "Bonjour Ann")
        await accessible(page)
        await page.goto(f"{URL}/console/applications")
        await page.check("[name=reference]")
        await page.select_option("#f-new-status", "in")
        await page.fill("[name=by]", "s1")
        await page.get_by_role("button", name="Changer le statut").click()
        await sees(page, "Cette action enverra un e-mail aux candidats sélectionnés")
        await sees(page, "Ann Ash <ann@example.org>")
        await accessible(page)
        with api.database.reading() as connection:
            before = application_list.by_reference(connection, "4711")
        await page.locator("[name=token] ~ .actions button").click()
        await page.wait_for_url(f"{URL}/console/applications/4711")
        await accessible(page)
    with api.database.reading() as connection:
        after = application_list.by_reference(connection, "4711")

    assert before is not None
    assert after is not None
    assert ("", "in") == (
        before.known_application.application.status,
        after.known_application.application.status,
    )


async def test_ops_import_a_file_once_they_saw_what_it_changes(browser: Browser) -> None:
    rows = b"crm_id,first_name,emails,birthday\n18,Bob,bob@example.org,1990-02-30\n"
    async with console_page(browser, "ops") as page:
        await page.goto(f"{URL}/console/feed")
        await page.select_option("[name=kind]", "people")
        await page.set_input_files(
            "[name=file]", {"name": "people.csv", "mimeType": "text/csv", "buffer": rows}
        )
        await page.get_by_role("button", name="Show what would change").click()
        await sees(page, "people.csv: what would change")
        await accessible(page)
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download the refused rows").click()
        kept = Path(await (await download.value).path())
        await page.get_by_role("button", name="Import", exact=True).click()

        await sees(page, "people.csv: imported")
        assert "1990-02-30" in kept.read_text()
        await page.goto(f"{URL}/console/feed")
        await accessible(page)


async def test_a_marketer_makes_a_campaign_and_sends_it(tmp_path: Path) -> None:
    with ScriptedSandbox(check=contract()) as sandbox:
        sandbox.furnish()
        async with serving(sandbox, tmp_path) as api:
            activate(api)
            await api.feed("groups", '{"crm_id":"7","name":"Nieuws"}')
            await api.feed("people", '{"crm_id":"1","emails":"1@klant.test","first_name":"Ann"}')
            await api.feed("memberships", '{"group":"7","person":"1"}')
            add_user(api, "marketer", [ConsoleRole.MANAGE])
            async with (
                chromium(HOST, api.port) as browser,
                console_page(browser, "marketer") as page,
            ):
                await page.goto(f"{URL}/console/campaigns/new")
                await page.fill("[name=name]", "Vacatures")
                await page.fill("[name=from_name]", "CRM")
                await page.fill("[name=from_address]", "office@crm.test")
                await accessible(page)
                await page.get_by_role("button", name="Make it").click()
                await page.select_option("[name=group]", "7")
                await page.get_by_role("button", name="Add", exact=True).click()
                await sees(page, "Added: 1.")
                await page.get_by_role("button", name="Prepare: who is in").click()
                await sees(page, "new in the audience")
                await accessible(page)
                await page.get_by_role("button", name="Schedule…").click()
                await sees(page, "Send it to 1 person, at ")
                await accessible(page)
                await page.get_by_role("link", name="No, back").click()
                await page.get_by_role("button", name="Send…").click()
                await page.get_by_role("button", name="Yes, send it now").click()
                await sees(page, "It is on its way.")
                sandbox.advance(minutes=30)
                await page.get_by_role("button", name="Ask Mailchimp now").click()

                await sees(page, "This is what Mailchimp knows now.")
                await page.locator("img.plot").wait_for()
                await accessible(page)
                await page.set_viewport_size({"width": 320, "height": 600})
                await fits(page)
                assert (255, 255, 255) == await _corner_of_plot(page)
                await page.emulate_media(color_scheme="dark")
                assert (22, 27, 34) == await _corner_of_plot(page)
        assert not sandbox.violations


async def _corner_of_plot(page: Page) -> tuple[int, ...]:
    """Return the colour of the paper a plot is drawn on, as it is seen."""
    seen = await page.locator("div.scroll", has=page.locator("img.plot")).screenshot()
    colour = Image.open(BytesIO(seen)).convert("RGB").getpixel((8, 8))
    assert isinstance(colour, tuple)
    return colour
