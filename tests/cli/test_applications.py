"""`gateway applications`: a submission is acknowledged, a changed status mailed (seed S5)."""

import io
import json
from typing import Any

import pytest

from tests.cli.conftest import Cli

STATUS_TRIGGER = """\
event = "status_changed"
programme = "p1"
status = "accepted"
template = "accepted"
recipients = ["candidate", "responsible:manager", "actor"]
"""
TEMPLATE = """\
Subject: Your application {{ application.reference }}: {{ application.status }}

Dear {{ person.name }}, {{ actor.name }} has decided.
"""


@pytest.fixture
def fed(cli: Cli) -> Cli:
    """A command line with a CRM and a trigger of one programme behind it."""
    cli.feed(
        "staff",
        "crm_id,name,email,roles,language\n"
        "s1,Eva Bos,eva@crm.example,evaluator,fr\n"
        "s2,Mia Maas,mia@crm.example,manager,\n",
    )
    cli.feed(
        "statuses",
        "kind,crm_id,name,tag,initial,closed\n"
        "application,new,New,,yes,\napplication,second,Second round,,,\n"
        "application,accepted,Accepted,,,\ncandidate,dead,Deceased,NoMailTag,,\n",
    )
    cli.feed(
        "people",
        "crm_id,first_name,emails,status\n"
        "17,Ann,ann@example.org,\n18,Bob,bob@example.org,dead\n19,Cas,,\n",
    )
    cli.feed("programmes", "crm_id,name\np1,Teachers\np2,Nurses\n")
    cli.feed(
        "applications",
        "reference,person,programme,title,status,responsible\n"
        "4711,17,p1,Teacher,new,s1;s2\n4712,18,p1,Teacher,new,s2\n"
        "4713,17,p2,Nurse,new,\n4714,19,p1,Teacher,new,\n4715,17,p1,,second,\n",
    )
    _trigger(cli, "accepted", STATUS_TRIGGER, TEMPLATE)
    return cli


def _trigger(cli: Cli, name: str, trigger: str, template: str) -> None:
    folder = cli.folder / "templates" / name
    folder.mkdir(parents=True)
    (folder / "en.txt").write_text(template)
    (cli.folder / "triggers").mkdir(exist_ok=True)
    (cli.folder / "triggers" / f"{name}.toml").write_text(trigger)


def _to(document: Any) -> list[str]:
    return [mail["to"] for mail in document["mails"]]


def _status(cli: Cli, reference: str) -> str:
    pages = cli.json("person", "show", "candidate:17")
    found = {one["reference"]: one["status"] for one in pages["applications"]}
    return str(found[reference])


def test_a_submission_in_the_initial_phase_is_acknowledged_as_shipped(fed: Cli) -> None:
    done = fed.json("applications", "submit", "4711")

    assert "acknowledgement" == done["trigger"]
    assert ["ann@example.org"] == _to(done)
    assert "4711" in done["mails"][0]["subject"]
    assert ("candidate:17", "4711") == (done["mails"][0]["person"], done["mails"][0]["about"])


def test_a_second_submission_of_the_same_is_none(fed: Cli) -> None:
    fed.json("applications", "submit", "4711")

    again = fed.json("applications", "submit", "4711")

    assert [] == again["mails"]
    assert False is again["applications"][0]["changed"]


def test_it_may_be_submitted_again_after_staff_gave_it_back(fed: Cli) -> None:
    fed.json("applications", "submit", "4711")
    fed.do("applications", "status", "second", "4711", "--by", "s1", "--yes")
    fed.do("applications", "status", "new", "4711", "--by", "s1", "--yes")

    again = fed.json("applications", "submit", "4711")

    assert ["ann@example.org"] == _to(again)


def test_after_the_initial_phase_nothing_acknowledges(fed: Cli) -> None:
    assert [] == fed.json("applications", "submit", "4715")["mails"]


def test_a_programmes_own_replaces_the_shipped_one(fed: Cli) -> None:
    _trigger(fed, "own", 'event = "submitted"\nprogramme = "p1"\ntemplate = "own"\n', TEMPLATE)

    assert "own" == fed.json("applications", "submit", "4711")["trigger"]
    assert "acknowledgement" == fed.json("applications", "submit", "4713")["trigger"]


def test_a_changed_status_mails_those_the_trigger_names(fed: Cli) -> None:
    done = fed.json("applications", "status", "accepted", "4711", "--by", "s1", "--yes")

    assert ["ann@example.org", "mia@crm.example", "eva@crm.example"] == _to(done)
    assert "Your application 4711: Accepted" == done["mails"][0]["subject"]
    assert "Dear Ann, Eva Bos has decided.\n" == done["mails"][0]["text"]
    assert "Accepted" == _status(fed, "4711")
    (told,) = done["applications"]
    wanted = {"reference": "4711", "before": "new", "status": "accepted", "changed": True}
    assert wanted == {key: told[key] for key in wanted}


def test_a_status_it_has_already_mails_nobody(fed: Cli) -> None:
    fed.do("applications", "status", "accepted", "4711", "--by", "s1", "--yes")

    assert [] == fed.json("applications", "status", "accepted", "4711", "--by", "s2")["mails"]


