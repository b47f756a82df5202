"""The campaigns' pages, against an account to try with."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.api.console.pages import campaign_activities
from gateway.api.console.roles import ConsoleRole
from gateway.api.json_response import wrap_cursor
from gateway.store.console import console_acts
from tests.api.console.browsing import Browsing, PageReader, signed_in
from tests.api.served import Served
from tests.api.test_campaign_actions import activate, serving
from tests.rig.sandbox import ScriptedSandbox

WORK, MANAGE = ConsoleRole.WORK, ConsoleRole.MANAGE


@pytest.fixture
async def api(sandbox: ScriptedSandbox, tmp_path: Path) -> AsyncIterator[Served]:
    """Activated, with candidates 1 to 3 in a group, of whom 3 opted out."""
    async with serving(sandbox, tmp_path) as opened:
        activate(opened)
        await opened.feed("groups", '{"crm_id":"7","name":"Nieuws"}')
        await opened.feed(
            "people",
            *(f'{{"crm_id":"{n}","emails":"{n}@klant.test","first_name":"A{n}"}}' for n in "123"),
        )
        await opened.feed("memberships", *(f'{{"group":"7","person":"{n}"}}' for n in "123"))
        await opened.feed("memberships", '{"group":"mailchimp-opt-out","person":"3"}')
        yield opened


async def make(browsing: Browsing, name: str = "Vacatures", status: int = 200) -> str:
    """Make a campaign; return its path."""
    await browsing.open("/console/campaigns/new")
    await browsing.press(
        "Make it", status=status, name=name, from_name="CRM", from_address="office@crm.test"
    )
    assert browsing.answer is not None
    return browsing.answer.url.path


async def test_mailchimp_is_activated_from_the_page_by_whoever_may_send(
    sandbox: ScriptedSandbox, tmp_path: Path
) -> None:
    async with (
        serving(sandbox, tmp_path) as api,
        signed_in(api, MANAGE) as browsing,
        signed_in(api, WORK, name="bob") as other,
    ):
        early = await browsing.open("/console/campaigns/new")
        before = await browsing.open("/console/campaigns/account")
        refused = await other.open("/console/campaigns/account")
        token = before.forms[0].fields["csrf"]
        done = await browsing.press("Activate Mailchimp")
        again = await browsing.press("Activate Mailchimp")
        path = await make(browsing)
        posted = await other.client.post("/console/campaigns/account", data={"csrf": token})

    assert "gateway mailchimp" not in early.text + before.text
    assert "missing" in before.text
    assert "Activate Mailchimp" not in [text for form in refused.forms for text, *_ in form.buttons]
    assert 403 == posted.status_code
    assert "What was done" in done.text
    assert "made" in done.text
    assert "failed" not in (done.text + again.text).replace("Send failed", "")
    assert path != "/console/campaigns/new"


async def test_no_campaigns_yet(one_api: Served) -> None:
    async with signed_in(one_api) as browsing:
        page = await browsing.open("/console/campaigns")

    assert "No campaigns yet." in page.text
    assert "New campaign" not in page.text


async def test_a_campaign_is_made_filled_prepared_and_sent_after_a_question(
    api: Served, sandbox: ScriptedSandbox
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        path = await make(browsing)
        added = await browsing.press("Add", group="7", people="candidate:99\n1@klant.test")
        prepared = await browsing.press("Prepare: who is in, what would change")
        question = await browsing.press("Send…")
        sent = await browsing.press("Yes, send it now")
        sandbox.advance(minutes=30)
        asked = await browsing.press("Ask Mailchimp now")
        plot = await browsing.client.get(f"{path}/plot")
        listed = await browsing.open("/console/campaigns")
    async with signed_in(api, name="lena") as looking:
        looked_at = await looking.open(path)

    assert "Added: 3. In already: 1." in added.text or "Added: 3." in added.text
    assert "the CRM has sent no candidate:99" in added.text
    assert "new in the audience 2" in prepared.text
    assert "wants no campaigns" in prepared.text
    assert "Send it now to 2 people?" in question.text
    assert "It is on its way." in sent.text
    assert "This is what Mailchimp knows now." in asked.text
    assert "image/svg+xml" == plot.headers["content-type"]
    assert "Vacatures" in listed.text
    assert "Ask Mailchimp now" not in looked_at.text
    with api.database.reading() as connection:
        acts = [act.act for act in console_acts.list_acts(connection, user="anna")]
    done = ["login", "create", "add", "prepare", "send", "report"]
    assert [f"campaign.{act}" for act in done[:0:-1]] + done[:1] == acts


async def test_the_plot_says_the_same_as_the_table_above_it_in_the_readers_language(
    api: Served, sandbox: ScriptedSandbox
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        path = await make(browsing)
        await browsing.press("Add", group="7")
        await browsing.press("Send…")
        await browsing.press("Yes, send it now")
        sandbox.advance(minutes=30)
        there = next(iter(sandbox.account.campaigns))
        for address in ("1@klant.test", "1@klant.test", "2@klant.test"):
            sandbox.open(there, address)
        sandbox.click(there, "1@klant.test")
        await browsing.press("Ask Mailchimp now")
        page = await browsing.open(path)
        plots = {}
        for language in ("en", "nl", "de", "fr"):
            accepted = {"accept-language": language}
            plot = await browsing.client.get(f"{path}/plot", headers=accepted)
            plots[language] = plot.text

    assert "Sent to Came back Opened Clicked Unsubscribed 2 0 2 1 0" in " ".join(page.text.split())
    assert "Opened 2" in plots["en"]
    assert "Geopend 2" in plots["nl"]
    assert "Geklickt 1" in plots["de"]
    assert "Envoyée à 2 le " in plots["fr"]
    assert all("prefers-color-scheme: dark" in plot for plot in plots.values())


async def test_what_members_did_is_listed_with_who_and_when(
    api: Served, sandbox: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await make(browsing)
        await browsing.press("Add", group="7")
        await browsing.press("Send…")
        await browsing.press("Yes, send it now")
        there = next(iter(sandbox.account.campaigns))
        sandbox.advance(minutes=30)
        sandbox.open(there, "1@klant.test", proxy=True)
        sandbox.open(there, "1@klant.test")
        sandbox.open(there, "2@klant.test")
        sandbox.advance(minutes=5)
        sandbox.click(there, "1@klant.test", "https://crm.test/vacancy")
        sandbox.advance(minutes=5)
        sandbox.unsubscribe(there, "2@klant.test", "too many mails")
        sandbox.advance(minutes=5)
        page = await browsing.press("Ask Mailchimp now")
        path = dict(page.links)["What members did"]
        whole = told(await browsing.open(path))
        clicks = told(await browsing.open(f"{path}?type=clicked"))
        monkeypatch.setattr(campaign_activities, "_AT_ONCE", 2)
        first = await browsing.open(path)
        rest = await browsing.open(dict(first.links)["Older"])
        last = await browsing.open(dict(rest.links)["Older"])
        wrong = [
            (await browsing.client.get(f"{path}?cursor={wrap_cursor([at, 'a', 'b', number, '1'])}"))
            for at, number in (
                ("x", "1"),
                ("9999-12-31T23:59:59-14:00", "1"),
                ("2026-01-01T00:00:00+00:00", "9" * 30),
            )
        ]

    assert [
        ("candidate:2 2@klant.test", "unsubscribed", "too many mails"),
        ("candidate:1 1@klant.test", "clicked a link", "https://crm.test/vacancy"),
        ("candidate:1 1@klant.test", "opened it", "by a program, before it was read"),
        ("candidate:1 1@klant.test", "opened it", ""),
        ("candidate:2 2@klant.test", "opened it", ""),
    ] == whole
    assert whole[1:2] == clicks
    assert whole == [*told(first), *told(rest), *told(last)]
    assert [422] * 3 == [answer.status_code for answer in wrong]


def told(page: PageReader) -> list[tuple[str, str, str]]:
    """Return the rows of a list of activities, without when: who, what, what about."""
    _, _, rows = page.text.partition("When Person What About ")
    pattern = (
        r"[\d-]{10} [\d:]{5} (candidate:\d+ \S+) (unsubscribed|clicked a link|opened it) ?(.*?)"
    )
    return re.findall(pattern + r"(?= ?(?:[\d-]{10} [\d:]{5} |Newest|Older|Times are))", rows)


async def test_who_was_named_stays_in_the_form_where_one_is_not_known(api: Served) -> None:
    async with signed_in(api, WORK) as browsing:
        await make(browsing)
        page = await browsing.press("Add", people="candidate:17\nnobody@else.example", status=422)

    [form] = [form for form in page.forms if form.action.endswith("/add")]
    assert "candidate:17\nnobody@else.example" == form.fields["people"]


async def test_whoever_may_work_fills_but_does_not_send(api: Served) -> None:
    async with signed_in(api, WORK) as browsing:
        path = await make(browsing)
        page = await browsing.press("Add", group="7")
        token = page.forms[0].fields["csrf"]
        answers = [
            await browsing.client.post(f"{path}/{act}", data={"csrf": token, "sure": "yes"})
            for act in ("send", "schedule", "delete")
        ]
        opened = await browsing.press("Create it at Mailchimp")

    assert "Send…" not in page.text
    assert [403] * 3 == [answer.status_code for answer in answers]
    assert "It is at Mailchimp now, not sent." in opened.text


async def test_a_campaign_is_scheduled_taken_out_again_and_deleted(api: Served) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await make(browsing)
        await browsing.press("Add", group="7")
        odd = await browsing.press("Schedule…", at="2030-01-01T09:05", status=409)
        asked = await browsing.press("Schedule…")
        scheduled = await browsing.press("Yes, schedule it")
        out = await browsing.press("Take it out of the schedule")
        question = await browsing.press("Delete…")
        deleted = await browsing.press("Yes, delete it")

    assert "the nearest is" in odd.text
    assert "Send it to 2 people, at " in asked.text
    assert "scheduled" not in asked.text
    assert "It is scheduled." in scheduled.text
    assert "It is not scheduled any more." in out.text
    assert "Delete it, here and at Mailchimp?" in question.text
    assert "It is deleted, here and at Mailchimp." in deleted.text


async def test_many_who_drop_out_are_asked_about(api: Served) -> None:
    crowd = [f'{{"crm_id":"c{n}","emails":"c{n}@klant.test"}}' for n in range(30)]
    await api.feed("people", *crowd)
    async with signed_in(api, MANAGE) as browsing:
        await make(browsing)
        await browsing.press("Add", people="\n".join(f"candidate:c{n}" for n in range(30)))
        await browsing.press("Add", people="candidate:1")
        await api.feed("people", *(line.replace("@klant.test", "") for line in crowd))
        await browsing.press("Send…")
        asked = await browsing.press("Yes, send it now", status=409)
        sent = await browsing.press("Yes, that is right")

    assert "30 of 31 people who were in drop out. Is that right?" in asked.text
    assert "It is on its way." in sent.text


async def test_whoever_read_an_old_number_is_asked_once_more_before_it_is_sent(
    api: Served,
) -> None:
    async with signed_in(api, MANAGE) as browsing, signed_in(api, WORK, name="bob") as other:
        path = await make(browsing)
        await browsing.press("Add", people="candidate:1")
        question = await browsing.press("Send…")
        await other.open(path)
        await other.press("Add", people="candidate:2")
        again = await browsing.press("Yes, send it now", status=409)
        sent = await browsing.press("Yes, send it now")

    assert "Send it now to 1 person?" in question.text
    assert "It has changed meanwhile" in again.text
    assert "Send it now to 2 people?" in again.text
    assert "It is on its way." in sent.text


async def test_a_campaign_is_sent_once_however_often_the_button_is_pressed(
    api: Served, sandbox: ScriptedSandbox
) -> None:
    async with signed_in(api, MANAGE) as browsing:
        path = await make(browsing)
        await browsing.press("Add", people="candidate:1")
        page = await browsing.press("Send…")
        token = page.forms[0].fields["csrf"]
        fields = {"csrf": token, "sure": "yes", "people": "1"}
        answers = await asyncio.gather(
            *(browsing.client.post(f"{path}/send", data=fields) for _ in range(3))
        )

    assert 303 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {303, 409}
    with api.database.reading() as connection:
        acts = [act.act for act in console_acts.list_acts(connection)]
    assert acts.count("campaign.send") == sum(answer.status_code == 303 for answer in answers)
    assert 1 == len(sandbox.account.campaigns)


async def test_what_is_missing_is_told_in_words_of_the_page_and_no_commands(api: Served) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await make(browsing)
        empty = await browsing.press("Send…", status=409)

    assert "nobody is in: “Add people”" in empty.text
    assert "gateway campaigns" not in empty.text


async def test_a_deleted_campaign_is_made_anew_with_its_people(api: Served) -> None:
    async with signed_in(api, MANAGE) as browsing:
        path = await make(browsing)
        await browsing.press("Add", people="candidate:1")
        await browsing.press("Delete…")
        await browsing.press("Yes, delete it")
        anew = await browsing.press("Create it again")
        assert browsing.answer is not None

    assert path != browsing.answer.url.path
    assert "This is the new one, with the same people." in anew.text
    assert "A1" in anew.text


@pytest.mark.parametrize("at", ["0001-01-01T00:00", "2020-01-01T09:00"])
async def test_a_time_at_which_nothing_can_leave_is_refused(api: Served, at: str) -> None:
    async with signed_in(api, MANAGE) as browsing:
        await make(browsing)
        await browsing.press("Add", group="7")
        page = await browsing.press("Schedule…", at=at, status=409)

    assert at.replace("T", " ") in page.text
    assert "Yes, schedule it" not in page.text


async def test_why_people_are_not_in_is_told_in_the_readers_language(api: Served) -> None:
    await api.feed("groups", '{"crm_id":"8","name":"Rust","tag":"NoMailingsTag"}')
    await api.feed("memberships", '{"group":"8","person":"2"}')
    async with signed_in(api, WORK) as making:
        path = await make(making)
    async with signed_in(api, WORK, language="fr") as browsing:
        await browsing.open(path)
        unknown = await browsing.press("Ajouter", group="7", people="candidate:99")
        wrong = await browsing.press("Ajouter", people="nobody", status=422)
        nobody = await browsing.press("Ajouter", people="x@else.example", status=422)
        broken = await browsing.press(
            "Ajouter", files={"file": ("x.xlsx", b"PK\x03\x04")}, people="", status=422
        )
        prepared = await browsing.press("Préparer : qui y est, ce qui changerait")

    assert "le CRM n'a pas envoyé candidate:99" in unknown.text
    assert "ni une personne (candidate:17, contact:17) ni une" in wrong.text
    assert "personne n'est connu comme x@else.example" in nobody.text
    assert "x.xlsx : n'est pas un classeur" in broken.text
    assert "Rust" in prepared.text
    assert "group Rust" not in prepared.text


async def test_nobody_is_asked_whether_to_send_what_nobody_would_get(api: Served) -> None:
    async with signed_in(api, MANAGE) as making:
        path = await make(making)
    async with signed_in(api, MANAGE, language="nl") as browsing:
        await browsing.open(path)
        sent = await browsing.press("Verzenden…", status=409)
        scheduled = await browsing.press("Plannen…", status=409)

    for page in (sent, scheduled):
        assert "er zit niemand in: “Personen toevoegen”" in page.text
        assert "verzenden?" not in page.text


async def test_a_question_and_a_refusal_have_days_in_the_pages_form(api: Served) -> None:
    async with signed_in(api, MANAGE) as making:
        path = await make(making)
    async with signed_in(api, MANAGE, language="de") as browsing:
        await browsing.open(path)
        await browsing.press("Hinzufügen", group="7")
        refused = await browsing.press("Planen…", at="2030-12-24T10:07", status=409)
        asked = await browsing.press("Planen…", at="2030-12-24T10:15")

    nearest = "24.12.2030 10:00 oder 24.12.2030 10:15"
    told = "24.12.2030 10:07: Mailchimp sendet nur um :00, :15, :30 und :45; "
    assert told in refused.text
    assert nearest in refused.text
    assert "An 2 Personen senden, am 24.12.2030 10:15?" in asked.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "Say what the mail's subject is."),
        ({"from_address": "nonsense"}, "This is no address."),
        ({"from_name": ""}, "Say whom the mail is from."),
    ],
)
async def test_what_is_wrong_is_told_at_its_field_and_the_rest_kept(
    api: Served, fields: dict[str, str], said: str
) -> None:
    given = {"name": "Nieuws", "from_name": "CRM", "from_address": "office@crm.test"}
    async with signed_in(api, WORK) as browsing:
        await browsing.open("/console/campaigns/new")
        page = await browsing.press("Make it", status=422, **{**given, **fields})  # type: ignore[arg-type]

    kept = page.forms[1].fields if "name" in page.forms[1].fields else page.forms[2].fields
    assert said in page.text
    assert {**given, **fields}.items() <= kept.items()


async def test_a_second_campaign_of_one_name_is_asked_about(api: Served) -> None:
    async with signed_in(api, WORK) as browsing:
        await make(browsing)
        await make(browsing, "VACATURES", status=409)
        asked = browsing.page
        made = await browsing.press("Make it", confirmed="yes")

    assert "There is a campaign of this name already." in asked.text
    assert "“VACATURES” is made." in made.text


async def test_people_come_from_a_file_and_are_taken_out(api: Served) -> None:
    rows = "kind,crm_id\ncandidate,1\ncandidate,2\ncandidate,98\n"
    async with signed_in(api, WORK) as browsing:
        await make(browsing)
        added = await browsing.press("Add", files={"file": ("people.csv", rows.encode())})
        out = await browsing.press("Take out", person="candidate:1")

    assert "Added: 2." in added.text
    assert "candidate:1 is taken out." in out.text


@pytest.mark.parametrize(
    "content",
    [
        "E-mail;Naam\n1@klant.test;Zoë\n2@klant.test;Jörg\n".encode("cp1252"),
        "kind\tcrm_id\ncandidate\t1\ncandidate\t2\n".encode("utf-16"),
        b"sep=;\r\nKandidaat-id;Naam\r\n1;Ann\r\n2;Bob\r\n",
        b"candidate:1\n2@klant.test\n",
    ],
    ids=["semicolons in Windows-1252", "tabs in UTF-16", "Excel's first line", "no header"],
)
async def test_a_file_is_taken_as_programs_save_it(api: Served, content: bytes) -> None:
    async with signed_in(api, WORK) as browsing:
        await make(browsing)
        added = await browsing.press("Add", files={"file": ("people.csv", content)})

    assert "Added: 2. In already: 0." in added.text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("leden.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "leden.xls: is an old Excel workbook"),
        ("../" + "ü" * 300 + ".csv", b"", "ü.csv: is empty"),
    ],
    ids=["an old workbook", "an empty file of a long name"],
)
async def test_a_file_nobody_can_read_is_named_as_whoever_sent_it_knows_it(
    api: Served, name: str, content: bytes, said: str
) -> None:
    async with signed_in(api, WORK) as browsing:
        await make(browsing)
        page = await browsing.press("Add", status=422, files={"file": (name, content)})

    assert said in page.text
    assert "gateway-members" not in page.text  # The folder it was kept in for a moment.


async def test_rows_that_name_nobody_are_told_with_the_name_of_the_file(api: Served) -> None:
    rows = b"kind,crm_id\ncandidate,1\ncandidate,\xff\x81\nbird,7\n"
    async with signed_in(api, WORK) as browsing:
        await make(browsing)
        page = await browsing.press("Add", files={"file": ("leden.csv", rows)})

    assert "Added: 1." in page.text
    assert "leden.csv:3: the key can't be read" in page.text
    assert "leden.csv:4: " in page.text


async def test_without_an_account_the_page_says_what_to_do(one_api: Served) -> None:
    async with signed_in(one_api, WORK) as browsing:
        page = await browsing.open("/console/campaigns/new")

    assert "mailchimp" in page.text.lower()
    assert "api_key" in page.text
    assert "The account has no template yet" not in page.text  # Nobody could ask for them.
