"""The triggers' pages: what is due, and triggers and templates that managers change there."""

import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gateway.api.console.roles import ConsoleRole
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.triggers.events.registry import EVENTS
from gateway.store.console import console_acts
from gateway.store.people import suppression
from tests.api.console.browsing import Browsing, Form, PageReader, signed_in
from tests.api.served import Served, served
from tests.rig.today import today

MANAGE = ConsoleRole.MANAGE
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


@pytest.mark.parametrize(
    ("file", "octets", "said"),
    [
        (
            "triggers/broken.toml",
            b'event = "birthday"\nlatest = "soon"\n',
            "line 2: latest : not a",
        ),
        ("triggers/broken.toml", b'event = "birthday\n', "line 1: event : not TOML"),
        ("triggers/broken.toml", b"\xff", "not UTF-8 text"),
        ("templates/letter/nl.txt", b"\xff", "nl.txt: not UTF-8 text"),
        ("templates/other/nl.txt", b"\xff", "can't be used"),
        (
            "triggers/broken.toml",
            b'event = "birthday"\ntemplate = "%s"\n' % (b"a" * 300),
            "line 2: template : must have 255 characters at most",
        ),
        ("triggers/k\udcfcnftig.toml", b"", "a trigger's name may have a to z"),
        ("templates/other/k\udcfcnftig.txt", b"x", "künftig.txt"),
        ("templates/k\udcfcnftig/nl.txt", b"Subject: a\n\nb\n", "künftig"),
    ],
    ids=[
        *("value", "no TOML", "no text", "template", "template of no trigger", "long name"),
        *("name of a trigger", "name of a text", "name of a template"),
    ],
)
async def test_what_cannot_be_read_is_named_and_hides_no_other(
    api: Served, tmp_path: Path, file: str, octets: bytes, said: str
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
        (tmp_path / "triggers" / "good.toml").write_text('event = "birthday"\ntemplate = "other"\n')
        (tmp_path / "templates" / "other").mkdir(exist_ok=True)
        (tmp_path / "templates" / "other" / "nl.txt").write_text("Subject: a\n\nb\n")
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(octets)
        page = await browsing.open("/console/triggers")
        own = await browsing.open("/console/triggers/broken") if "broken" in file else None

    assert said in page.text
    assert {"letter", "good"} <= {text for text, _ in page.links}
    assert "Due in the next days" in page.text
    if own is not None:
        assert said in own.text


def form_of(page: PageReader) -> Form:
    """Return the form with a trigger's fields."""
    return next(form for form in page.forms if "shown" in form.fields)


async def make(browsing: Browsing, *, status: int = 200, **fields: str) -> str:
    """Make a trigger named letter, for today; return what the page says."""
    await browsing.open("/console/triggers/new?event=set_date")
    given = {
        "name": "letter",
        "template": "letter",
        "dates-1": today().isoformat(),
        "latest": "2",
        "latest-unit": "d",
        **fields,
    }
    page = await browsing.press("Make it, off", status=status, **given)  # type: ignore[arg-type]
    return page.text


@pytest.mark.parametrize("length", [200, 300])
async def test_a_template_nothing_can_be_called_is_told_at_its_field(
    api: Served, tmp_path: Path, length: int
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        said = await make(browsing, status=422, template="a" * length)

    assert "Choose a template that is there." in said
    assert [] == [*(tmp_path / "triggers").iterdir()]


@pytest.mark.parametrize("event", ["qualification_expired", "qualification_expiring"])
async def test_mail_about_a_qualification_may_name_it_unless_that_is_unticked(
    api: Served, tmp_path: Path, event: str
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing, **{"text-nl": "{{ qualification.name }}"})  # type: ignore[arg-type]
        page = await browsing.open(f"/console/triggers/new?event={event}")
        given = {**form_of(page).fields, "name": "letter", "template": "letter"}
        unticked = {name: value for name, value in given.items() if name != "before_send"}
        refused = await browsing.client.post("/console/triggers/new", data=unticked)
        made = await browsing.client.post("/console/triggers/new", data=given)

    assert (422, 303) == (refused.status_code, made.status_code)
    assert "Tick this: the template uses them." in refused.text
    assert "letter/nl.txt" not in refused.text
    written = tomllib.loads((tmp_path / "triggers/letter.toml").read_text())
    assert ["qualification_data"] == written["before_send"]


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
        preview = await browsing.open(f"/console/triggers/letter/preview?on={today()}")
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
    assert "1 mail" in calendar.text
    assert "Dag Ann" in preview.text
    assert "letter, anna" in history.text
    with api.database.reading() as connection:
        acts = [act.act for act in console_acts.list_acts(connection)]
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
        counts = [(await browsing.open("/console/triggers")).text.count("1 mail")]
        await api.feed("people", bob)
        counts.append((await browsing.open("/console/triggers")).text.count("2 mails"))
        await browsing.open("/console/people/candidate:2")
        await browsing.press("Suppress", note="asked for it", scope="all")
        counts.append((await browsing.open("/console/triggers")).text.count("1 mail"))
        # As on the command line: no act of the console's.
        with api.database.writing() as connection:
            ref = PersonRef(PersonKind.CANDIDATE, "2")
            suppression.release(connection, ref, by="eva", at=datetime.now(UTC))
        counts.append((await browsing.open("/console/triggers")).text.count("2 mails"))
        await browsing.open("/console/triggers/letter")
        await browsing.press("Turn it off…")
        await browsing.press("Yes, keep it")
        off = await browsing.open("/console/triggers")

    assert [1, 1, 1, 1] == counts
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
    ("field", "text", "told"),
    [
        (
            "text-nl",
            'Dag\n{% include "x" %}',
            "Nederlands, Text, Zeile 2: {% include %} findet keine",
        ),
        ("text-nl", "{{ date.year }}", "Nederlands, Text, Zeile 1: date hat keine Teile: Schr"),
        ("subject-nl", "{{ 1 / 0 }}", "Nederlands, Betreff: es wird durch 0 geteilt"),
        ("html-nl", "\n<p>{{ persn }}", "Nederlands, HTML, Zeile 1: persn "),
        ("subject-nl", "", "einen Betreff: Ohne ihn geht keine Mail hinaus."),
    ],
)
async def test_what_is_wrong_with_a_template_is_told_once_by_its_fields(
    api: Served, tmp_path: Path, field: str, text: str, told: str
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
    async with signed_in(api, MANAGE, language="de") as browsing:
        pages = []
        for button in ("Vorschau", "Speichern"):
            await browsing.open("/console/triggers/templates/letter")
            page = await browsing.press(button, status=422, **{field: text})  # type: ignore[arg-type]
            pages.append(page.text)
        (tmp_path / "templates/letter/nl.txt").write_text("Subject: x\n\n{{ nothing }}\n")
        broken = await browsing.open("/console/triggers/templates/letter")

    at_field = 1 if not text else 0  # What a field lacks stands at it, too.
    assert [1 + at_field] * 2 == [page.count(told) for page in pages]
    assert 1 == broken.text.count("unbekannt; bekannt sind:")
    for shown in (*pages, broken.text):
        assert "nl.txt" not in shown
        assert "nl.html" not in shown


async def test_a_template_in_another_encoding_is_shown_and_mended(
    api: Served, tmp_path: Path
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        file = tmp_path / "templates/letter/nl.txt"
        file.write_bytes("Subject: Café\n\nGeïnteresseerd\n".encode("cp1252"))
        (file.parent / "de.txt").write_text("Subject: Hallo\n\nTag\n")
        page = await browsing.open("/console/triggers/templates/letter")
        await browsing.press("Save")
        mended = await browsing.open("/console/triggers/templates/letter")

    assert "not UTF-8 text" in page.text
    assert "not UTF-8 text" not in mended.text
    assert "Subject: Café\n\nGeïnteresseerd\n" == file.read_text(encoding="utf-8")
    assert "Subject: Hallo\n\nTag\n" == (file.parent / "de.txt").read_text()


async def test_html_without_a_text_is_shown_and_mended(api: Served, tmp_path: Path) -> None:
    folder = tmp_path / "templates/letter"
    folder.mkdir()
    (folder / "nl.html").write_text("<p>Dag</p>\n")
    trigger = f'event = "set_date"\ntemplate = "letter"\ndates = ["{today()}"]\nenabled = false\n'
    (tmp_path / "triggers/letter.toml").write_text(trigger)
    async with signed_in(api, MANAGE) as browsing:
        page = await browsing.open("/console/triggers/templates/letter")
        refused = await browsing.press("Save", status=422)
        await browsing.press("Save", **{"subject-nl": "Hallo", "text-nl": "Dag"})  # type: ignore[arg-type]
        usable = await browsing.open("/console/triggers/letter")
        (folder / "de.html").write_text("<p>Tag</p>\n")
        beside = await browsing.open("/console/triggers/templates/letter")
        mended = await browsing.press("Save", **{"html-de": ""})  # type: ignore[arg-type]

    for shown in (page, refused):
        assert "Nederlands: is missing, and HTML alone is not sent: write the text" in shown.text
        assert "<p>Dag</p>" in [form.fields.get("html-nl", "").strip() for form in shown.forms]
    assert "can't be used" not in usable.text
    assert "HTML alone" not in beside.text
    assert "Write a subject" in beside.text
    assert "The template is saved" in mended.text
    assert {"nl.txt", "nl.html"} == {file.name for file in folder.iterdir()}
    assert "Subject: Hallo\n\nDag\n" == (folder / "nl.txt").read_text()


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("event = birthday\n", "Zeile 1: event : kein TOML: ungültiger Wert: "),
        ('event = "birthday"\nkint = "bulk"\n', "unbekannter Schlüssel; meinten"),
        ('event = "birtday"\n', "“birtday”; meinten"),
        (
            'event = "birthday"\ntemplate = "Grüße"\n',
            "darf nur a bis z, A bis Z, 0 bis 9, . _ und -",
        ),
        (
            'event = "set_date"\ntemplate = "letter"\n',
            "set_date braucht dates, yearly oder monthly",
        ),
    ],
)
async def test_what_is_wrong_with_a_trigger_is_told_in_the_readers_language(
    api: Served, tmp_path: Path, file: str, told: str
) -> None:
    (tmp_path / "triggers" / "broken.toml").write_text(file)
    (tmp_path / "templates" / "letter").mkdir()
    (tmp_path / "templates" / "letter" / "nl.txt").write_text("Subject: a\n\nb\n")
    async with signed_in(api, MANAGE, language="de") as browsing:
        page = await browsing.open("/console/triggers")
        own = await browsing.open("/console/triggers/broken")

    for shown in (page, own):
        assert told in shown.text.replace('"birtday"', "“birtday”")


HTML = """<main><style>p {position: fixed}</style><script>alert(1)</script>
<p onclick="alert(2)">Beste <b>{{ person.first_name }}</b></p>
<img src="https://elsewhere.example/pixel"><a href="https://elsewhere.example/">Lees meer</a>
<form action="/console/logout" method="post"><button>Weg</button></form></main>"""


async def test_the_html_of_a_mail_is_shown_beside_its_text_and_does_nothing(api: Served) -> None:
    pages = []
    async with signed_in(api, MANAGE) as browsing:
        await browsing.open("/console/triggers/templates/new")
        given = {"name": "letter", "subject-nl": "Dag", "text-nl": "Woorden", "html-nl": HTML}
        await browsing.press("Preview", **given)  # type: ignore[arg-type]
        pages.append(browsing.answer)
        await browsing.press("Save")
        await make(browsing)
        await browsing.open("/console/triggers/letter")
        await browsing.press("Turn it on…")
        pages.append(browsing.answer)
        await browsing.press("Yes, keep it")
        await browsing.open(f"/console/triggers/letter/preview?on={today()}")
        pages.append(browsing.answer)

    for page in pages:
        assert page is not None
        [shown] = re.findall(r'<div class="mail">(<div>.*?</div>)\s*</div>', page.text, re.DOTALL)
        assert re.search(r"<p>Beste <b>\w+</b></p>", shown)
        assert "Lees meer" in shown
        assert {"div", "p", "b"} == set(re.findall(r"<([a-z]+)", shown))
        assert re.search("<pre>Woorden", page.text)


async def test_html_that_cannot_be_shown_is_told_of(api: Served) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await browsing.open("/console/triggers/templates/new")
        given = {"name": "letter", "subject-nl": "Dag", "html-nl": "<b>" * 500 + "x"}
        page = await browsing.press("Preview", **given)  # type: ignore[arg-type]

    assert "Nothing of the HTML can be shown here." in page.text


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("dates-1", "2026-13-01", "A day that there is."),
        ("dates-1", "", "A day that there is. This event needs one at least."),
        ("dates-2", "tomorrow", "A day that there is."),
        ("yearly-1-day", "31", "A day that this month has."),
        ("monthly", "1, 32", "Days of the month from 1 to 31"),
        ("monthly", "first", "Days of the month from 1 to 31"),
        ("latest", "soon", "A number, such as 2."),
        ("from", "nobody", "An address such as Office <office@example.org>."),
        ("report_to", "nobody", "An address such as office@example.org."),
        ("topic", "x" * 61, "Only bulk mail has a topic"),
        ("name", "../letter", "Letters from a to z (no ü, no é), digits, . _ and - only"),
        ("name", "", "Letters from a to z (no ü, no é), digits, . _ and - only"),
        ("template", "other", "Choose a template that is there."),
    ],
)
async def test_what_is_wrong_is_told_at_its_field_and_nothing_is_written(
    api: Served, tmp_path: Path, field: str, value: str, expected: str
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing, status=422, **{field: value})
        assert browsing.answer is not None
        page = browsing.answer.text

    told = page.partition(f'id="e-{field}">')[2].partition("<")[0]
    assert unescape(told).startswith(expected)
    assert re.search(rf'aria-describedby="[^"]*\be-{field}"', page)
    assert form_of(browsing.page).fields[field] == value  # what was typed stays
    assert [] == list((tmp_path / "triggers").iterdir())


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("topic", 'Feest"\nenabled = true'),
        ("topic", "''' \nenabled = true\n'''"),
        ("topic", '\\u0022 \\" # [x] é'),
        ("from", '"enabled = true\n" <office@example.org>'),
    ],
)
async def test_what_is_typed_is_a_value_of_its_key_and_nothing_else(
    api: Served, tmp_path: Path, field: str, typed: str
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing, **{field: typed})  # type: ignore[arg-type]

    file = tomllib.loads((tmp_path / "triggers/letter.toml").read_text())
    assert {"enabled", "event", "template", "dates", "latest", field} == file.keys()
    assert file["enabled"] is False
    assert " ".join(typed.split()) == file[field]


