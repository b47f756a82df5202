"""The inbox's pages: a mail that could not be filed, and what is decided on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.api.console.roles import ConsoleRole
from gateway.app.replies.importing import importer_by_hand
from gateway.core import ids
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.store.console import console_acts
from gateway.store.replies import inbox
from tests.api.console.browsing import signed_in
from tests.api.served import IDS, Served, served
from tests.inbound.mails import EVA, SERVER, forward, with_file

LISTENER = {
    "name": "import",
    "bind": "127.0.0.1:2526",
    "purpose": "import",
    "trust": "authentication-results",
    "authserv_id": SERVER,
}
WORK = ConsoleRole.WORK


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with served(url, tmp_path, [("smtp", {"listeners": [LISTENER]})]) as opened:
        await opened.feed("staff", f'{{"crm_id":"s1","email":"{EVA}","roles":"personnel_manager"}}')
        await opened.feed(
            "people",
            '{"kind":"candidate","crm_id":"17","first_name":"Ann","last_name":"Ash",'
            '"emails":["ann@example.org"],"owner":"s1"}',
        )
        await opened.feed("applications", '{"reference":"4711","person":"17","title":"Nurse"}')
        yield opened


async def take(api: Served, *subjects: str) -> list[str]:
    """Have forwards taken as from the listener; return their paths, the oldest first."""
    async with importer_by_hand(api.settings, api.database) as importer:
        paths = []
        for subject in subjects:
            mail = with_file(forward(subject=subject)).as_bytes()
            row = InboxRow(
                id=IDS.next(),
                content=await api.blobs.put(mail + subject.encode()),
                size=len(mail),
                state=InboxState.WAITING,
                origin="import",
            )
            with api.database.writing() as connection:
                inbox.put(connection, row)
            await importer.take_waiting(row)

            paths.append(f"/console/inbox/{ids.show(row.id)}")
    return paths


async def test_an_empty_inbox_says_what_would_be_in_it(one_api: Served) -> None:
    async with signed_in(one_api) as browsing:
        page = await browsing.open("/console/inbox")
        other = await browsing.open("/console/inbox?state=filed")

    assert "Nothing waits. Forwarded replies" in page.text
    assert "No such mail." in other.text


async def test_a_mail_is_shown_with_what_it_is_likely_about(api: Served) -> None:
    [path] = await take(api, "WG: AW: Ihre Bewerbung")
    async with signed_in(api) as browsing:
        listed = await browsing.open("/console/inbox")
        page = await browsing.open(path)

    assert "WG: AW: Ihre Bewerbung" in listed.text
    assert "the subject begins with no reference" in listed.text
    assert "ann@example.org" in page.text
    assert "the person's address sent it" in page.text
    assert "File" not in [
        word for form in page.forms for text, *_ in form.buttons for word in text.split()
    ]


async def test_a_suggested_application_is_one_click_and_the_next_mail_opens(api: Served) -> None:
    first, second = await take(api, "WG: AW: Bewerbung", "WG: AW: Noch etwas")
    async with signed_in(api, WORK) as browsing:
        page = await browsing.open(second)
        following = await browsing.press("File at 4711")
        last = await browsing.press("File it there", reference="4711")

    assert "Ann Ash" in page.text
    assert "the person's address sent it" in page.text
    assert "“WG: AW: Noch etwas” is filed. This is the next one." in following.text
    assert "Nothing else waits." in last.text
    with api.database.reading() as connection:
        acts = [(act.act, act.user) for act in console_acts.list_acts(connection, limit=2)]
    assert [("inbox.assign", "anna")] * 2 == acts
    assert first != second


async def test_the_days_of_what_speaks_for_an_application_have_the_pages_form(api: Served) -> None:
    await api.feed(
        "applications",
        '{"reference":"4711","person":"17","title":"Nurse","submitted_at":"2026-03-01"}',
    )
    [path] = await take(api, "WG: AW: Bewerbung")
    async with signed_in(api, WORK, language="de") as browsing:
        page = await browsing.open(path)

    assert "01.03.2026" in page.text
    assert "2026-03-01" not in page.text


@pytest.mark.parametrize(
    ("button", "fields", "status", "said"),
    [
        ("File it there", {"reference": ""}, 422, "Say which application"),
        ("File it there", {"reference": "9999"}, 422, "9999"),
        ("Try again as it is", {}, 200, "It still can't be filed: the subject begins with no"),
        ("Give it up", {}, 200, "is given up. Nothing else waits."),
    ],
)
async def test_other_decisions(
    api: Served, button: str, fields: dict[str, str], status: int, said: str
) -> None:
    [path] = await take(api, "WG: AW: Ihre Bewerbung")
    async with signed_in(api, WORK) as browsing:
        await browsing.open(path)
        page = await browsing.press(button, status=status, **fields)  # type: ignore[arg-type]

    assert said in page.text


async def test_marks_of_direction_in_a_mail_turn_nothing_but_its_own_words(api: Served) -> None:
    [path] = await take(api, "WG: Re\u202egnuhc")
    async with signed_in(api) as browsing:
        await browsing.open("/console/inbox")
        listed = browsing.answer
        await browsing.open(path)
        shown = browsing.answer

    assert listed is not None
    assert shown is not None
    assert "<bdi>WG: Re\u202egnuhc</bdi>" in listed.text
    assert "<h1><bdi>WG: Re\u202egnuhc</bdi></h1>" in shown.text


async def test_nobody_decides_without_the_role_and_nothing_twice(api: Served) -> None:
    [path] = await take(api, "WG: AW: Ihre Bewerbung")
    async with signed_in(api) as looking, signed_in(api, WORK, name="bob") as working:
        await looking.open(path)
        token = looking.page.forms[0].fields["csrf"]
        refused = await looking.client.post(f"{path}/discard", data={"csrf": token})
        await working.open(path)
        token = working.page.forms[0].fields["csrf"]
        fields = {"csrf": token, "reference": "4711"}
        answers = [await working.client.post(f"{path}/assign", data=fields) for _ in range(2)]

    assert 403 == refused.status_code
    assert [303, 409] == [answer.status_code for answer in answers]


async def test_what_is_not_there_is_said_to_be_so(shared_api: Served) -> None:
    async with signed_in(shared_api) as browsing:
        await browsing.open("/console/inbox/0sccn6m0c0000", status=404)
        await browsing.open("/console/inbox/nonsense", status=404)
