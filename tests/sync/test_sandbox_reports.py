"""What a live account reports, the sandbox reports too."""

from datetime import timedelta

import pytest

from gateway.sandbox import Options
from gateway.sync.mailchimp.client import member_id
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, START, Api, act, draft, member_path
from tests.sync.contract import contract

NINE_TWO = "2026-11-02T09:02:00+00:00"


@pytest.fixture
def campaign(api: Api, sandbox: ScriptedSandbox, audience: str) -> str:
    """A campaign sent at nine to Ann and Bob; it is 9:01."""
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    campaign = draft(api, audience)
    act(api, campaign, "send")
    sandbox.advance(minutes=1)
    return campaign


def activity(api: Api, campaign: str, **query: str) -> dict[str, list[dict[str, str]]]:
    emails = api.get(f"/reports/{campaign}/email-activity", **query)["emails"]
    return {email["email_address"]: email["activity"] for email in emails}


def test_fake_27_every_recipient_comes_and_since_cuts_the_activity_only(
    api: Api, sandbox: ScriptedSandbox, campaign: str
) -> None:
    sandbox.advance(minutes=1)
    sandbox.open(campaign, ANN)

    until_then = activity(api, campaign, since="2026-11-02T09:01:59+00:00")
    from_then = activity(api, campaign, since=NINE_TWO)

    assert {who: len(what) for who, what in until_then.items()} == {ANN: 1, BOB: 0}
    assert from_then == {ANN: [], BOB: []}
    assert api.get(f"/reports/{campaign}/email-activity", count=1)["total_items"] == 2


def test_fake_28_events_bear_what_belongs_to_them(
    api: Api, sandbox: ScriptedSandbox, campaign: str
) -> None:
    sandbox.open(campaign, ANN)
    sandbox.click(campaign, ANN, "https://www.crm.test/1")
    sandbox.bounce(campaign, BOB, "soft")

    found = activity(api, campaign)

    at, ip = "2026-11-02T09:01:00+00:00", "198.51.100.7"
    assert found[ANN] == [
        {"action": "open", "timestamp": at, "ip": ip},
        {"action": "click", "timestamp": at, "url": "https://www.crm.test/1", "ip": ip},
    ]
    assert found[BOB] == [{"action": "bounce", "timestamp": at, "type": "soft"}]


def test_fake_29_only_the_first_bounce_counts_and_a_hard_one_cleans(
    api: Api, sandbox: ScriptedSandbox, audience: str, campaign: str
) -> None:
    sandbox.open(campaign, BOB, at=START + timedelta(seconds=4), proxy=True)
    sandbox.bounce(campaign, BOB, at=START + timedelta(seconds=8))
    sandbox.bounce(campaign, BOB)

    actions = [each["action"] for each in activity(api, campaign)[BOB]]

    assert actions == ["open", "bounce"]
    assert api.get(member_path(audience, BOB))["status"] == "cleaned"
    assert api.get(f"/reports/{campaign}")["bounces"]["hard_bounces"] == 1
    sent_to = api.get(f"/reports/{campaign}/sent-to")["sent_to"]
    assert [each["status"] for each in sent_to] == ["sent", "hard"]


def test_fake_30_an_unsubscribe_is_everywhere_but_in_the_activity(
    api: Api, sandbox: ScriptedSandbox, audience: str, campaign: str
) -> None:
    sandbox.unsubscribe(campaign, ANN, "No longer interested")
    sandbox.unsubscribe(campaign, ANN, "No longer interested")

    left = api.get(f"/reports/{campaign}/unsubscribed")

    assert activity(api, campaign)[ANN] == []
    assert api.get(f"/reports/{campaign}")["unsubscribed"] == 1
    assert api.get(member_path(audience, ANN))["status"] == "unsubscribed"
    assert left["total_items"] == 1
    assert left["unsubscribes"][0]["email_id"] == member_id(ANN)
    assert left["unsubscribes"][0]["reason"] == "No longer interested"
    assert left["unsubscribes"][0]["timestamp"] == "2026-11-02T09:01:00+00:00"


def test_fake_31_the_last_open_and_click_are_empty_until_there_is_one(
    api: Api, sandbox: ScriptedSandbox, campaign: str
) -> None:
    before = api.get(f"/reports/{campaign}")
    sandbox.bounce(campaign, BOB, "soft")
    bounced = api.get(f"/reports/{campaign}")
    sandbox.advance(minutes=1)
    sandbox.open(campaign, ANN)
    sandbox.click(campaign, ANN)
    after = api.get(f"/reports/{campaign}")

    assert (before["opens"]["last_open"], before["clicks"]["last_click"]) == ("", "")
    assert bounced["bounces"]["soft_bounces"] == 1
    assert (bounced["opens"]["last_open"], bounced["clicks"]["last_click"]) == ("", "")
    assert (after["opens"]["last_open"], after["clicks"]["last_click"]) == (NINE_TWO, NINE_TWO)


def test_fake_32_a_draft_has_no_activity_and_no_report(
    api: Api, audience: str, campaign: str
) -> None:
    unsent = draft(api, audience)

    assert api.get(f"/reports/{unsent}/email-activity")["emails"] == []
    assert [each["id"] for each in api.get("/reports")["reports"]] == [campaign]
    assert api.refused("GET", f"/reports/{unsent}")["status"] == 404


