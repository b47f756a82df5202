"""Triggers and single messages asked about over HTTP; nothing is sent."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.triggers.editing_answers import TriggerEditing
from gateway.store.journal.journal import write_recorded
from tests.api.served import Served, served
from tests.store.journaling import message

LETTER = (
    b"From: eva@office.example\r\nTo: ann@x.org\r\nSubject: Vacatures\r\nPrecedence: bulk\r\n"
    b"\r\nHallo\r\n"
)
TRIGGER = 'event = "birthday"\ntemplate = "congratulation"\nkind = "bulk"\nenabled = true\n'
CHANGED = (
    'event = "status_changed"\ntemplate = "rejected"\nkind = "individual"\nstatus = "no"\n'
    'recipients = ["candidate"]\nenabled = true\n'
)


@pytest.fixture
async def fed(tmp_path: Path) -> AsyncIterator[Served]:
    """An API with two triggers and a candidate in no mailings."""
    for name, text in (("birthday2", TRIGGER), ("rejected", CHANGED)):
        (tmp_path / "triggers").mkdir(exist_ok=True)
        (tmp_path / "triggers" / f"{name}.toml").write_text(text)
    for name in ("congratulation", "rejected"):
        (tmp_path / "templates" / name).mkdir(parents=True)
        (tmp_path / "templates" / name / "nl.txt").write_text("Subject: Dag\n\nHallo\n")
    settings = [
        ("triggers", {"folder": str(tmp_path / "triggers")}),
        ("templates", {"folder": str(tmp_path / "templates")}),
        ("relays", [{"name": "relay", "host": "127.0.0.1", "port": 1}]),
    ]
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path, settings) as api:
        await api.feed("staff", '{"crm_id":"s1","name":"Eva","email":"eva@office.example"}')
        await api.feed("groups", '{"crm_id":"g1","name":"Geen bulk-mail","tag":"NoMailingsTag"}')
        await api.feed(
            "people",
            '{"crm_id":"17","emails":"ann@x.org","birthday":"1980-03-01","first_name":"Ann",'
            '"consent_email":true}',
        )
        await api.feed("memberships", '{"group":"g1","person":"17"}')
        await api.feed("statuses", '{"kind":"application","crm_id":"no","name":"Afgewezen"}')
        await api.feed("applications", '{"reference":"2026/1","person":"17","status":"new"}')
        yield api


async def test_triggers_are_listed_shown_and_previewed(fed: Served) -> None:
    listed = {one["name"]: one for one in (await fed.get("/triggers"))["items"]}
    shown = await fed.get("/triggers/rejected")
    on_the_day = await fed.get("/triggers/birthday2/preview", on="2027-03-01")
    change = await fed.get("/triggers/preview", reference="2026/1", status="no", by="s1")
    history = await fed.get("/triggers/history")
    waiting = await fed.get("/triggers/waiting")

    assert {"birthday2", "rejected"} <= set(listed)
    assert ("status_changed", "no", ["candidate"], []) == tuple(
        shown[key] for key in ("event", "status", "recipients", "runs")
    )
    assert {**shown, "runs": 0} == {**listed["rejected"], "runs": 0}
    assert ["candidate:17"] == [one["person"] for one in on_the_day["skipped"]]
    assert ["ann@x.org"] == [one["to"] for one in change["mails"]]
    assert [] == history["items"]
    assert {"fields": [], "mails": []} == waiting


@pytest.mark.parametrize(
    ("octets", "line", "key", "said"),
    [
        (b'event = "birthday"\nlatest = "soon"\n', 2, "latest", "not a duration such as 90s"),
        (b'event = "birthday"\nreports = "x"\n', 2, "reports", "did you mean report_to?"),
        (b'# a\nevent = "birthday"\ntemplate = "moon"\n', 3, "template", "write it first"),
        (b'event = "birthday\n', 1, "event", 'write key = "value", each in a line of its own'),
        (b'template = "congratulation"\n', None, "event", "is required"),
        (b"\xff", None, "", "not UTF-8 text"),
        (b"latest = " + b"[" * 100_000, None, "", "lists or tables too deep within each other"),
        (b"latest = " + b"1" * 5_000, None, "", "not TOML"),
        (b"latest = 0x" + b"f" * 5_000, None, "", "a number of more than 64 bits"),
    ],
    ids=[
        *("value", "unknown key", "template", "no TOML", "missing key", "no text", "deep"),
        *("long", "hexadecimal"),
    ],
)
async def test_a_broken_trigger_is_named_beside_those_that_are_good(
    fed: Served, tmp_path: Path, octets: bytes, line: int | None, key: str, said: str
) -> None:
    file = tmp_path / "triggers" / "broken.toml"
    file.write_bytes(octets)

    page = await fed.get("/triggers")
    good = await fed.get("/triggers/birthday2")
    file.unlink()
    mended = await fed.get("/triggers")

    assert {"birthday2", "rejected"} <= {trigger["name"] for trigger in page["items"]}
    [broken] = page["unusable"]
    assert ("broken", str(file)) == (broken["name"], broken["file"])
    [fault] = [fault for fault in broken["faults"] if fault["key"] == key]
    assert (line, True) == (fault["line"], said in fault["fault"]), fault
    assert "birthday2" == good["name"]
    assert [] == mended["unusable"]


async def test_a_pipe_among_the_triggers_is_named_and_holds_nobody_up(
    fed: Served, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "triggers" / "pipe.toml")

    page = await fed.get("/triggers")

    [broken] = page["unusable"]
    assert ("pipe", True) == (broken["name"], "such as a pipe" in broken["faults"][0]["fault"])


async def test_what_is_wrong_with_a_template_is_told_of_each_trigger_that_names_it(
    fed: Served, tmp_path: Path
) -> None:
    (tmp_path / "templates" / "rejected" / "nl.txt").write_text("Subject: {{ nonsense }}\n\nx\n")

    [broken] = (await fed.get("/triggers"))["unusable"]

    assert ("rejected", 2, "template") == (
        broken["name"],
        *(broken["faults"][0][name] for name in ("line", "key")),
    )
    assert "nl.txt" in broken["faults"][0]["fault"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/triggers/nonsense", 404, "no trigger is called nonsense (known:"),
        ("/triggers/rejected/preview", 422, "not a date event"),
        ("/triggers/birthday2/preview?on=1-3-2027", 422, "isn't valid"),
        ("/triggers/preview?reference=9&status=no", 404, "9"),
        ("/triggers/preview?reference=2026/1&status=moon", 422, "moon"),
        ("/triggers/preview?reference=2026/1&status=no&by=nobody", 422, "nobody"),
        ("/triggers/preview?reference=2026/1", 422, "isn't valid"),
    ],
)
async def test_what_cannot_be_previewed_says_why(
    fed: Served, path: str, status: int, said: str
) -> None:
    answer = await fed.ask("GET", path)

    assert (status, True) == (answer.status_code, said in answer.json()["detail"]), answer.text


async def test_a_message_is_explained_without_being_sent(fed: Served) -> None:
    asked = {"from": "eva@office.example", "to": ["Ann@x.org", "ben@x.org"]}
    told = await fed.ask("POST", "/explain", params=asked, content=LETTER)
    empty = await fed.ask("POST", "/explain", params=asked, content=b"")
    no_listener = await fed.ask(
        "POST", "/explain", params={**asked, "listener": "moon"}, content=LETTER
    )

    assert 200 == told.status_code, told.text
    found = {one["recipient"]: one for one in told.json()["deliveries"]}
    assert ("bulk", 2) == (told.json()["kind"], told.json()["recipients"])
    assert {"Ann@x.org": "send_failed", "ben@x.org": "relay"} == {
        name: one["outcome"] for name, one in found.items()
    }
    assert ["Geen bulk-mail"] == [one["name"] for one in found["Ann@x.org"]["suppressions"]]
    assert [("candidate:17", "relay")] == [
        (one["person"], one["outcome"]) for one in found["Ann@x.org"]["if_left"]
    ]
    assert (422, 422) == (empty.status_code, no_listener.status_code)
    assert "no listener is called moon" in no_listener.json()["detail"]
    assert [] == (await fed.get("/messages"))["items"]


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (None, "nl.txt: can't be read: Is a directory"),
        (b"\xff\xfe half", "nl.txt: not UTF-8 text"),
        (b"[subject\nhal", "nl.txt"),
    ],
)
@pytest.mark.parametrize(
    ("folder", "path"),
    [("notes", "/messages?language=nl"), ("trigger_report", "/triggers/birthday2/preview")],
)
async def test_a_template_that_is_being_replaced_is_told_until_it_is_whole_again(
    fed: Served, tmp_path: Path, folder: str, path: str, octets: bytes | None, said: str
) -> None:
    template = tmp_path / "templates" / folder / "nl.txt"
    template.parent.mkdir()
    template.mkdir() if octets is None else template.write_bytes(octets)
    if folder == "notes":
        with fed.database.writing() as connection:
            write_recorded(connection, 1, [message()], [])

    broken = await fed.ask("GET", path)
    template.rmdir() if octets is None else template.unlink()
    mended = await fed.ask("GET", path)

    assert (503, "5") == (broken.status_code, broken.headers.get("retry-after")), broken.text
    assert said in broken.json()["detail"]
    assert 200 == mended.status_code, mended.text


async def test_the_next_days_and_what_was_changed_are_shown(fed: Served, tmp_path: Path) -> None:
    editing = TriggerEditing(lambda: fed.settings, fed.database)
    version = editing.trigger("birthday2")["version"]
    changes: dict[str, object] = {"latest": "1d"}
    editing.keep_trigger(
        "rejected",
        changes={"topic": None, "latest": "3d"},
        text=None,
        version=editing.trigger("rejected")["version"],
        by="eva",
        token=reach_token(editing, "rejected", {"topic": None, "latest": "3d"}),
    )
    editing.keep_trigger(
        "birthday2",
        changes=changes,
        text=None,
        version=version,
        by="maria",
        token=reach_token(editing, "birthday2", changes),
    )

    calendar = await fed.get("/triggers/calendar", days=366)
    first = await fed.get("/triggers/edits", limit=1)
    second = await fed.get("/triggers/edits", limit=1, cursor=first["next"])

    assert (366, ["birthday2"]) == (len(calendar["days"]), calendar["triggers"])
    assert [("-03-01", 0, 1)] == [
        (due["day"][4:], due["mails"], due["left_out"]) for due in calendar["due"]
    ]
    assert [("maria", "birthday2"), ("eva", "rejected")] == [
        (edit["by"], edit["name"]) for edit in (*first["items"], *second["items"])
    ]
    assert second["next"] is None


def reach_token(editing: TriggerEditing, name: str, changes: dict[str, object]) -> str:
    """Look whom a change reaches; return what confirms it."""
    version = editing.trigger(name)["version"]
    proposed = editing.propose_trigger(name, changes=changes, text=None, version=version)
    assert proposed["reach"] is not None
    return proposed["reach"]["token"]