@pytest.mark.parametrize("text", ["x" * 200_001, "Dag\x00"])
async def test_a_text_that_cannot_be_kept_whole_is_refused(
    api: Served, tmp_path: Path, text: str
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing, status=422, **{"text-nl": text})

    assert [] == list((tmp_path / "templates").iterdir())


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_a_day_without_others_around_it_is_refused(api: Served, day: str) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
        page = await browsing.open(f"/console/triggers/letter/preview?on={day}", status=422)

    assert "name a day from 1900 to 2999" in page.text


async def test_what_no_field_can_hold_is_left_out_and_no_event_is_made_up(
    api: Served, tmp_path: Path
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing, topic="Fe\x07est\x7f")
        await browsing.open("/console/triggers/new")
        data = {**form_of(browsing.page).fields, "name": "other", "template": "letter"}
        answer = await browsing.client.post(
            "/console/triggers/new", data={**data, "event": "wedding"}
        )

    assert "Fe est" == tomllib.loads((tmp_path / "triggers/letter.toml").read_text())["topic"]
    assert 422 == answer.status_code
    assert not (tmp_path / "triggers/other.toml").exists()


async def test_a_day_more_in_the_calendar_asks_the_store_little(
    api: Served, tmp_path: Path
) -> None:
    asked: list[str] = []
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        text = 'event = "birthday"\ntemplate = "letter"\n'
        (tmp_path / "triggers/one.toml").write_text(text)
        await browsing.open("/console/triggers")
        with counted_queries(asked):
            await browsing.open("/console/triggers")
            one = len(asked)
            for number in range(9):
                (tmp_path / f"triggers/more-{number}.toml").write_text(text)
            await browsing.open("/console/triggers")

    # A query for each day and trigger, one for its last look, and little besides.
    assert len(asked) - one <= one + 10 * (14 + 1) + 10


