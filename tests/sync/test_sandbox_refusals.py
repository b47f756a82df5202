"""What the sandbox refuses and how it stands what staff do to an account meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.sandbox import SandboxFault
from gateway.sandbox.account import Clock
from gateway.sync.mailchimp.client import member_id
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, START, Api, Body, act, draft, member_path, status_of

SEGMENT = {"name": "crm-1", "static_segment": [ANN]}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/lists", {"name": "CRM"}, "contact"),
        ("/lists/{audience}/merge-fields", {"name": "Owner"}, "type"),
        ("/lists/{audience}/webhooks", {}, "url"),
        ("/lists/{audience}/segments", {"static_segment": []}, "name"),
        ("/lists/{audience}/members", {"email_address": ANN}, "status"),
        ("/campaigns", {"type": "rss"}, "type"),
        ("/campaigns/{campaign}/actions/test", {"test_emails": []}, "test_emails"),
        ("/campaigns/{campaign}/actions/schedule", {"schedule_time": "soon"}, "schedule_time"),
    ],
)
def test_what_is_missing_or_wrong_is_named(lax: Api, path: str, body: Body, field: str) -> None:
    audience = lax.sandbox.furnish()
    campaign = draft(lax, audience)

    problem = lax.refused("POST", path.format(audience=audience, campaign=campaign), body)

    assert problem["title"] == "Invalid Resource"
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "path",
    ["/nosuch", "/lists/nosuch", "/lists/{audience}/segments/7", "/lists/{audience}/segments/x"],
)
def test_what_is_not_there_is_not_found(lax: Api, path: str) -> None:
    audience = lax.sandbox.furnish()

    assert lax.refused("GET", path.format(audience=audience))["status"] == 404


def test_a_segment_needs_a_name_of_its_own(api: Api, audience: str) -> None:
    api.post(f"/lists/{audience}/segments", SEGMENT)

    problem = api.refused("POST", f"/lists/{audience}/segments", SEGMENT)

    assert "already exists" in problem["detail"]


def test_a_segment_of_options_is_saved_and_no_tag(api: Api, audience: str) -> None:
    options = {"match": "any", "conditions": []}

    made = api.post(f"/lists/{audience}/segments", {"name": "all", "options": options})

    assert made["type"] == "saved"
    assert api.get(f"/lists/{audience}/tag-search", name="all")["tags"] == []


def test_only_who_is_inside_is_taken_out_and_only_who_is_there_put_in(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, BOB)
    made = api.post(f"/lists/{audience}/segments", SEGMENT)
    path = f"/lists/{audience}/segments/{made['id']}"

    removed = api.post(path, {"members_to_remove": [ANN, BOB]})
    renamed = api.patch(path, {"name": "crm-2"})
    refilled = api.patch(path, {"name": "crm-2", "static_segment": [ANN]})

    assert removed["total_removed"] == 0
    assert (renamed["name"], refilled["member_count"]) == ("crm-2", 0)


def test_an_address_moves_with_its_tags_unless_it_is_taken(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    made = api.post(f"/lists/{audience}/segments", SEGMENT)
    path = member_path(audience, ANN)

    taken = api.refused("PATCH", path, {"email_address": BOB})
    moved = api.patch(path, {"email_address": "anna@crm.test"})

    assert taken["title"] == "Member Exists"
    assert member_id("anna@crm.test") == moved["id"]
    inside = api.get(f"/lists/{audience}/segments/{made['id']}/members")["members"]
    assert [each["email_address"] for each in inside] == ["anna@crm.test"]
    assert api.call("GET", path).status_code == 404


def test_who_is_forgotten_leaves_its_segments(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    made = api.post(f"/lists/{audience}/segments", SEGMENT)

    sandbox.forget(audience, ANN)

    assert api.get(f"/lists/{audience}/segments/{made['id']}")["member_count"] == 0


def test_a_tag_a_member_does_not_have_is_no_loss(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    path = member_path(audience, ANN) + "/tags"
    api.post(path, {"tags": [{"name": "red", "status": "active"}]})

    api.post(path, {"tags": [{"name": "blue", "status": "inactive"}]})

    assert api.get(path)["total_items"] == 1


def test_merge_values_need_not_be_texts(api: Api, audience: str) -> None:
    body = {"email_address": ANN, "status_if_new": "subscribed", "merge_fields": {"LNAME": 7}}

    made = api.put(member_path(audience, ANN), body)

    assert made["merge_fields"]["LNAME"] == 7


def test_members_are_sorted_by_when_they_signed_up(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    sandbox.advance(minutes=1)
    sandbox.add_member(audience, BOB)

    path = f"/lists/{audience}/members"
    members = api.get(path, sort_field="timestamp_signup", sort_dir="DESC")["members"]

    assert [each["email_address"] for each in members] == [BOB, ANN]


def test_a_draft_without_template_takes_html(api: Api, audience: str) -> None:
    campaign = draft(api, audience, template_id=None)

    content = api.put(f"/campaigns/{campaign}/content", {"html": "<p>Hi</p>"})

    assert content["html"] == "<p>Hi</p>"


def test_exclude_fields_may_name_what_is_not_there(api: Api, audience: str) -> None:
    shown = api.get(f"/lists/{audience}", exclude_fields="name.first,nosuch.x,stats")

    assert shown["name"] == "CRM users"
    assert "stats" not in shown


TEN = {"schedule_time": "2026-11-02T10:00:00+00:00"}


def test_a_scheduled_campaign_nobody_is_left_for_is_paused(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    campaign = draft(api, audience)
    act(api, campaign, "schedule", TEN)
    sandbox.opt_out(audience, ANN)

    sandbox.advance(hours=1)

    assert status_of(api, campaign) == "paused"


def test_an_audience_may_go_while_its_campaigns_stay(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    sent, waiting = draft(api, audience), draft(api, audience)
    act(api, waiting, "schedule", TEN)
    act(api, sent, "send")

    sandbox.delete_audience(audience)
    sandbox.advance(hours=2)

    assert (status_of(api, sent), status_of(api, waiting)) == ("sent", "paused")


def test_a_deleted_campaign_does_not_leave(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    campaign = draft(api, audience)
    act(api, campaign, "schedule", TEN)
    api.call("DELETE", f"/campaigns/{campaign}")

    sandbox.advance(hours=2)

    assert api.get("/reports")["reports"] == []


def test_a_fault_waits_for_its_call(api: Api, sandbox: ScriptedSandbox, audience: str) -> None:
    sandbox.faults.add(SandboxFault.EMPTY_429, method="POST")

    assert api.get(f"/lists/{audience}")["id"] == audience
    assert api.call("POST", "/lists").status_code == 429


def test_the_clock_runs_by_itself_unless_it_is_held() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    running, held = Clock(), Clock(START)

    running.advance(timedelta(days=1))
    held.advance(timedelta(days=1))

    assert before + timedelta(days=1) <= running.now() <= datetime.now(UTC) + timedelta(days=1)
    assert START + timedelta(days=1) == held.now()
