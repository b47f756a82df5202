"""The triggers' pages: what is due, and triggers and templates that managers change there."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.api.console.roles import ConsoleRole
from gateway.store.console import console_acts
from tests.api.console.browsing import Browsing, signed_in
from tests.api.served import Served, served

MANAGE = ConsoleRole.MANAGE
TODAY = datetime.now(ZoneInfo("Europe/Amsterdam")).date()
ANN = '{"crm_id":"1","first_name":"Ann","emails":"ann@example.org","mail_on_set_date":"yes"}'


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    changes = [
        ("triggers", {"folder": str(tmp_path / "triggers")}),
        ("templates", {"folder": str(tmp_path / "templates")}),
    ]
    for folder in ("triggers", "templates"):
        (tmp_path / folder).mkdir()
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path, changes) as opened:
        await opened.feed("people", ANN)
        yield opened


async def write(browsing: Browsing, *, status: int = 200, **fields: str) -> str:
    """Write a template named letter; return what the page says."""
    await browsing.open("/console/triggers/templates/new")
    given = {
        "name": "letter",
        "subject-nl": "Dag {{ person.first_name }}",
        "text-nl": "Woorden",
        **fields,
    }
    page = await browsing.press("Save", status=status, **given)  # type: ignore[arg-type]
    return page.text


async def make(browsing: Browsing, settings: str = "", status: int = 200) -> str:
    """Make a trigger named letter, for today; return what the page says."""
    await browsing.open("/console/triggers/new")
    page = await browsing.press(
        "Make it, off",
        status=status,
        name="letter",
        event="set_date",
        template="letter",
        settings=settings or f'dates = [{TODAY}]\nlatest = "2d"',
    )
    return page.text


async def test_no_triggers_are_on_yet(api: Served) -> None:
    async with signed_in(api) as browsing:
        page = await browsing.open("/console/triggers")
        history = await browsing.open("/console/triggers/history")

    assert "No date trigger is on." in page.text
    assert "New trigger" not in page.text
    assert "No runs yet." in history.text
    assert "No changes yet." in history.text


async def test_the_template_first_then_the_trigger_then_it_is_turned_on(
    api: Served, tmp_path: Path
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        saved = await write(browsing)
        made = await make(browsing)
        asked = await browsing.press("Turn it on…")
        before = (tmp_path / "triggers/letter.toml").read_text()
        turned_on = await browsing.press("Yes, keep it")
        after = (tmp_path / "triggers/letter.toml").read_text()
        calendar = await browsing.open("/console/triggers")
        preview = await browsing.open(f"/console/triggers/letter/preview?on={TODAY}")
        history = await browsing.open("/console/triggers/history")

    assert "The template is saved and used from now on." in saved
    assert (
        "Subject: Dag {{ person.first_name }}" in (tmp_path / "templates/letter/nl.txt").read_text()
    )
    assert "“letter” is made and off." in made
    assert "+enabled = true" in asked.text
    assert "Ann <ann@example.org>: Dag Ann" in asked.text
    assert "enabled = false" in before
    assert "It is on." in turned_on.text
    assert "enabled = true" in after
    assert "1 mails" in calendar.text
    assert "Dag Ann" in preview.text
    assert "letter, anna" in history.text
    with api.database.reading() as connection:
        acts = [act.act for act in console_acts.listed(connection)]
    assert ["trigger.enable", "trigger.create", "template.save", "login"] == acts


async def test_the_calendar_knows_at_once_who_came_who_is_suppressed_and_what_was_turned_off(
    api: Served,
) -> None:
    bob = ANN.replace('"1"', '"2"').replace("Ann", "Bob").replace("ann@", "bob@")
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
        await browsing.press("Turn it on…")
        await browsing.press("Yes, keep it")
        counts = [(await browsing.open("/console/triggers")).text.count("1 mails")]
        await api.feed("people", bob)
        counts.append((await browsing.open("/console/triggers")).text.count("2 mails"))
        await browsing.open("/console/people/candidate:2")
        await browsing.press("Suppress", note="asked for it", scope="all")
        counts.append((await browsing.open("/console/triggers")).text.count("1 mails"))
        await browsing.open("/console/triggers/letter")
        await browsing.press("Turn it off…")
        await browsing.press("Yes, keep it")
        off = await browsing.open("/console/triggers")

    assert [1, 1, 1] == counts
    assert "No date trigger is on." in off.text


async def test_what_is_written_is_shown_before_it_is_saved(api: Served, tmp_path: Path) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await browsing.open("/console/triggers/templates/new")
        shown = await browsing.press(
            "Preview",
            **{"name": "letter", "subject-nl": "Dag {{ person.first_name }}", "text-nl": "Ja"},  # type: ignore[arg-type]
        )
        wrong = await browsing.press("Preview", status=422, **{"text-nl": "{{ person.nothing }}"})  # type: ignore[arg-type]

    assert "What it says" in shown.text
    assert "Dag" in shown.text
    assert "nothing" in wrong.text
    assert "{{ person.nothing }}" in str(wrong.forms)  # what was written stays
    assert [] == list((tmp_path / "templates").iterdir())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("dates = [2026-13-01]", "letter.toml"),
        (f'dates = [{TODAY}]\nlatest = "soon"', "latest"),
        (f"dates = [{TODAY}]\nsurprise = 1", "surprise"),
    ],
)
async def test_what_is_wrong_names_file_and_key_and_writes_nothing(
    api: Served, tmp_path: Path, settings: str, said: str
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        shown = await make(browsing, settings, status=422)
        kept = browsing.page

    assert said in shown
    assert settings.splitlines()[-1] in str(kept.forms)
    assert not (tmp_path / "triggers/letter.toml").exists()


async def test_a_change_is_kept_with_its_comments_and_who_made_it(
    api: Served, tmp_path: Path
) -> None:
    file = tmp_path / "triggers/letter.toml"
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
        file.write_text(f"# Ours\n{file.read_text()}")
        await browsing.open("/console/triggers/letter")
        text = file.read_text().replace('latest = "2d"', 'latest = "3d"')
        shown = await browsing.press("Show what this changes", text=text)
        kept = await browsing.press("Yes, keep it")

    assert '+latest = "3d"' in shown.text
    assert "The trigger is saved." in kept.text
    assert file.read_text().startswith("# Ours\n")
    assert '"3d"' in file.read_text()


async def test_who_comes_second_sees_both_versions(api: Served, tmp_path: Path) -> None:
    file = tmp_path / "triggers/letter.toml"
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
        await browsing.open("/console/triggers/letter")
        before = file.read_text()
        file.write_text(before.replace('"2d"', '"5d"'))
        clash = await browsing.press(
            "Show what this changes", status=409, text=before.replace('"2d"', '"3d"')
        )

    assert '"5d"' in clash.text
    assert '"3d"' in clash.text
    assert "As it is now" in clash.text


@pytest.mark.parametrize("role", [ConsoleRole.LOOK, ConsoleRole.WORK, ConsoleRole.RUN])
async def test_nobody_else_changes_triggers_or_templates(
    api: Served, tmp_path: Path, role: ConsoleRole
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
    before = {file: file.read_text() for file in tmp_path.rglob("*.t*") if file.is_file()}
    async with signed_in(api, role, name="bob") as browsing:
        await browsing.open("/console/triggers/letter")
        token = browsing.page.forms[0].fields["csrf"]
        answers = [
            await browsing.client.post(
                f"/console/triggers/{path}", data={"csrf": token, "do": "save", **fields}
            )
            for path, fields in (
                ("letter", {"turn": "on"}),
                ("new", {"name": "other", "event": "birthday"}),
                ("templates/letter", {"subject-nl": "x", "text-nl": "y"}),
                ("templates/new", {"name": "x", "subject-nl": "x", "text-nl": "y"}),
                ("hold", {}),
                ("resume", {}),
            )
        ]
        pages = [
            await browsing.client.get(f"/console/triggers/{path}")
            for path in ("new", "templates/new")
        ]

    assert [403] * 6 == [answer.status_code for answer in answers]
    assert [403] * 2 == [page.status_code for page in pages]
    assert before == {file: file.read_text() for file in before}


async def test_all_triggered_mail_is_held_and_let_go(api: Served) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await browsing.open("/console/triggers")
        held = await browsing.press("Hold it", note="wrong texts")
        let_go = await browsing.press("Let it go again")

    assert "Triggered mail is held:" in held.text
    assert "Triggered mail goes again" in let_go.text


async def test_what_is_not_there(api: Served) -> None:
    async with signed_in(api) as browsing:
        await browsing.open("/console/triggers/nothing", status=404)
        await browsing.open("/console/triggers/templates/nothing", status=404)
        await browsing.open("/console/triggers/birthday/preview?on=soon", status=422)