@contextmanager
def counted_queries(asked: list[str]) -> Iterator[None]:
    """Note each statement that is sent to any store."""

    def note(*given: object) -> None:
        asked.append(str(given[2]))

    sa.event.listen(Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        sa.event.remove(Engine, "before_cursor_execute", note)


async def test_a_trigger_called_hold_holds_nothing(api: Served, tmp_path: Path) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing, name="hold")
        await browsing.press("Turn it on…")
        turned_on = await browsing.press("Yes, keep it")
        page = await browsing.open("/console/triggers")

    assert "It is on." in turned_on.text
    assert "Triggered mail is held" not in page.text
    assert "enabled = true" in (tmp_path / "triggers/hold.toml").read_text()


async def test_a_new_trigger_is_off_whatever_is_sent(api: Served, tmp_path: Path) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await browsing.open("/console/triggers/new?event=birthday")
        form = form_of(browsing.page).fields
        answer = await browsing.client.post(
            "/console/triggers/new",
            data={**form, "name": "letter", "template": "letter", "enabled": "true", "turn": "on"},
        )

    assert 303 == answer.status_code
    assert "enabled = false" in (tmp_path / "triggers/letter.toml").read_text()


@pytest.mark.parametrize("event", EVENTS)
async def test_each_event_has_a_field_for_each_fact_it_goes_by(
    api: Served, tmp_path: Path, event: str
) -> None:
    await api.feed("statuses", '{"kind":"application","crm_id":"in","name":"Invited"}')
    await api.feed("programmes", '{"crm_id":"p1","name":"Nursing"}')
    await api.feed("staff", '{"crm_id":"s1","email":"eva@example.org","roles":"manager"}')
    given = {
        "dates-1": "2027-03-01",
        "yearly-1-day": "24",
        "yearly-1-month": "12",
        "monthly": "1, 15",
        "before_send": "yes",
        "programme": "p1",
        "status": "in",
        "phase": "yes",
        "recipients-owner": "yes",
        "recipients-responsible:manager": "yes",
        "recipients-addresses": "b@example.org, a@example.org",
    }
    expected = {
        "dates": ["2027-03-01"],
        "yearly": ["12-24"],
        "monthly": [1, 15],
        "before_send": ["qualification_data"],
        "programme": "p1",
        "status": "in",
        "phase": "initial",
        "recipients": [
            *("candidate", "owner", "responsible:manager", "b@example.org", "a@example.org")
        ],
    }
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        page = await browsing.open(f"/console/triggers/new?event={event}")
        form = form_of(page)
        fitting = {
            name: value for name, value in given.items() if name in {*form.fields, *form.names}
        }
        data = {**form.fields, "name": "letter", "template": "letter", **fitting}
        answer = await browsing.client.post("/console/triggers/new", data=data)

    assert 303 == answer.status_code
    written = tomllib.loads((tmp_path / "triggers/letter.toml").read_text())
    assert {
        "enabled": False,
        "event": event,
        "template": "letter",
        **{key: expected[key] for key in EVENTS[event].keys},
    } == written