def test_a_dry_run_shows_all_and_changes_nothing(fed: Cli) -> None:
    options = ("accepted", "4711", "4712", "4714", "--by", "s1", "--dry-run")

    shown = fed.json("applications", "status", *options)

    assert "Cette action enverra un e-mail aux candidats sélectionnés" == shown["warning"]
    assert [
        ("candidate:18", "4712", 'suppressed: status "Deceased"'),
        ("candidate:19", "4714", "no address"),
        ("responsible:manager", "4714", "responsible:manager: nobody"),
    ] == [(one["person"], one["about"], one["reason"]) for one in shown["skipped"]]
    told = fed("applications", "status", *options).out.splitlines()
    (nobody,) = (line.split() for line in told if "responsible:manager" in line)
    assert ["-", "4714", "responsible:manager:", "nobody"] == nobody
    assert "New" == _status(fed, "4711")
    done = fed.json("applications", "status", *options[:-1], "--yes")
    assert shown["mails"] == done["mails"]


def test_without_a_mail_there_is_no_warning(fed: Cli) -> None:
    shown = fed.json("applications", "status", "second", "4711", "--by", "s1", "--dry-run")

    assert ([], [], None) == (shown["mails"], shown["skipped"], shown["warning"])


def test_the_warning_is_shown_to_people_before(fed: Cli) -> None:
    shown = fed.do("applications", "status", "accepted", "4711", "--by", "s1", "--dry-run")

    assert "Cette action enverra un e-mail aux candidats sélectionnés" in shown
    assert "4711: would be accepted, was new" in shown


@pytest.mark.parametrize(
    ("more", "status", "errors"),
    [
        ([], "New", ["no application has the reference 1", "not changed, as not all can be"]),
        (["--partial"], "Accepted", ["no application has the reference 1", None]),
    ],
)
def test_all_are_changed_or_none_unless_it_may_be_partial(
    fed: Cli, more: list[str], status: str, errors: list[str | None]
) -> None:
    options = ("1", "4711", "--by", "s1", "--yes", "--json", *more)
    done = fed("applications", "status", "accepted", *options)

    assert 1 == done.code
    assert errors == [one["error"] for one in json.loads(done.out)["applications"]]
    assert status == _status(fed, "4711")


def test_a_status_the_crm_never_told_of_is_refused(fed: Cli) -> None:
    done = fed("applications", "status", "akzeptiert", "4711", "--by", "s1")

    assert 1 == done.code
    there_are = "accepted, new, second (Second round)"
    assert f"applications have no status akzeptiert; known: {there_are}" in done.err


@pytest.mark.parametrize("named", ["second", "Second round", "second ROUND", " second\u200b"])
def test_a_status_is_named_by_its_crm_id_or_its_name(fed: Cli, named: str) -> None:
    fed.do("applications", "status", named, " 4711\ufeff", "--by", "s1", "--yes")

    assert "Second round" == _status(fed, "4711")


def test_a_name_of_several_statuses_is_refused(fed: Cli) -> None:
    fed.feed("statuses", "kind,crm_id,name\napplication,third,Second round\n")

    done = fed("applications", "status", "Second round", "4711", "--by", "s1", "--yes")

    assert 1 == done.code
    assert "several statuses are called Second round; known: accepted," in done.err
    assert "New" == _status(fed, "4711")


def test_a_feed_never_fires(fed: Cli) -> None:
    fed.feed("applications", "reference,person,programme,status\n4711,17,p1,accepted\n")

    done = fed.json("applications", "status", "accepted", "4711", "--by", "s1")
    assert [] == done["mails"]


def test_a_preview_shows_what_a_change_would_send(fed: Cli) -> None:
    shown = fed.json("triggers", "preview", "--reference", "4711", "--status", "accepted")

    assert "accepted" == shown["trigger"]
    assert ["ann@example.org", "mia@crm.example"] == _to(shown)
    assert "New" == _status(fed, "4711")


def test_a_preview_of_a_change_that_mails_nobody_says_so(fed: Cli) -> None:
    shown = fed.do("triggers", "preview", "--reference", "4711", "--status", "second")

    assert "mails: 0, left out: 0" == shown.strip()


def test_without_a_terminal_nothing_changes_that_would_mail(fed: Cli) -> None:
    done = fed("applications", "status", "accepted", "4711", "--by", "s1")

    assert 1 == done.code
    assert "Cette action enverra un e-mail aux candidats sélectionnés" in done.out
    assert "ann@example.org" in done.out
    assert "--yes" in done.err
    assert "New" == _status(fed, "4711")


def test_what_mails_nobody_is_done_without_a_question(fed: Cli) -> None:
    fed.do("applications", "status", "second", "4711", "--by", "s1")

    assert "Second round" == _status(fed, "4711")


