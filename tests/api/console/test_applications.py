"""Applications in the console: found, and given a status once it was shown who is mailed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.api.console.roles import ConsoleRole
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.store.console import console_acts
from gateway.store.triggers import ledger
from tests.api.console.browsing import PASSWORD, Browsing, add_user, browser, signed_in
from tests.api.served import Served, served
from tests.triggers.node import ANN

FRENCH = "Cette action enverra un e-mail aux candidats sélectionnés"
TRIGGER = 'event = "status_changed"\nstatus = "ok"\ntemplate = "accepted"\n'


@pytest.fixture
async def fed(tmp_path: Path) -> AsyncIterator[Served]:
    """A small CRM in which Ann is mailed when her application is accepted; two minutes to undo."""
    folders = {name: tmp_path / name for name in ("triggers", "templates")}
    (folders["templates"] / "accepted").mkdir(parents=True)
    (folders["templates"] / "accepted" / "fr.txt").write_text("Subject: Bravo\n\nBonjour\n")
    folders["triggers"].mkdir()
    (folders["triggers"] / "accepted.toml").write_text(TRIGGER)
    settings = [
        ("triggers", {"folder": str(folders["triggers"]), "undo": "2m"}),
        ("templates", {"folder": str(folders["templates"])}),
    ]
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path, settings) as api:
        await api.feed("staff", '{"crm_id":"s1","name":"Eva","email":"eva@crm.example"}')
        await api.feed(
            "statuses",
            '{"kind":"application","crm_id":"new","name":"Nouveau","initial":true}',
            '{"kind":"application","crm_id":"ok","name":"Retenu"}',
            '{"kind":"application","crm_id":"seen","name":"Vu"}',
        )
        await api.feed("people", '{"crm_id":"ann","emails":["ann@example.org"],"first_name":"Ann"}')
        await api.feed(
            "applications",
            '{"reference":"2026/1","person":"ann","status":"new","title":"Infirmière"}',
            '{"reference":"2026/2","person":"bob","status":"new"}',
        )
        yield api


def mails(api: Served) -> list[OccurrenceState]:
    with api.database.reading() as connection:
        return [row.state for row in ledger.of_person(connection, ANN)]


async def status_of(api: Served, reference: str = "2026/1") -> str:
    rows = (await api.get("/applications"))["items"]
    return next(str(row["status_id"]) for row in rows if row["reference"] == reference)


async def open_one(browsing: Browsing) -> None:
    await browsing.open("/console/applications", params={"q": "infirm"})
    (path,) = [link for text, link in browsing.page.links if text == "2026/1"]
    await browsing.open(path)


async def test_an_application_is_found_and_shown(fed: Served) -> None:
    async with signed_in(fed, ConsoleRole.LOOK) as browsing:
        await open_one(browsing)

        assert "Ann" in browsing.page.text
        assert "Nouveau" in browsing.page.text
        assert "Change status" not in browsing.page.text
        await browsing.open("/console/applications/none", status=404)


async def test_who_is_mailed_is_shown_in_the_users_language_before_anything_is_done(
    fed: Served,
) -> None:
    async with signed_in(fed, ConsoleRole.WORK, name="eva", language="fr") as browsing:
        await open_one(browsing)
        await browsing.press("Changer le statut", by="s1")

        assert FRENCH in browsing.page.text
        assert "Bravo" in browsing.page.text
        assert ("new", []) == (await status_of(fed), mails(fed))
        await browsing.press("Changer et envoyer")

        assert "Modifiées : 1. E-mails : 1." in browsing.page.text
        assert ("ok", [OccurrenceState.DUE]) == (await status_of(fed), mails(fed))


async def test_a_change_taken_back_in_time_mails_nobody(fed: Served) -> None:
    async with signed_in(fed, ConsoleRole.WORK, name="eva") as browsing:
        await open_one(browsing)
        await browsing.press("Change status", by="s1")
        await browsing.press("Change it and send")
        assert "Mail about the last change waits." in browsing.page.text
        await browsing.press("Back to “Nouveau”", by="s1")

        assert "Taken back in time: nobody is mailed." in browsing.page.text
        assert ("new", [OccurrenceState.SKIPPED]) == (await status_of(fed), mails(fed))
        with fed.database.reading() as connection:
            acts = console_acts.list_acts(connection, about="application:2026/1")
        assert [("eva", "application.status")] * 2 == [(act.user, act.act) for act in acts]


async def test_what_mails_nobody_is_done_at_once(fed: Served) -> None:
    async with signed_in(fed, ConsoleRole.WORK) as browsing:
        await browsing.open("/console/applications")
        (form,) = [form for form in browsing.page.forms if "by" in form.fields]
        both = {"reference": ["2026/1", "2026/2"], "status": "seen", "by": "Eva"}
        answer = await browsing.client.post(form.action, data={"csrf": form.fields["csrf"], **both})

        assert 303 == answer.status_code
        assert ["seen", "seen"] == [await status_of(fed), await status_of(fed, "2026/2")]


async def test_who_acts_must_be_known_and_what_was_filled_in_stays(fed: Served) -> None:
    async with signed_in(fed, ConsoleRole.WORK) as browsing:
        await open_one(browsing)
        await browsing.press("Change status", by="nobody", status=422)

        assert "no member of staff is known as nobody; the nearest: Eva (s1)" in browsing.page.text
        await browsing.press("Try again", by="s1")
        assert "Change it and send" in browsing.page.text


async def test_why_a_status_cannot_be_changed_is_told_in_the_readers_language(fed: Served) -> None:
    async with signed_in(fed, ConsoleRole.WORK, language="nl") as browsing:
        await open_one(browsing)
        page = await browsing.press("Status wijzigen", by="nobody", status=422)

        why = "geen medewerker is bekend als nobody; de meest gelijkende: Eva (s1)"
        assert why in page.text


async def test_whoever_is_signed_in_need_not_be_staff_of_the_crm(fed: Served) -> None:
    async with signed_in(fed, ConsoleRole.WORK, name="olga") as browsing:
        await open_one(browsing)
        await browsing.press("Change status")
        done = await browsing.press("Change it and send")

        assert "Changed: 1. Mails: 1." in done.text
        assert "olga" in done.text[done.text.index("What was done") :]
        assert "ok" == await status_of(fed)


async def test_who_may_be_several_of_the_staff_must_say_which(fed: Served) -> None:
    await fed.feed("staff", '{"crm_id":"s2","name":"Eva","email":"eva.b@crm.example"}')

    async with signed_in(fed, ConsoleRole.WORK, name="Eva") as browsing:
        await open_one(browsing)
        page = await browsing.press("Change status", status=422)

        assert "several staff are Eva" in page.text
        assert "new" == await status_of(fed)


@pytest.mark.parametrize("event", ["status_changed", "submitted"])
async def test_whom_a_trigger_would_mail_about_an_application_is_shown(
    fed: Served, event: str
) -> None:
    if event == "submitted":
        trigger = Path(fed.settings.triggers.folder) / "accepted.toml"
        trigger.write_text('event = "submitted"\ntemplate = "accepted"\n')

    async with signed_in(fed, ConsoleRole.LOOK) as browsing:
        await browsing.open("/console/triggers/accepted/preview")
        page = await browsing.press("Show", reference="2026/1")
        assert "Bravo" in page.text
        assert ("new", []) == (await status_of(fed), mails(fed))
        path = "/console/triggers/accepted/preview?reference=2099/1"
        assert "2099/1" in (await browsing.open(path, status=422)).text


async def test_whoever_may_only_look_changes_nothing(fed: Served) -> None:
    async with signed_in(fed, ConsoleRole.LOOK) as browsing:
        await browsing.open("/console/applications")
        token = next(form.fields["csrf"] for form in browsing.page.forms if "csrf" in form.fields)
        answer = await browsing.client.post(
            "/console/applications/status",
            data={"csrf": token, "reference": "2026/1", "status": "seen", "by": "s1"},
        )

        assert 403 == answer.status_code
        assert "new" == await status_of(fed)


async def test_empty_lists_say_what_would_be_there(one_api: Served) -> None:
    async with signed_in(one_api, ConsoleRole.LOOK) as browsing:
        page = await browsing.open("/console/applications")

        assert "The CRM tells of them with its feed" in page.text


async def test_a_reference_with_a_slash_is_found_behind_the_login(fed: Served) -> None:
    add_user(fed, "anna")
    async with browser(fed) as browsing:
        await browsing.open("/console/applications/2026%2F1")
        page = await browsing.press("Sign in", user="anna", password=PASSWORD)

        assert "Application 2026/1" in page.text
        page = await browsing.press("Nederlands")
        assert "Sollicitatie 2026/1" in page.text