async def test_the_fields_follow_the_event_without_scripts(api: Served, tmp_path: Path) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        first = await browsing.open("/console/triggers/new")
        second = await browsing.press(
            "Show the fields of this event", event="set_date", name="letter", topic="Feest"
        )

    assert "dates-1" not in form_of(first).fields
    assert "dates-1" in form_of(second).fields
    assert ("letter", "Feest") == (
        form_of(second).fields["name"],
        form_of(second).fields["topic"],
    )
    assert [] == list((tmp_path / "triggers").iterdir())


async def test_who_chose_another_event_is_shown_its_fields(api: Served) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await browsing.open("/console/triggers/new")
        page = await browsing.press(
            "Make it, off", status=422, event="set_date", name="letter", template="letter"
        )

    assert "This event needs one at least." in page.text
    assert "dates-1" in form_of(page).fields


async def test_a_change_is_kept_with_its_comments(api: Served, tmp_path: Path) -> None:
    file = tmp_path / "triggers/letter.toml"
    text = '# Ours\nenabled = false\nevent="set_date" # so\ntemplate = "letter"\n'
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        file.write_text(text + f"dates = [\n  {today()}, # today\n]\nlatest = '2d'\n")
        await browsing.open("/console/triggers/letter")
        shown = await browsing.press(
            "Show what this changes",
            **{"latest": "3", "dates-2": "2030-01-01"},  # type: ignore[arg-type]
        )
        kept = await browsing.press("Yes, keep it")

    assert '+latest = "3d"' in shown.text
    assert "The trigger is saved." in kept.text
    assert file.read_text() == text + (
        f'dates = [\n  {today()}, # today\n  "2030-01-01",\n]\nlatest = "3d"\n'
    )