def test_reports_can_be_asked_for_by_field_and_by_time(api: Api, campaign: str) -> None:
    fields = "reports.id,reports.opens.last_open,total_items"

    found = api.get("/reports", fields=fields, since_send_time="2026-11-02T08:00:00+00:00")
    none = api.get("/reports", since_send_time="2026-11-02T09:00:00+00:00")

    assert found == {"reports": [{"id": campaign, "opens": {"last_open": ""}}], "total_items": 1}
    assert none["reports"] == []


def test_fake_33_events_show_after_a_while(
    api: Api, sandbox: ScriptedSandbox, campaign: str
) -> None:
    sandbox.options.visible_after = timedelta(minutes=4)
    sandbox.open(campaign, ANN)
    sandbox.unsubscribe(campaign, BOB)

    sandbox.advance(minutes=3)
    early = (activity(api, campaign)[ANN], api.get(f"/reports/{campaign}")["unsubscribed"])
    sandbox.advance(minutes=1)
    shown = activity(api, campaign)[ANN]

    assert early == ([], 0)
    assert [each["timestamp"] for each in shown] == ["2026-11-02T09:01:00+00:00"]
    assert api.get(f"/reports/{campaign}/unsubscribed")["total_items"] == 1


def test_fake_33_rows_may_change_order_between_calls(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.options.shuffles_pages = True
    for number in range(20):
        sandbox.add_member(audience, f"a{number}@crm.test")
    campaign = draft(api, audience)
    act(api, campaign, "send")

    orders = {tuple(activity(api, campaign, count="20")) for _ in range(3)}

    assert len(orders) == 3
    assert len({frozenset(order) for order in orders}) == 1


def test_fake_34_a_fraction_of_a_second_is_an_internal_error(lax: Api) -> None:
    audience = lax.sandbox.furnish()
    since = "2026-11-02T09:00:00.5+00:00"

    problem = lax.refused("GET", f"/reports/{draft(lax, audience)}/email-activity", since=since)

    assert problem["status"] == 500


def test_fake_35_opens_by_a_proxy_are_told_from_the_others(
    api: Api, sandbox: ScriptedSandbox, campaign: str
) -> None:
    sandbox.open(campaign, ANN, proxy=True)
    sandbox.advance(minutes=1)
    sandbox.open(campaign, ANN)
    sandbox.open(campaign, BOB, proxy=True)

    details = api.get(f"/reports/{campaign}/open-details")
    newest = api.get(f"/reports/{campaign}/open-details", since="2026-11-02T09:01:00+00:00")
    opens = api.get(f"/reports/{campaign}")["opens"]

    ann, bob = details["members"]
    assert [each["is_proxy_open"] for each in ann["opens"]] == [True, False]
    assert (ann["proxy_excluded_opens_count"], bob["proxy_excluded_opens_count"]) == (1, 0)
    assert (details["total_opens"], details["total_proxy_excluded_opens"]) == (3, 1)
    assert newest["total_opens"] == 2
    assert (opens["opens_total"], opens["unique_opens"]) == (3, 2)
    assert (opens["proxy_excluded_opens"], opens["proxy_excluded_unique_opens"]) == (1, 1)


def test_links_are_counted_and_so_are_those_who_clicked_them(
    api: Api, sandbox: ScriptedSandbox, campaign: str
) -> None:
    for address, url in ((ANN, "https://a.test"), (BOB, "https://a.test"), (ANN, "https://b.test")):
        sandbox.click(campaign, address, url)

    first, second = api.get(f"/reports/{campaign}/click-details")["urls_clicked"]
    clickers = api.get(f"/reports/{campaign}/click-details/{first['id']}/members")

    assert (first["url"], first["total_clicks"], first["unique_clicks"]) == ("https://a.test", 2, 2)
    assert (second["url"], second["total_clicks"]) == ("https://b.test", 1)
    assert [each["email_address"] for each in clickers["members"]] == [ANN, BOB]


def test_the_recipients_of_a_lively_account_react_by_themselves() -> None:
    with ScriptedSandbox(start=START, check=contract(), options=Options(lively=True)) as sandbox:
        api, audience = Api(sandbox), sandbox.furnish()
        for number in range(300):
            sandbox.add_member(audience, f"a{number}@crm.test")
        campaign = draft(api, audience)
        act(api, campaign, "send")
        sandbox.advance(minutes=5)
        early = api.get(f"/reports/{campaign}")
        sandbox.advance(days=3)
        late = api.get(f"/reports/{campaign}")
        api.session.close()

    assert early["opens"]["opens_total"] < late["opens"]["opens_total"]
    assert 90 < late["opens"]["unique_opens"] < 180
    assert 0 < late["clicks"]["unique_subscriber_clicks"] < late["opens"]["unique_opens"]
    assert late["bounces"]["hard_bounces"] + late["bounces"]["soft_bounces"] > 0
    assert late["unsubscribed"] > 0
    assert not sandbox.violations
