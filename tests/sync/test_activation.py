"""Activation: what campaigns need is found or made, as often as it is asked (S2)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gateway.core.people.people import Group, PersonKind
from gateway.sandbox import SandboxFault
from gateway.store.campaigns import audiences, opt_outs
from gateway.store.engine.database import Database
from gateway.sync import readiness
from gateway.sync.activation import ActivationStep, CannotActivate, StepResult
from gateway.sync.mailchimp.errors import NotAuthorised
from gateway.sync.readiness import NotReady
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import START
from tests.sync.asking import asking
from tests.sync.contract import contract
from tests.sync.mailchimp_rig import CONTACT, MailchimpRig, candidate
from tests.sync.scripted import JSON, Reply


def did(steps: list[ActivationStep]) -> dict[str, list[StepResult]]:
    found: dict[str, list[StepResult]] = {}
    for step in steps:
        found.setdefault(step.what, []).append(step.did)
    return found


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[MailchimpRig]:
    """A CRM before an account without any audience."""
    with ScriptedSandbox(start=START, check=contract()) as sandbox:
        database = Database(f"sqlite:///{tmp_path}/gateway.db")
        database.prepare()
        rig = MailchimpRig(database, sandbox)
        sandbox.delete_audience(rig.audience)
        yield rig
        rig.close()
        database.close()
        assert not sandbox.violations


def test_all_that_campaigns_need_is_made_and_found_again(empty: MailchimpRig) -> None:
    made = did(empty.activate())
    found = did(empty.activate())

    (audience,) = empty.sandbox.account.audiences.values()
    assert audience.body["name"] == "CRM users"
    tags = [field.tag for field in audience.merge_fields]
    assert {"FNAME", "LNAME", "OWNERNAME", "OWNEREMAIL"} <= set(tags)
    assert len(tags) == len(set(tags))
    assert made["audience"] == [StepResult.MADE]
    assert made["candidate group"] == made["contact group"] == [StepResult.MADE]
    assert {StepResult.FOUND} == {each for some in found.values() for each in some}
    with empty.database.reading() as connection:
        for kind in PersonKind:
            group = opt_outs.group(connection, kind)
            assert group
            assert (group.name, group.tag) == ("MailChimp opt-out", "NoMailChimpMailingsTag")
        active = audiences.active(connection)
    assert active
    assert active.id == audience.id


def test_a_gateway_without_a_name_on_the_internet_borrows_one(empty: MailchimpRig) -> None:
    empty.wishes = replace(empty.wishes, from_email="postmaster@[127.0.0.1]")

    empty.activate()

    (audience,) = empty.sandbox.account.audiences.values()
    assert audience.body["campaign_defaults"]["from_email"] == "noreply@crm.test"


def test_a_dry_run_changes_nothing_anywhere(empty: MailchimpRig) -> None:
    steps = did(empty.activate(dry_run=True))

    assert steps["audience"] == [StepResult.WOULD_MAKE]
    assert steps["merge field"] == [StepResult.WOULD_MAKE] * 4
    assert steps["contact group"] == [StepResult.WOULD_MAKE]
    assert not empty.sandbox.account.audiences
    assert {"GET"} == {call.method for call in empty.sandbox.calls}
    with empty.database.reading() as connection:
        assert audiences.active(connection) is None
        assert opt_outs.group(connection, PersonKind.CANDIDATE) is None


def test_groups_of_the_crm_that_bear_the_tag_are_adopted(rig: MailchimpRig) -> None:
    old = Group(kind=PersonKind.CANDIDATE, crm_id="1", tag=opt_outs.TAG, active=False)
    rig.tell("groups", [old])
    rig.group("77", candidate("ann"), tag=opt_outs.TAG)

    steps = did(rig.activate())

    assert steps["candidate group"] == [StepResult.FOUND]
    assert steps["contact group"] == [StepResult.MADE]
    with rig.database.reading() as connection:
        adopted = opt_outs.group(connection, PersonKind.CANDIDATE)
    assert adopted
    assert adopted.crm_id == "77"


@pytest.mark.parametrize("wanted", ["id", "name"])
def test_an_audience_is_chosen_by_id_or_name(rig: MailchimpRig, wanted: str) -> None:
    other = rig.sandbox.add_audience("Newsletter")
    audience = other if wanted == "id" else "Newsletter"
    rig.wishes = replace(rig.wishes, audience=audience, contact=None)

    rig.activate()

    with rig.database.reading() as connection:
        active = audiences.active(connection)
    assert active
    assert active.id == other


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_mistyped_audience_makes_none(rig: MailchimpRig, dry_run: bool) -> None:
    rig.sandbox.add_audience("Newsletter")
    rig.wishes = replace(rig.wishes, audience="Newsleter")

    with pytest.raises(
        CannotActivate, match=r"no audience 'Newsleter' \(there are: .*Newsletter\)"
    ):
        rig.activate(dry_run=dry_run)

    assert len(rig.sandbox.account.audiences) == 2


def test_the_first_audience_of_an_account_is_made_with_its_name(empty: MailchimpRig) -> None:
    empty.wishes = replace(empty.wishes, audience="CRM")

    empty.activate()

    (audience,) = empty.sandbox.account.audiences.values()
    assert audience.body["name"] == "CRM"


def test_an_audience_that_may_not_be_made_is_told_with_the_cure(empty: MailchimpRig) -> None:
    empty.wishes = replace(empty.wishes, contact=None)
    with pytest.raises(CannotActivate, match="audience_contact"):
        empty.activate()

    empty.sandbox.add_audience("One")
    empty.sandbox.options.max_audiences = 1
    empty.wishes = replace(empty.wishes, contact=CONTACT)
    with pytest.raises(CannotActivate, match=r"plan allows no audience besides One"):
        empty.activate()


@pytest.mark.parametrize(
    "fault", [SandboxFault.DROPPED, SandboxFault.BAD_GATEWAY, SandboxFault.BLOCKED]
)
def test_m2_what_was_made_and_not_answered_is_not_made_twice(
    empty: MailchimpRig, fault: SandboxFault
) -> None:
    empty.sandbox.faults.add(fault, method="POST", path="^/lists$")
    empty.sandbox.faults.add(fault, method="POST", path="merge-fields")

    empty.activate()

    (audience,) = empty.sandbox.account.audiences.values()
    tags = [field.tag for field in audience.merge_fields]
    assert sorted(tags) == sorted(set(tags))
    assert "OWNEREMAIL" in tags


def test_m9_a_revoked_key_is_told(rig: MailchimpRig) -> None:
    rig.sandbox.revoke_key()

    with pytest.raises(NotAuthorised):
        rig.activate()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


@pytest.fixture
def public_url() -> Iterator[str]:
    """A web server that answers where Mailchimp looks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_webhook_is_registered_where_the_gateway_can_be_reached(
    sandbox: ScriptedSandbox, tmp_path: Path, public_url: str
) -> None:
    sandbox.options.signs_webhooks = True
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    rig = MailchimpRig(database, sandbox, public_url=public_url)

    first, second = did(rig.activate()), did(rig.activate())

    (hook,) = sandbox.account.audience(rig.audience).webhooks.values()
    assert hook.url.startswith(f"{public_url}/mailchimp/webhook/")
    assert hook.events["unsubscribe"]
    assert not hook.sources["api"]
    with database.reading() as connection:
        kept = audiences.active(connection)
    assert kept
    assert (kept.webhook, kept.webhook_url, kept.webhook_secret) == (hook.id, hook.url, hook.secret)
    assert first["webhook"] == [StepResult.MADE]
    assert second["webhook"] == [StepResult.FOUND]
    rig.close()
    database.close()