async def test_days_that_the_form_has_no_room_for_stay(api: Served, tmp_path: Path) -> None:
    file = tmp_path / "triggers/letter.toml"
    days = [(today() + timedelta(days=number)).isoformat() for number in range(120)]
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        file.write_text(
            f'enabled = false\nevent = "set_date"\ntemplate = "letter"\ndates = {days}\n'
        )
        await browsing.open("/console/triggers/letter")
        await browsing.press("Show what this changes", **{"dates-1": ""})  # type: ignore[arg-type]
        await browsing.press("Yes, keep it")

    assert days[1:] == tomllib.loads(file.read_text())["dates"]


async def test_a_form_that_changes_nothing_changes_nothing(api: Served, tmp_path: Path) -> None:
    file = tmp_path / "triggers/letter.toml"
    texts = [
        f'enabled = false\nevent = "set_date"\ntemplate = "letter"\ndates = "{today()}"\n',
        'event = "first_delivery"\ntemplate = "letter"\nyearly = ["02-29"]\nmonthly = 1\n'
        'report_empty = false\nlatest = "90m"\nkind = "individual"\n',
        'event = "status_changed"\ntemplate = "letter"\nrecipients = "responsible:gone"\n'
        'status = "gone"\n',
        'event = "submitted"\ntemplate = "letter"\nphase = "initial"\n',
        'event = "qualification_expired"\ntemplate = "letter"\n'
        'before_send = "qualification_data"\n',
    ]
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        for text in texts:
            file.write_text(text)
            await browsing.open("/console/triggers/letter")
            shown = await browsing.press("Show what this changes")
            await browsing.press("Yes, keep it")

            assert "Nothing would change." in shown.text
            assert text == file.read_text()