class Terminal(io.TextIOWrapper):
    """Standard input at which a person answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "status"),
    [("o\n", "Accepted"), ("Yes\n", "Accepted"), ("n\n", "New"), ("\n", "New"), ("", "New")],
)
def test_at_a_terminal_it_shows_who_is_mailed_and_asks(
    fed: Cli, monkeypatch: pytest.MonkeyPatch, answer: str, status: str
) -> None:
    monkeypatch.setattr("io.TextIOWrapper", Terminal)
    done = fed("applications", "status", "accepted", "4711", "--by", "s1", stdin=answer)

    assert int(status == "New") == done.code
    assert (
        "Cette action enverra un e-mail aux candidats sélectionnés. Continuer ? [o/N]" in done.err
    )
    assert "mia@crm.example" in done.out
    assert status == _status(fed, "4711")


def test_the_sentence_is_for_mail_to_candidates_else_it_says_who_is_mailed(fed: Cli) -> None:
    text = STATUS_TRIGGER.replace('"candidate", ', "")
    (fed.folder / "triggers" / "accepted.toml").write_text(text)

    shown = fed.json("triggers", "preview", "--reference", "4711", "--status", "accepted")
    by_eva = fed.do("applications", "status", "accepted", "4711", "--by", "s1", "--dry-run")

    assert shown["warning"].endswith(" Mia Maas <mia@crm.example>")
    to_both = "Mia Maas <mia@crm.example>, Eva Bos <eva@crm.example>"
    assert f"Cette action enverra un e-mail à {to_both}" in by_eva


def test_a_preview_says_the_warning_too(fed: Cli) -> None:
    options = ("--reference", "4711", "--status", "accepted")

    shown = fed.do("triggers", "preview", *options, "--by", "eva  bos")

    assert "Cette action enverra un e-mail aux candidats sélectionnés" in shown
    assert "eva@crm.example" in shown


@pytest.mark.parametrize("named", ["s1", "Eva Bos", "eva bos", "EVA@crm.example", " s1\u200b"])
def test_who_acts_is_known_by_id_name_or_address(fed: Cli, named: str) -> None:
    shown = fed.json("applications", "status", "accepted", "4711", "--by", named, "--dry-run")

    assert "eva@crm.example" in _to(shown)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            "Eva Boss",
            "no member of staff is known as Eva Boss; the nearest: Eva Bos (s1), Mia",
        ),
        ("mia@crm.test", "the nearest: Mia Maas (s2)"),
        ("Ann", "no member of staff is known as Ann"),
        ("", "no member of staff is known as"),
    ],
)
def test_who_is_not_known_does_not_act(fed: Cli, named: str, said: str) -> None:
    done = fed("applications", "status", "second", "4711", "--by", named)

    assert 1 == done.code
    assert said in done.err
    assert "New" == _status(fed, "4711")


def test_a_name_two_have_is_asked_about(fed: Cli) -> None:
    fed.feed("staff", "crm_id,name,email\ns3,Eva Bos,eva3@crm.example\n")

    done = fed("applications", "status", "second", "4711", "--by", "Eva Bos")

    assert 1 == done.code
    assert "several staff are Eva Bos: Eva Bos (s1), Eva Bos (s3); give the crm_id" in done.err


def test_who_is_left_out_is_named_not_the_candidate(fed: Cli) -> None:
    fed.feed("staff", "crm_id,name,email,roles\ns2,Mia Maas,,manager\n")

    shown = fed.json("applications", "status", "accepted", "4711", "--by", "s1", "--dry-run")

    assert [("staff:s2", "Mia Maas", "no address")] == [
        (one["person"], one["name"], one["reason"]) for one in shown["skipped"]
    ]


def test_a_blank_value_is_shown(fed: Cli) -> None:
    fed.feed("people", "crm_id,first_name,emails\n17,,ann@example.org\n")

    shown = fed.json("applications", "status", "accepted", "4711", "--by", "s1", "--dry-run")
    printed = fed.do("applications", "status", "accepted", "4711", "--by", "s1", "--dry-run")

    assert ["person.name"] == shown["mails"][0]["blank"]
    assert "blank: person.name" in printed


def test_mail_that_waits_is_listed_with_whom_and_for_which_change(fed: Cli) -> None:
    fed.do("applications", "status", "accepted", "4711", "--by", "s1", "--yes")

    entries = fed.json("outbox", "list", "--state", "queued")
    (told,) = fed.json("triggers", "history")
    printed = fed.do("triggers", "history")

    recipients = {"ann@example.org", "mia@crm.example", "eva@crm.example"}
    assert recipients == {one["to"] for one in entries}
    assert {"accepted 4711"} == {one["about"] for one in entries}
    assert ("4711", "new", "accepted", "s1") == tuple(
        told[key] for key in ("reference", "before", "status", "by")
    )
    assert {"waiting"} == {one["state"] for one in told["mails"]}
    assert recipients == {one["to"] for one in told["mails"]}
    assert "4711: new → accepted" in printed


def test_what_waits_can_be_cancelled_by_its_id(fed: Cli) -> None:
    fed.do("applications", "status", "accepted", "4711", "--by", "s1", "--yes")
    entry = fed.json("outbox", "list")[0]

    fed.do("outbox", "cancel", entry["id"])

    assert entry["id"] not in [one["id"] for one in fed.json("outbox", "list")]
    again = fed("outbox", "cancel", entry["id"])
    assert (1, True) == (again.code, "only what waits" in again.err)
