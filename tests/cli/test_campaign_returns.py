"""What came back from Mailchimp, seen and undone on the command line."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from gateway.cli.context import read_id
from gateway.core.campaigns.campaigns import CampaignState
from gateway.store.campaigns import campaigns
from tests.cli.conftest import Cli
from tests.rig.sandbox import ScriptedSandbox

LINK = "https://www.crm.test/jobs"
GROUPS = "kind,crm_id,name,tag\ncandidate,7,Nieuwsbrief,\n"
MEMBERSHIPS = "kind,group,person\ncandidate,7,ann\ncandidate,7,bob\n"
PEOPLE = """\
kind,crm_id,first_name,last_name,emails
candidate,ann,Ann,Aa,ann@crm.test
candidate,bob,Bob,Be,bob@crm.test
contact,dan,Dan,De,dan@crm.test
contact,twin,Ann,Aa,ann@crm.test
"""


class Campaign:
    """A campaign of the command line, and the account it went out through."""

    def __init__(self, cli: Cli, sandbox: ScriptedSandbox) -> None:
        self.cli = cli
        self.sandbox = sandbox
        cli.configure(settings(sandbox))
        cli.feed("people", PEOPLE)
        cli.feed("groups", GROUPS)
        cli.feed("memberships", MEMBERSHIPS)
        cli.do("mailchimp", "activate")
        template = cli.json("mailchimp", "templates")[0]["id"]
        chosen = ("--template", str(template), "--from-name", "CRM")
        made = cli.json("campaigns", "create", "Vacatures", *chosen, "--from-address", "a@crm.test")
        self.id: str = made["id"]
        people = ("candidate:ann", "candidate:bob", "contact:dan")
        cli.do("campaigns", "add", self.id, *(x for each in people for x in ("--person", each)))

    def send(self) -> None:
        """Send it, and let it arrive."""
        self.there: str = self.cli.json("campaigns", "send", self.id)["mailchimp_id"]
        self.sandbox.advance(minutes=2)

    def shown(self) -> Any:
        """Return it as `show --json` has it."""
        return self.cli.json("campaigns", "show", self.id)

    def members(self) -> dict[str, Any]:
        """Return its members by person."""
        return {one["person"]: one for one in self.shown()["members"]}


def settings(sandbox: ScriptedSandbox, **more: str) -> str:
    lines = "".join(f'{name} = "{value}"\n' for name, value in more.items())
    return f'[mailchimp]\napi_key = "0123456789abcdef-us1"\nbase_url = "{sandbox.url}"\n{lines}'


@pytest.fixture
def campaign(cli: Cli) -> Iterator[Campaign]:
    """A campaign to three people."""
    with ScriptedSandbox() as sandbox:
        sandbox.furnish()
        yield Campaign(cli, sandbox)


def test_every_activity_is_shown_at_the_campaign_and_at_the_person(campaign: Campaign) -> None:
    campaign.send()
    campaign.sandbox.open(campaign.there, "ann@crm.test", proxy=True)
    campaign.sandbox.click(campaign.there, "ann@crm.test", LINK)
    campaign.sandbox.bounce(campaign.there, "dan@crm.test", "soft")

    told = campaign.cli.json("campaigns", "sync", campaign.id)

    ann, dan = (campaign.members()[each] for each in ("candidate:ann", "contact:dan"))
    assert 3 == told["activities"]
    assert {"sent": 3, "bounced": 1, "opened": 1, "clicked": 1, "unsubscribed": 0} == (
        campaign.shown()["report"]
    )
    assert ("clicked", "bounced") == (ann["status"], dan["status"])
    assert [("opened", True, None), ("clicked", False, LINK)] == sorted(
        ((one["type"], one["machine"], one["url"]) for one in ann["activities"]), reverse=True
    )
    assert campaign.members()["candidate:bob"]["status"] is None
    timeline = campaign.cli.json("person", "show", "candidate:ann")["timeline"]
    done = [one for one in timeline if one["type"] == "activity"]
    assert {("opened", campaign.id), ("clicked", campaign.id)} == {
        (one["state"], one["id"]) for one in done
    }
    assert all("Vacatures" in one["summary"] for one in done)


def test_a_setting_leaves_the_opens_of_machines_out(campaign: Campaign) -> None:
    campaign.send()
    campaign.sandbox.open(campaign.there, "ann@crm.test", proxy=True)
    campaign.cli.do("campaigns", "sync")
    before = campaign.members()["candidate:ann"]["status"]
    text = settings(campaign.sandbox) + "count_machine_opens = false\n"
    campaign.cli.configure(text)

    report = campaign.cli.json("campaigns", "report", campaign.id)

    assert "opened" == before
    assert campaign.members()["candidate:ann"]["status"] is None
    assert 0 == report["opened"]
    assert (1, 0) == (report["opens"]["members"], report["opens"]["members_without_machines"])


def test_there_is_no_report_before_the_sending(campaign: Campaign) -> None:
    draft = campaign.cli("campaigns", "report", campaign.id)
    campaign.cli.do("campaigns", "open", campaign.id)
    opened = campaign.cli("campaigns", "report", campaign.id, "--json")

    assert (1, 1) == (draft.code, opened.code)
    assert "was not sent" in draft.err
    assert "gateway campaigns send" in opened.err
    assert campaign.shown()["report"] is None


def test_there_is_no_report_before_mailchimp_was_read(campaign: Campaign) -> None:
    campaign.send()
    campaign.sandbox.revoke_key()
    with campaign.cli.store() as store, store.writing() as connection:
        campaigns.change(connection, read_id(campaign.id), state=CampaignState.SENT)

    stale = campaign.cli("campaigns", "report", campaign.id)

    assert (1, "") == (stale.code, stale.out)
    assert "Mailchimp was not read since it was sent" in stale.err
    assert f"gateway campaigns sync {campaign.id}" in stale.err


def test_the_report_asks_for_what_is_new_and_does_without(campaign: Campaign) -> None:
    campaign.send()
    campaign.sandbox.click(campaign.there, "ann@crm.test", LINK)
    campaign.sandbox.click(campaign.there, "bob@crm.test", LINK)
    campaign.sandbox.click(campaign.there, "bob@crm.test", LINK + "/1")
    fresh = campaign.cli.json("campaigns", "report", campaign.id)
    campaign.sandbox.revoke_key()
    campaign.sandbox.click(campaign.there, "ann@crm.test", LINK)
    stale = campaign.cli("campaigns", "report", campaign.id)

    assert (3, 2) == (fresh["clicks"]["times"], fresh["clicked"])
    assert [(LINK, 2, 2), (LINK + "/1", 1, 1)] == [
        (one["url"], one["clicks"], one["members"]) for one in fresh["links"]
    ]
    assert 0 == stale.code
    assert "Mailchimp can't be asked" in stale.err
    assert "Clicked:      2 (66.7%), 3 times" in stale.out


@pytest.mark.parametrize("name", ["plot.svg", "plot.PNG"])
def test_a_plot_is_drawn(campaign: Campaign, name: str) -> None:
    campaign.send()
    campaign.sandbox.open(campaign.there, "ann@crm.test")
    campaign.sandbox.open(campaign.there, "ann@crm.test")
    campaign.sandbox.open(campaign.there, "dan@crm.test", proxy=True)
    file = campaign.cli.folder / name

    campaign.cli.do("campaigns", "report", campaign.id, "--plot", str(file))

    if name.endswith("svg"):
        root = ElementTree.fromstring(file.read_text())
        words = " ".join(each.text or "" for each in root.iter())
        assert "Vacatures" in words
        assert "Opened 2" in words  # Members, as the report has them, not times.
        assert "not by machines 1" in words
        assert "Clicked 0" in words
        assert root.find("{*}style") is None
    else:
        with Image.open(file) as image:
            assert (1920, 1080) == image.size
            assert 50 < len(image.getcolors(100_000) or [])


def test_a_plot_in_another_form_is_wrong_use(campaign: Campaign) -> None:
    done = campaign.cli("campaigns", "report", campaign.id, "--plot", "plot.gif")

    assert 2 == done.code
    assert ".svg or .png" in done.err


def test_an_opt_out_lasts_until_staff_undo_it(campaign: Campaign) -> None:
    cli = campaign.cli
    campaign.send()
    campaign.sandbox.unsubscribe(campaign.there, "ann@crm.test", "too many")
    cli.do("campaigns", "sync")
    replaced = cli.feed("memberships", "kind,group,person\n", "--replace")
    everybody = [cli.json("person", "show", each) for each in ("candidate:ann", "contact:twin")]
    listed = cli.json("campaigns", "opt-outs")
    rows = list(csv.DictReader(io.StringIO(cli.do("campaigns", "opt-outs", "--csv"))))

    released = cli.do("suppress", "release", "ann@crm.test", "--by", "eva")
    cli.do("campaigns", "sync")
    after = cli.json("person", "show", "candidate:ann")

    assert 0 == replaced.code
    assert [["MailChimp opt-out"]] * 2 == [one["groups"] for one in everybody]
    assert ["mailchimp", "mailchimp"] == [one["suppressions"][0]["origin"] for one in everybody]
    assert ["opt_out"] == [
        one["type"] for one in everybody[1]["timeline"] if one["type"] != "suppression"
    ]
    assert {"candidate:ann", "contact:twin"} == {one["person"] for one in listed}
    assert {
        ("candidate", "ann", "Vacatures", "too many"),
        ("contact", "twin", "Vacatures", "too many"),
    } == {(row["kind"], row["person"], row["title"], row["reason"]) for row in rows}
    assert "Mailchimp itself still refuses ann@crm.test: unsubscribed" in released
    assert [] == after["groups"]
    assert ["unsubscribed"] == [one["status"] for one in after["mailchimp"]]
    assert {"added", "released"} == {
        one["state"] for one in after["timeline"] if one["type"] == "opt_out"
    }
    assert [] == cli.json("campaigns", "opt-outs")
    assert 1 == cli("suppress", "release", "ann@crm.test").code


def test_whoever_leaves_again_after_staff_undid_it_is_out_again(campaign: Campaign) -> None:
    cli = campaign.cli
    audience = next(iter(campaign.sandbox.account.audiences))
    campaign.send()
    campaign.sandbox.unsubscribe(campaign.there, "bob@crm.test")
    cli.do("campaigns", "sync")
    cli.do("suppress", "release", "candidate:bob")
    campaign.sandbox.advance(hours=1)
    campaign.sandbox.confirm(audience, "bob@crm.test")
    campaign.sandbox.advance(hours=1)
    campaign.sandbox.opt_out(audience, "bob@crm.test")

    cli.do("campaigns", "sync")

    assert "MailChimp opt-out" in cli.json("person", "show", "candidate:bob")["groups"]


def test_a_cleaned_address_is_told_and_stops_no_mail(campaign: Campaign) -> None:
    cli = campaign.cli
    campaign.send()
    campaign.sandbox.bounce(campaign.there, "dan@crm.test", "hard")

    cli.do("campaigns", "sync")

    found = cli.json("person", "show", "contact:dan")
    assert ["cleaned"] == [one["status"] for one in found["mailchimp"]]
    assert [] == found["suppressions"]
    assert "Mailchimp itself still refuses dan@crm.test: cleaned" in cli.do(
        "person", "show", "contact:dan"
    )


def test_activities_go_to_the_crm_as_csv(campaign: Campaign) -> None:
    campaign.send()
    campaign.sandbox.click(campaign.there, "ann@crm.test", LINK)
    campaign.sandbox.unsubscribe(campaign.there, "bob@crm.test", "=cmd()")
    campaign.cli.do("campaigns", "sync")

    text = campaign.cli.do("campaigns", "show", campaign.id, "--csv")

    rows = list(csv.DictReader(io.StringIO(text)))
    assert [("ann", "clicked", LINK), ("bob", "unsubscribed", "")] == [
        (row["person"], row["type"], row["url"]) for row in rows
    ]
    assert {(campaign.id, "Vacatures")} == {(row["campaign"], row["title"]) for row in rows}
    assert "'=cmd()" == rows[1]["reason"]


def test_a_sync_that_fails_says_so(campaign: Campaign) -> None:
    campaign.send()
    campaign.sandbox.revoke_key()

    one, every = campaign.cli("campaigns", "sync", campaign.id), campaign.cli("campaigns", "sync")

    assert (1, 1) == (one.code, every.code)
    assert "API Key Invalid" in one.err
    assert "API Key Invalid" in every.err