def test_a_webhook_nobody_answers_for_is_told_and_the_rest_is_done(
    sandbox: ScriptedSandbox, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    rig = MailchimpRig(database, sandbox, public_url="http://127.0.0.1:1")

    steps = rig.activate()

    assert steps[-1].did is StepResult.FAILED
    assert "polled" in steps[-1].text
    with database.reading() as connection:
        assert audiences.active(connection)
    rig.close()
    database.close()


# What must be there before a first campaign.


def missing(rig: MailchimpRig) -> set[str]:
    with rig.database.reading() as connection:
        audience = audiences.active(connection)
    found = readiness.account_standing(rig.client, audience).prerequisites()
    return {each.name for each in found if not each.is_met}


def test_the_documents_prerequisites_are_listed_until_they_are_met(rig: MailchimpRig) -> None:
    account = rig.sandbox.account
    account.templates.clear()
    account.domains.clear()
    everything = {"activated", "template", "domain_verified", "domain_authenticated"}
    assert missing(rig) == everything

    rig.activate()
    rig.sandbox.add_template("New", content_type="multichannel")
    rig.sandbox.add_domain("crm.test", verified=False, authenticated=False)
    assert missing(rig) == everything - {"activated"}

    rig.sandbox.add_template("Classic")
    rig.sandbox.add_domain("crm.test", verified=True, authenticated=False)
    assert missing(rig) == {"domain_authenticated"}

    rig.sandbox.add_domain("crm.test")
    assert missing(rig) == set()


def test_an_audience_that_is_gone_at_mailchimp_is_missing(active: MailchimpRig) -> None:
    active.sandbox.delete_audience(active.audience)

    assert missing(active) == {"activated"}
    with pytest.raises(NotReady, match="was deleted at Mailchimp: gateway mailchimp activate"):
        active.campaign()


@pytest.mark.parametrize(
    ("kind", "usable"), [("user", True), ("base", False), ("gallery", False), ("string", True)]
)
def test_a_template_is_the_accounts_own_unless_it_says_otherwise(kind: str, usable: bool) -> None:
    template = {"id": 7, "name": "Letter", "type": kind, "content_type": "template"}
    body = {"templates": [template], "domains": []}

    with asking(Reply(200, json.dumps(body).encode(), JSON)) as (client, _):
        (found,) = readiness.account_standing(client, None).templates

    assert (found.fault == "") is usable
