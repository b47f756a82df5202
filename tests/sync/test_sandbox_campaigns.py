"""What a live account does with campaigns, the sandbox does too."""

import pytest

from gateway.sandbox import Options
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, START, Api, Body, act, draft, status_of
from tests.sync.contract import contract


def test_fake_17_a_draft_has_never_been_sent(api: Api, audience: str) -> None:
    campaign = api.get(f"/campaigns/{draft(api, audience)}")

    assert campaign["status"] == "save"
    assert campaign["send_time"] == ""


def test_fake_18_the_template_of_a_draft_changes_in_name_only(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    campaign = draft(api, audience)
    other = sandbox.add_template("Other")
    sandbox.account.templates[other].html = "<p>Other</p>"
    content = api.get(f"/campaigns/{campaign}/content")["html"]
    settings = {"subject_line": "x", "from_name": "x", "reply_to": "x@crm.test"}

    changed = api.patch(f"/campaigns/{campaign}", {"settings": {**settings, "template_id": other}})
    api.put(f"/campaigns/{campaign}/content", {"html": "<p>mine</p>"})

    assert changed["settings"]["template_id"] == other
    assert content == api.get(f"/campaigns/{campaign}/content")["html"]


def test_fake_19_a_template_of_the_new_builder_brings_a_dummy(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    modern = sandbox.add_template("Modern", content_type="multichannel")
    campaign = draft(api, audience, template_id=None)

    api.put(f"/campaigns/{campaign}/content", {"template": {"id": modern}})

    checklist = api.get(f"/campaigns/{campaign}/send-checklist")
    errors = [item["heading"] for item in checklist["items"] if item["type"] == "error"]
    assert errors == ["Content"]


def test_fake_20_the_checklist_says_what_is_missing(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    settings = dict.fromkeys(("subject_line", "from_name", "template_id"))
    campaign = draft(api, audience, reply_to="office@elsewhere.test", **settings)

    checklist = api.get(f"/campaigns/{campaign}/send-checklist")

    assert not checklist["is_ready"]
    headings = [item["heading"] for item in checklist["items"] if item["type"] == "error"]
    assert headings == ["Recipients", "Subject line", "From name", "Sender", "Content"]
    sandbox.add_member(audience, ANN)
    assert api.get(f"/campaigns/{draft(api, audience)}/send-checklist")["is_ready"]


def test_fake_21_only_what_is_ready_is_sent_and_only_once(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    campaign = draft(api, audience)
    path = f"/campaigns/{campaign}/actions/send"

    not_ready = api.refused("POST", path)
    sandbox.add_member(audience, ANN)
    act(api, campaign, "send")
    again = api.refused("POST", path)

    assert not_ready["detail"] == again["detail"] == "Your Campaign is not ready to send."


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-02T10:05:00+00:00",
        "2026-11-02T10:15:30+00:00",
        "2026-11-02T09:00:00+00:00",
        "2026-11-01T10:00:00+00:00",
    ],
)
def test_fake_22_a_wrong_time_is_refused_without_a_reason(
    api: Api, sandbox: ScriptedSandbox, audience: str, at: str
) -> None:
    sandbox.add_member(audience, ANN)
    path = f"/campaigns/{draft(api, audience)}/actions/schedule"

    problem = api.refused("POST", path, {"schedule_time": at})

    assert problem["status"] == 400
    assert problem["detail"] == "This campaign cannot be scheduled: ."


TEN = {"schedule_time": "2026-11-02T10:00:00+00:00"}


def test_fake_22_what_is_not_ready_is_not_scheduled(api: Api, audience: str) -> None:
    problem = api.refused("POST", f"/campaigns/{draft(api, audience)}/actions/schedule", TEN)

    assert problem["detail"] == "This campaign cannot be scheduled: ."


def test_fake_23_a_scheduled_campaign_leaves_when_its_time_has_come(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    campaign = draft(api, audience)
    statuses = [status_of(api, campaign)]

    act(api, campaign, "schedule", TEN)
    statuses.append(status_of(api, campaign))
    sandbox.opt_out(audience, BOB)
    sandbox.advance(hours=1)
    statuses.append(status_of(api, campaign))
    sandbox.add_member(audience, "late@crm.test")
    sandbox.advance(minutes=1)
    statuses.append(status_of(api, campaign))

    assert statuses == ["save", "schedule", "sending", "sent"]
    sent = api.get(f"/campaigns/{campaign}")
    assert sent["send_time"] == TEN["schedule_time"]
    recipients = api.get(f"/reports/{campaign}/sent-to")["sent_to"]
    assert [recipient["email_address"] for recipient in recipients] == [ANN]


def test_fake_23_an_unscheduled_campaign_stays(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    campaign = draft(api, audience)

    act(api, campaign, "schedule", TEN)
    act(api, campaign, "unschedule")
    sandbox.advance(hours=2)

    assert status_of(api, campaign) == "save"
    assert api.refused("POST", f"/campaigns/{campaign}/actions/unschedule")["status"] == 400


def test_fake_23_some_plans_freeze_the_segment_when_it_is_scheduled(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.options.snapshots_segments = True
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    made = api.post(f"/lists/{audience}/segments", {"name": "crm-1", "static_segment": [ANN, BOB]})
    campaign = draft(api, audience)
    recipients = {"list_id": audience, "segment_opts": {"saved_segment_id": made["id"]}}
    settings = {"subject_line": "x", "from_name": "x", "reply_to": "x@crm.test"}
    api.patch(f"/campaigns/{campaign}", {"settings": settings, "recipients": recipients})

    act(api, campaign, "schedule", TEN)
    api.post(f"/lists/{audience}/segments/{made['id']}", {"members_to_remove": [BOB]})
    sandbox.advance(hours=2)

    assert api.get(f"/reports/{campaign}")["emails_sent"] == 2


def test_fake_24_the_plan_refuses_what_it_does_not_include(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.options.may_schedule = False
    sandbox.add_member(audience, ANN)
    campaign = draft(api, audience)

    schedule = api.refused("POST", f"/campaigns/{campaign}/actions/schedule", TEN)
    act(api, campaign, "send")
    cancel = api.refused("POST", f"/campaigns/{campaign}/actions/cancel-send")
    sandbox.options.may_cancel = True
    act(api, campaign, "cancel-send")
    sandbox.advance(hours=1)

    assert schedule["status"] == cancel["status"] == 403
    assert status_of(api, campaign) == "canceled"


def test_fake_24_the_plan_limits_the_audiences() -> None:
    with ScriptedSandbox(
        start=START, check=contract(), options=Options(max_audiences=1)
    ) as sandbox:
        api = Api(sandbox)
        body = sandbox.account.audience(sandbox.furnish()).body

        constraints = api.get("/lists")["constraints"]
        problem = api.refused("POST", "/lists", body)
        sandbox.options.max_audiences = 2
        made = api.post("/lists", body)
        api.session.close()

    assert constraints == {
        "may_create": False,
        "max_instances": 1,
        "current_total_instances": 1,
    }
    assert problem["status"] == 403
    assert made["name"] == "CRM users"
    assert not sandbox.violations


def test_fake_25_a_campaign_is_not_deleted_while_it_is_sent(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    campaign = draft(api, audience)
    act(api, campaign, "send")

    problem = api.refused("DELETE", f"/campaigns/{campaign}")
    sandbox.advance(minutes=5)
    deleted = api.call("DELETE", f"/campaigns/{campaign}")

    assert problem["status"] == 405
    assert deleted.status_code == 204
    assert api.refused("GET", f"/campaigns/{campaign}")["status"] == 404


def test_fake_26_an_action_answers_204_without_body_or_type(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    url = f"{sandbox.url}/campaigns/{draft(api, audience)}/actions/send"

    answer = api.session.post(
        url, data=b"null", headers={"Content-Type": "application/json"}, timeout=10
    )

    assert answer.status_code == 204
    assert not answer.content
    assert "Content-Type" not in answer.headers


def test_campaigns_are_found_by_their_time_of_creation(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    first = draft(api, audience)
    sandbox.advance(minutes=1)
    second = draft(api, audience)

    def found(**query: str) -> list[str]:
        return [each["id"] for each in api.get("/campaigns", **query)["campaigns"]]

    assert found(since_create_time="2026-11-02T09:00:00+00:00") == [second]
    assert found(before_create_time="2026-11-02T09:00:00+00:00") == [first]
    assert found(sort_field="create_time", sort_dir="DESC") == [second, first]
    assert found(status="sent") == []


@pytest.mark.parametrize(
    ("recipients", "settings"),
    [
        ({"list_id": "nosuch"}, {}),
        ({"list_id": "{audience}", "segment_opts": {"saved_segment_id": 1}}, {}),
        ({"list_id": "{audience}"}, {"template_id": 1}),
    ],
)
def test_a_campaign_refers_to_what_exists(
    api: Api, audience: str, recipients: Body, settings: Body
) -> None:
    list_id = recipients["list_id"].format(audience=audience)
    body = {
        "type": "regular",
        "recipients": {**recipients, "list_id": list_id},
        "settings": settings,
    }

    assert api.refused("POST", "/campaigns", body)["title"] == "Invalid Resource"


def test_a_test_mail_needs_content(api: Api, audience: str) -> None:
    body = {"test_emails": ["office@crm.test"], "send_type": "html"}

    act(api, draft(api, audience), "test", body)
    empty = draft(api, audience, template_id=None)

    assert api.refused("POST", f"/campaigns/{empty}/actions/test", body)["status"] == 400
