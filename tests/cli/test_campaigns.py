"""`gateway mailchimp` and `gateway campaigns`, as marketing uses them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.sync.mailchimp.transport import MailchimpLimits
from tests.cli.conftest import Cli
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.contract import contract
from tests.sync.scripted import JSON, Reply, answering

ANY = "0sbbkk2fqqr00"  #: The id of a campaign that need not be there.


class MailchimpCli:
    """A command line with a small CRM before an account."""

    def __init__(self, cli: Cli, sandbox: ScriptedSandbox) -> None:
        self.cli = cli
        self.sandbox = sandbox
        sandbox.furnish()
        self.template = next(iter(sandbox.account.templates))
        cli.configure(
            f'[mailchimp]\napi_key = "0123456789abcdef-us1"\nbase_url = "{sandbox.url}"\n'
        )

    def create(self, name: str = "Vacatures", **draft: str) -> Any:
        """Make a campaign; return its document."""
        given = {"from-name": "CRM", "from-address": "office@crm.test"} | draft
        options = [word for key, value in given.items() for word in (f"--{key}", value)]
        template = str(self.template)
        return self.cli.json("campaigns", "create", name, "--template", template, *options)


@pytest.fixture
def mailchimp(cli: Cli) -> Iterator[MailchimpCli]:
    """The CRM has candidates 1 to 3 and a contact; 3 opted out."""
    with ScriptedSandbox(check=contract()) as sandbox:
        mailchimp = MailchimpCli(cli, sandbox)
        cli.do("mailchimp", "activate")
        cli.feed("groups", "kind,crm_id,name\ncandidate,7,Nieuws\ncontact,8,Klanten\n")
        cli.feed(
            "people",
            "kind,crm_id,first_name,emails\n"
            "candidate,1,Ann,ann@klant.test\n"
            "candidate,2,Bob,bob@klant.test\n"
            "candidate,3,Clo,clo@klant.test\n"
            "candidate,4,Dee,nonsense\n"
            "contact,1,Hal,hal@klant.test\n",
        )
        cli.feed(
            "memberships",
            "kind,group,person\ncandidate,7,1\ncandidate,7,3\ncontact,8,1\n"
            "candidate,mailchimp-opt-out,3\n",
        )
        yield mailchimp
        assert not sandbox.violations


def test_nothing_goes_without_an_account_and_the_cure_is_named(cli: Cli) -> None:
    for command in (("mailchimp", "activate"), ("mailchimp", "status"), ("mailchimp", "templates")):
        done = cli(*command)
        assert done.code == 1
        assert "[mailchimp] api_key" in done.err


def test_status_says_what_a_first_campaign_needs(cli: Cli) -> None:
    with ScriptedSandbox(check=contract()) as sandbox:
        mailchimp = MailchimpCli(cli, sandbox)
        draft = ("--from-name", "CRM", "--from-address", "office@crm.test")
        made = cli("campaigns", "create", "X", "--template", str(mailchimp.template), *draft)
        assert (made.code, "gateway mailchimp activate" in made.err) == (1, True)
        for command in (("prepare", ANY), ("send", ANY), ("delete", ANY), ("sync",)):
            refused = cli("campaigns", *command)
            assert (refused.code, "gateway mailchimp activate" in refused.err) == (1, True)

        before = cli("mailchimp", "status", "--json")
        cli.do("mailchimp", "activate", "--dry-run")
        cli.do("mailchimp", "activate")
        after = cli("mailchimp", "status", "--json")

    assert before.code == 1
    met = {each["name"]: each["met"] for each in json.loads(before.out)["prerequisites"]}
    assert met == {
        "activated": False,
        "template": True,
        "domain_verified": True,
        "domain_authenticated": True,
    }
    assert after.code == 0
    assert json.loads(after.out)["ready"]


def test_templates_are_listed_with_their_use(mailchimp: MailchimpCli) -> None:
    mailchimp.sandbox.add_template("New", content_type="multichannel")

    found = mailchimp.cli.json("mailchimp", "templates")

    assert [(each["name"], each["usable"]) for each in found] == [
        ("Nieuwsbrief", True),
        ("New", False),
    ]
    assert "new builder" in mailchimp.cli.do("mailchimp", "templates")


def test_people_are_added_one_by_one_by_group_and_by_file(
    mailchimp: MailchimpCli, tmp_path: Path
) -> None:
    number = mailchimp.create()["id"]
    file = tmp_path / "people.csv"
    file.write_text("kind,crm_id,note\ncandidate,4,x\ncandidate,99,\n,bob@klant.test,\n")
    plain = tmp_path / "plain.csv"
    plain.write_text("contact:1\nann@klant.test\n")

    done = mailchimp.cli(
        *("campaigns", "add", number, "--person", "candidate:2", "--group", "Nieuws"),
        *("--file", str(file), "--file", str(plain)),
    )

    assert done.code == 1
    assert "the CRM has sent no candidate:99" in done.err
    campaign = mailchimp.cli.json("campaigns", "show", number)
    assert {each["person"]: (each["in"], each["reason"]) for each in campaign["members"]} == {
        "candidate:1": (True, None),
        "candidate:2": (True, None),
        "candidate:3": (False, "opt_out"),
        "candidate:4": (False, "invalid_address"),
        "contact:1": (True, None),
    }
    mailchimp.cli.do("campaigns", "remove", number, "--person", "hal@klant.test")
    assert mailchimp.cli("campaigns", "remove", number, "--person", "contact:1").code == 1
    assert mailchimp.cli("campaigns", "add", number, "--group", "nobody").code == 1
    assert mailchimp.cli("campaigns", "add", number).code == 2


def test_a_group_may_name_its_kind(mailchimp: MailchimpCli) -> None:
    number = mailchimp.create()["id"]

    mailchimp.cli.do("campaigns", "add", number, "--group", "contact:8")

    members = mailchimp.cli.json("campaigns", "show", number)["members"]
    assert [each["person"] for each in members] == ["contact:1"]


def test_the_way_of_a_campaign(mailchimp: MailchimpCli) -> None:
    created = mailchimp.create("Beste *|FNAME|*")
    number = created["id"]
    assert (created["state"], created["mailchimp_id"], created["members"]) == ("draft", None, [])
    mailchimp.cli.do("campaigns", "add", number, "--group", "7", "--person", "contact:1")

    prepared = mailchimp.cli.json("campaigns", "prepare", number)
    assert prepared["changes"]["new"] == 2
    assert not mailchimp.sandbox.account.campaigns
    assert "1 opt_out" in mailchimp.cli.do("campaigns", "prepare", number)

    opened = mailchimp.cli.json("campaigns", "open", number)
    assert opened["state"] == "opened"
    assert opened["mailchimp_id"] in mailchimp.sandbox.account.campaigns
    assert opened["link"] in mailchimp.cli.do("campaigns", "open", number)

    mailchimp.cli.do("campaigns", "send", number)
    again = mailchimp.cli("campaigns", "send", number)
    assert (again.code, "sent once" in again.err) == (1, True)
    (listed,) = mailchimp.cli.json("campaigns", "list")
    assert (listed["id"], listed["name"], listed["state"]) == (number, "Beste *|FNAME|*", "sending")
    assert "sending" in mailchimp.cli.do("campaigns", "list")
    assert "ann@klant.test" in mailchimp.cli.do("campaigns", "show", number)


def test_it_is_scheduled_for_quarter_hours_of_the_customers_zone(mailchimp: MailchimpCli) -> None:
    number = mailchimp.create()["id"]
    mailchimp.cli.do("campaigns", "add", number, "--person", "candidate:1")
    day = (datetime.now() + timedelta(days=200)).replace(month=7, day=2)  # noqa: DTZ005
    off = mailchimp.cli("campaigns", "schedule", number, "--at", f"{day:%Y-%m-%d}T10:10")

    done = mailchimp.cli.json("campaigns", "schedule", number, "--at", f"{day:%Y-%m-%d}T10:15")

    assert off.code == 1
    assert f"{day:%Y-%m-%d}T10:00 or {day:%Y-%m-%d}T10:15" in off.err
    assert done["state"] == "scheduled"
    # Summer time in Amsterdam is two hours ahead of UTC.
    assert done["scheduled_for"] == f"{day:%Y-%m-%d}T08:15:00.000Z"
    assert mailchimp.cli("campaigns", "schedule", number, "--at", "2020-01-01T10:15").code == 1
    assert mailchimp.cli("campaigns", "schedule", number, "--at", "tomorrow").code == 2
    assert "Not scheduled" in mailchimp.cli.do("campaigns", "unschedule", number)


def test_it_is_deleted_and_made_anew(mailchimp: MailchimpCli) -> None:
    other = mailchimp.sandbox.add_template("Other")
    number = mailchimp.create()["id"]
    mailchimp.cli.do("campaigns", "add", number, "--person", "candidate:1")
    mailchimp.cli.do("campaigns", "open", number)

    anew = mailchimp.cli.json("campaigns", "recreate", number, "--template", str(other))

    assert (anew["template"], anew["state"]) == (other, "draft")
    assert [each["person"] for each in anew["members"]] == ["candidate:1"]
    assert mailchimp.cli.json("campaigns", "show", number)["state"] == "deleted"
    mailchimp.cli.do("campaigns", "delete", anew["id"])
    assert not mailchimp.sandbox.account.campaigns
    unknown = mailchimp.cli("campaigns", "show", "0000000000000")
    assert (unknown.code, "no campaign" in unknown.err) == (1, True)
    assert mailchimp.cli("campaigns", "show", "x").code == 2


def test_what_would_keep_it_from_being_sent_is_told_when_it_is_made(
    mailchimp: MailchimpCli,
) -> None:
    done = mailchimp.cli(
        *("campaigns", "create", "X", "--template", str(mailchimp.template)),
        *("--from-name", "CRM", "--from-address", "office@other.test"),
    )

    assert done.code == 0
    assert "other.test of the from-address is not verified" in done.err


def test_a_second_campaign_of_one_name_is_asked_about(mailchimp: MailchimpCli) -> None:
    first = mailchimp.create("Vacatures  maart")
    draft = ("--template", str(mailchimp.template), "--from-name", "CRM")
    again = ("campaigns", "create", "vacatures Maart", *draft, "--from-address", "o@crm.test")

    refused = mailchimp.cli(*again)
    kept = len(mailchimp.cli.json("campaigns", "list"))
    mailchimp.cli.do(*again, "--yes")
    mailchimp.cli.do("campaigns", "delete", first["id"])
    names = [(one["name"], one["state"]) for one in mailchimp.cli.json("campaigns", "list")]

    assert (1, 1) == (refused.code, kept)
    assert f"{first['id']}, draft" in refused.err
    assert "--yes" in refused.err
    assert [("vacatures Maart", "draft"), ("Vacatures  maart", "deleted")] == names


def test_it_is_said_when_mailchimp_was_read_and_will_be(mailchimp: MailchimpCli) -> None:
    number = mailchimp.create()["id"]
    draft = mailchimp.cli.json("campaigns", "show", number)
    mailchimp.cli.do("campaigns", "add", number, "--person", "candidate:1")
    opened = mailchimp.cli.json("campaigns", "open", number)
    due = mailchimp.cli.do("campaigns", "show", number)
    before = mailchimp.cli.json("mailchimp", "status")
    mailchimp.cli.do("campaigns", "sync")
    read = mailchimp.cli.json("campaigns", "list")[0]
    after = mailchimp.cli.json("mailchimp", "status")
    said = mailchimp.cli.do("mailchimp", "status")

    assert (None, None) == (draft["last_read"], draft["next_read"])
    assert (None, opened["opened_at"]) == (opened["last_read"], opened["next_read"])
    assert "Read:      never yet; next: due now (role sync)" in due
    assert (1, None) == (before["campaigns"], before["audience"]["last_read"])
    at, following = (datetime.fromisoformat(read[key]) for key in ("last_read", "next_read"))
    assert timedelta(minutes=10) == following - at
    assert (read["last_read"], read["next_read"]) == (after["last_read"], after["next_read"])
    audience = (after["audience"][key] for key in ("last_read", "next_read"))
    first, second = map(datetime.fromisoformat, audience)
    assert timedelta(days=1) == second - first
    assert "campaigns (1): 20" in said


def test_status_says_that_the_audience_is_gone(mailchimp: MailchimpCli) -> None:
    audience = next(iter(mailchimp.sandbox.account.audiences))
    mailchimp.sandbox.delete_audience(audience)

    done = mailchimp.cli("mailchimp", "status")

    assert done.code == 1
    assert "missing   activated: the audience" in done.out
    assert "deleted at Mailchimp: gateway mailchimp activate" in done.out


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b'{"templates": {}, "lists": null}'])
@pytest.mark.parametrize("command", ["status", "templates", "activate"])
def test_an_answer_in_another_form_ends_a_command_with_one_error(
    mailchimp: MailchimpCli, command: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = [timedelta()] * (MailchimpLimits().attempts - 1)
    monkeypatch.setattr(MailchimpLimits, "pauses", lambda _: at_once)
    with answering(Reply(200, body, JSON)) as script:
        mailchimp.cli.configure(f'[mailchimp]\napi_key = "0-us1"\nbase_url = "{script.url}"\n')
        done = mailchimp.cli("mailchimp", command)

    assert done.code == 1
    assert "Mailchimp's answer to GET /" in done.err
    assert "can't be read: " in done.err
    assert "Traceback" not in done.err


def test_check_says_whether_mailchimp_can_be_reached_and_what_is_wrong(
    mailchimp: MailchimpCli,
) -> None:
    def found() -> dict[str, list[str]]:
        levels: dict[str, list[str]] = {}
        for line in mailchimp.cli("check").out.splitlines():
            level, _, text = line.partition(" ")
            if text.strip().startswith("mailchimp:"):
                levels.setdefault(level, []).append(text)
        return levels

    assert set(found()) == {"ok"}

    mailchimp.sandbox.account.templates.clear()
    audience = next(iter(mailchimp.sandbox.account.audiences))
    mailchimp.sandbox.delete_audience(audience)
    levels = found()
    assert any("was deleted" in text for text in levels["error"])
    assert any("no usable template" in text for text in levels["warning"])

    mailchimp.sandbox.revoke_key()
    (refused,) = found()["error"]
    assert "refuses the key" in refused

    mailchimp.cli.configure('[mailchimp]\napi_key = "0-us1"\nbase_url = "http://127.0.0.1:1/3.0"\n')
    (away,) = found()["error"]
    assert "reached" in away