async def test_a_file_that_cannot_be_read_is_mended_as_text(api: Served, tmp_path: Path) -> None:
    file = tmp_path / "triggers/letter.toml"
    text = 'event = "birthday"\ntemplate = "letter"\nenabled = false\n'
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        file.write_text('event = "birthday\n')
        broken = await browsing.open("/console/triggers/letter")
        await browsing.press("Show what this changes", text=text)
        await browsing.press("Yes, keep it")

    assert "can't be used" in broken.text
    assert text == file.read_text()


async def test_a_file_that_cannot_be_read_stops_no_other_trigger(
    api: Served, tmp_path: Path
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
        (tmp_path / "triggers/broken.toml").write_text('event = "birthday\n')
        shown = await browsing.open("/console/triggers")
        await browsing.open("/console/triggers/letter")
        preview = await browsing.open(f"/console/triggers/letter/preview?on={today()}")
        await browsing.open("/console/triggers/letter")
        await browsing.press("Turn it on…")
        turned_on = await browsing.press("Yes, keep it")

    assert "broken can't be used" in shown.text
    assert "Dag Ann" in preview.text
    assert "It is on." in turned_on.text


async def test_who_comes_second_sees_both_versions(api: Served, tmp_path: Path) -> None:
    file = tmp_path / "triggers/letter.toml"
    async with signed_in(api, MANAGE) as browsing:
        await write(browsing)
        await make(browsing)
        await browsing.open("/console/triggers/letter")
        file.write_text(file.read_text().replace('"2d"', '"5d"'))
        clash = await browsing.press("Show what this changes", status=409, latest="3")

    assert '"5d"' in clash.text
    assert '"3d"' in clash.text
    assert "As it is now" in clash.text
    assert '"5d"' in file.read_text()


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
                ("all/hold", {}),
                ("all/resume", {}),
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
