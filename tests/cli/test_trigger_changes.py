"""Triggers and templates changed from the command line."""

import pytest

from tests.cli.conftest import Cli
from tests.rig.today import today

PEOPLE = """\
crm_id,first_name,emails,mail_on_set_date,language
1,Ann,ann@example.org,yes,nl
2,Bob,,yes,nl
"""


@pytest.fixture
def letter(cli: Cli) -> Cli:
    """A CRM with a person who wants mail, and a text for a template."""
    cli.feed("people", PEOPLE)
    (cli.folder / "letter.txt").write_text("Subject: Dag {{ person.first_name }}\n\nWoorden\n")
    return cli


def make(cli: Cli) -> None:
    text = str(cli.folder / "letter.txt")
    cli.do("triggers", "template", "letter", "--language", "nl", "--text", text)
    cli.do(
        *("triggers", "new", "letter", "--event", "set_date", "--template", "letter"),
        *("--set", f"dates=['{today()}']", "--set", "latest=2d"),
    )


def test_template_first_then_the_trigger_then_it_is_turned_on(letter: Cli) -> None:
    early = letter("triggers", "new", "letter", "--event", "birthday", "--template", "letter")
    assert early.code == 1
    assert "template: write it first" in early.err

    make(letter)
    assert letter.json("triggers", "show", "letter")["enabled"] is False
    assert letter.json("triggers", "calendar") == []

    asked = letter("triggers", "enable", "letter")
    assert asked.code == 1
    assert "candidate:1 Ann <ann@example.org>: Dag Ann" in asked.out
    assert "nothing was written" in asked.err
    letter.do("triggers", "enable", "letter", "--yes")

    (due,) = letter.json("triggers", "calendar", "--days", "3")
    assert due == {
        "trigger": "letter",
        "day": today().isoformat(),
        "mails": 1,
        "left_out": 1,
        "people": [{"person": "candidate:1", "name": "Ann"}],
    }
    assert f"{today()}  letter   1      1         candidate:1 Ann" in letter.do(
        "triggers", "calendar"
    )


def test_a_dry_run_shows_the_change_and_writes_nothing(letter: Cli) -> None:
    make(letter)
    before = (letter.folder / "triggers/letter.toml").read_text()

    shown = letter.do("triggers", "enable", "letter", "--dry-run")

    assert "-enabled = false\n+enabled = true" in shown
    assert "ann@example.org" in shown
    assert before == (letter.folder / "triggers/letter.toml").read_text()


def test_keys_are_set_and_taken_out(letter: Cli) -> None:
    make(letter)
    letter.do("triggers", "edit", "letter", "--set", "topic=Nieuws", "--unset", "latest")

    assert letter.json("triggers", "show", "letter")["values"] == {
        "enabled": False,
        "event": "set_date",
        "template": "letter",
        "dates": [today().isoformat()],
        "topic": "Nieuws",
    }
    wrong = letter("triggers", "edit", "letter", "--set", "kind=both")
    assert wrong.code == 1
    assert "kind: not one of" in wrong.err


def test_what_was_changed_and_by_whom_is_listed(
    letter: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "maria")
    make(letter)
    letter.do("triggers", "edit", "letter", "--set", "latest=3d")

    edits = letter.json("triggers", "edits")

    assert [("trigger", "maria"), ("trigger", "maria"), ("template", "maria")] == [
        (edit["what"], edit["by"]) for edit in edits
    ]
    assert ['-latest = "2d"', '+latest = "3d"'] == [
        line for line in edits[0]["changes"][0]["diff"] if line[0] in "+-"
    ]
    assert "maria" in letter.do("triggers", "edits", "letter")


def test_a_template_is_shown_with_what_is_wrong_with_it(letter: Cli) -> None:
    make(letter)
    assert "Subject: Dag {{ person.first_name }}\n\nWoorden" in letter.do(
        "triggers", "template", "letter"
    )
    (letter.folder / "templates/letter/nl.txt").write_text("Subject: {{ person.shoe }}\n\nx\n")

    (problem,) = letter.json("triggers", "template", "letter")["problems"]

    assert "person.shoe is unknown" in problem


def test_all_triggered_mail_is_held_and_let_go(letter: Cli) -> None:
    answer = "Held; mails that were due: 0. `gateway triggers resume` lets them go.\n"
    assert answer == letter.do("triggers", "hold", "--note", "look first")

    check = letter("check", "--offline")
    assert "look first" in check.out + check.err
    letter.do("triggers", "resume")
    check = letter("check", "--offline")
    assert "look first" not in check.out + check.err
