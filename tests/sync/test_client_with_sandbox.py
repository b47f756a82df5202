"""The client against an account that keeps state: what it asks, and what survives a fault."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from gateway.sandbox import SandboxFault
from gateway.sync.mailchimp.client import MailchimpClient, member_id
from gateway.sync.mailchimp.errors import (
    AnswerLost,
    ComplianceState,
    Forgotten,
    InvalidResource,
    MailchimpNotFound,
    MailchimpRefused,
    NotAllowed,
    NotAuthorised,
    SignupsLimited,
    is_passing,
)
from gateway.sync.mailchimp.transport import MailchimpLimits
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, START, Api, until

LOST = [SandboxFault.HANG, SandboxFault.DROPPED, SandboxFault.CUT, SandboxFault.BAD_GATEWAY]


@contextmanager
def client_of(sandbox: ScriptedSandbox, limits: MailchimpLimits) -> Iterator[MailchimpClient]:
    client = MailchimpClient(
        "0123456789abcdef-us1", base_url=sandbox.url, limits=limits, sleep=lambda _: None
    )
    yield client
    client.close()


@pytest.fixture
def client(sandbox: ScriptedSandbox) -> Iterator[MailchimpClient]:
    """A client that does not sleep."""
    with client_of(sandbox, MailchimpLimits(attempts=3)) as client:
        yield client


@pytest.fixture
def hasty(sandbox: ScriptedSandbox) -> Iterator[MailchimpClient]:
    """A client that does not wait long for an answer."""
    with client_of(
        sandbox, MailchimpLimits(attempts=3, read_timeout=timedelta(seconds=0.5))
    ) as client:
        yield client


def campaign_body(client: MailchimpClient, audience: str, segment: int) -> dict[str, Any]:
    return {
        "type": "regular",
        "recipients": {"list_id": audience, "segment_opts": {"saved_segment_id": segment}},
        "settings": {
            "subject_line": "Vacatures",
            "title": "Vacatures crm-1",
            "from_name": "CRM",
            "reply_to": "office@crm.test",
            "template_id": client.templates()[0]["id"],
        },
    }


@pytest.fixture
def campaign(client: MailchimpClient, sandbox: ScriptedSandbox, audience: str) -> str:
    """A draft for Ann and Bob that is ready to send."""
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    segment = client.create_segment(audience, "crm-1")["id"]
    client.change_segment(audience, segment, add=[ANN, BOB])
    campaign_id: str = client.create_campaign(campaign_body(client, audience, segment))["id"]
    return campaign_id


def new(*addresses: str) -> list[dict[str, str]]:
    return [{"email_address": address, "status": "subscribed"} for address in addresses]


def test_an_audience_is_set_up(
    client: MailchimpClient, sandbox: ScriptedSandbox, audience: str
) -> None:
    client.ping()
    body = sandbox.account.audience(audience).body
    made = client.create_audience(body)["id"]
    client.add_merge_field(made, tag="OWNEREMAIL", name="Owner's e-mail")

    assert [audience, made] == [each["id"] for each in client.audiences()["lists"]]
    assert client.audience(made)["name"] == "CRM users"
    tags = [each["tag"] for each in client.merge_fields(made)]
    assert tags == ["FNAME", "LNAME", "OWNEREMAIL"]
    assert [each["domain"] for each in client.sender_domains()] == ["crm.test"]
    assert client.webhooks(made) == []
    with pytest.raises(InvalidResource, match="did not answer"):
        client.create_webhook(made, "http://127.0.0.1:1/hook", {"unsubscribe", "cleaned"})


def test_members_are_added_updated_and_read(
    client: MailchimpClient, sandbox: ScriptedSandbox, audience: str
) -> None:
    added = client.add_members(audience, new(ANN, BOB))
    sandbox.advance(minutes=1)
    body = {
        "email_address": ANN,
        "status_if_new": "subscribed",
        "merge_fields": {"FNAME": "Ann"},
    }
    put = client.put_member(audience, member_id(ANN), body)

    assert added["total_created"] == 2
    assert client.member(audience, put["contact_id"])["merge_fields"]["FNAME"] == "Ann"
    pages = list(client.members(audience, status="subscribed", changed_since=START))
    assert [[each["email_address"] for each in page] for page in pages] == [[ANN]]
    sandbox.opt_out(audience, BOB)
    assert [len(page) for page in client.members(audience, status="unsubscribed")] == [1]


def test_every_page_of_a_large_audience_is_read(lax: Api) -> None:
    audience = lax.sandbox.furnish()
    addresses = {f"a{number}@crm.test" for number in range(2300)}
    for address in addresses:
        lax.sandbox.add_member(audience, address)

    with client_of(lax.sandbox, MailchimpLimits()) as client:
        pages = list(client.members(audience))

    assert [len(page) for page in pages] == [1000, 1000, 300]
    assert addresses == {each["email_address"] for page in pages for each in page}
    assert len(lax.sandbox.calls) == 3


def test_a_campaign_goes_out_and_comes_back(
    client: MailchimpClient, sandbox: ScriptedSandbox, audience: str, campaign: str
) -> None:
    segment = client.segments(audience)[0]["id"]
    client.set_template(campaign, client.templates()[0]["id"])
    assert client.checklist(campaign)["is_ready"]
    client.schedule(campaign, START + timedelta(hours=1))
    client.unschedule(campaign)
    client.schedule(campaign, START + timedelta(hours=2))
    sandbox.advance(hours=3)
    sandbox.open(campaign, ANN, proxy=True)
    sandbox.click(campaign, ANN, "https://www.crm.test/1")
    sandbox.unsubscribe(campaign, BOB)

    assert [len(page) for page in client.segment_members(audience, segment)] == [1]
    assert client.campaign(campaign)["status"] == "sent"
    assert [campaign] == [each["id"] for each in client.campaigns()]
    assert client.report(campaign)["emails_sent"] == 2
    ((counted,),) = client.reports(sent_since=START)
    assert (counted["id"], counted["unsubscribed"]) == (campaign, 1)
    assert counted["clicks"]["last_click"] == "2026-11-02T12:00:00+00:00"
    ann, bob = next(client.email_activity(campaign, since=START))
    assert [each["action"] for each in ann["activity"]] == ["open", "click"]
    assert bob["activity"] == []
    assert next(client.open_details(campaign, since=START))[0]["opens"][0]["is_proxy_open"]
    assert next(client.unsubscribed(campaign))[0]["email_address"] == BOB
    assert client.link(client.campaign(campaign)).startswith("https://us1.admin.mailchimp.com/")
    client.delete_campaign(campaign)
    with pytest.raises(MailchimpNotFound):
        client.campaign(campaign)


def test_M1_fifty_calls_of_twelve_threads_pass_an_overloaded_account(
    sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.options.latency = 0.01
    for fault in (SandboxFault.EMPTY_429, SandboxFault.EMPTY_403, SandboxFault.THROTTLED) * 4:
        sandbox.faults.add(fault, method="POST")
    addresses = [f"a{number}@crm.test" for number in range(50)]

    with (
        client_of(sandbox, MailchimpLimits(attempts=13)) as client,
        ThreadPoolExecutor(12) as threads,
    ):
        answers = list(threads.map(lambda each: client.add_members(audience, new(each)), addresses))

    assert {answer["total_created"] for answer in answers} == {1}
    assert sandbox.most_at_once <= 8


@pytest.fixture
def in_tens(sandbox: ScriptedSandbox, audience: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of 195 members, of whom ten stand on a page."""
    monkeypatch.setattr("gateway.sync.mailchimp.client.PAGE", 10)
    addresses = [f"p{number:03}@crm.test" for number in range(195)]
    for address in addresses:
        sandbox.add_member(audience, address)
    return addresses


def test_pages_come_in_their_order_while_eight_are_asked_for_at_once(
    sandbox: ScriptedSandbox, client: MailchimpClient, audience: str, in_tens: list[str]
) -> None:
    for fault in (SandboxFault.EMPTY_429, SandboxFault.CUT):
        sandbox.faults.add(fault, path="members")

    coming = client.members(audience)
    pages = [next(coming)]
    with ThreadPoolExecutor(1) as threads:
        with sandbox.account.lock:  # Held: no call of the further pages is answered.
            others = threads.submit(list, coming)
            until(lambda: sandbox.most_at_once == 8)
        pages += others.result()

    assert in_tens == [member["email_address"] for page in pages for member in page]
    assert len(sandbox.calls) == 20 + 2
    assert sandbox.most_at_once == MailchimpLimits().connections == 8


def test_who_takes_no_further_page_has_few_asked_for(
    sandbox: ScriptedSandbox, client: MailchimpClient, audience: str, in_tens: list[str]
) -> None:
    pages = client.members(audience)
    next(pages)
    next(pages)
    pages.close()

    assert len(sandbox.calls) <= 1 + 8


def test_a_page_that_is_refused_ends_the_reading(
    sandbox: ScriptedSandbox, client: MailchimpClient, audience: str, in_tens: list[str]
) -> None:
    pages = client.members(audience)
    next(pages)
    sandbox.revoke_key()

    with pytest.raises(NotAuthorised):
        list(pages)


@pytest.mark.parametrize("fault", LOST)
def test_M2_a_put_done_twice_is_done_once(
    hasty: MailchimpClient, sandbox: ScriptedSandbox, audience: str, fault: SandboxFault
) -> None:
    sandbox.faults.add(fault)
    body = {"email_address": ANN, "status_if_new": "subscribed"}

    hasty.put_member(audience, member_id(ANN), body)

    assert [each["email_address"] for page in hasty.members(audience) for each in page] == [ANN]


@pytest.mark.parametrize("fault", LOST)
def test_M2_a_lost_answer_to_new_members_is_found_by_asking_again_later(
    hasty: MailchimpClient, sandbox: ScriptedSandbox, audience: str, fault: SandboxFault
) -> None:
    sandbox.faults.add(fault)
    with pytest.raises(AnswerLost):
        hasty.add_members(audience, new(ANN))

    again = hasty.add_members(audience, new(ANN))

    assert [each["error_code"] for each in again["errors"]] == ["ERROR_CONTACT_EXISTS"]


@pytest.mark.parametrize("fault", LOST)
def test_M2_a_send_whose_answer_was_lost_went_out_once(
    hasty: MailchimpClient, sandbox: ScriptedSandbox, campaign: str, fault: SandboxFault
) -> None:
    sandbox.faults.add(fault, method="POST")
    with pytest.raises(AnswerLost):
        hasty.send(campaign)

    assert hasty.campaign(campaign)["status"] == "sending"
    sends = [each for each in sandbox.calls if each.path.endswith("/send")]
    assert len(sends) == 1


def test_M3_a_blocked_page_is_waited_out(
    client: MailchimpClient, sandbox: ScriptedSandbox, campaign: str
) -> None:
    sandbox.faults.add(SandboxFault.BLOCKED, times=2)

    assert client.campaign(campaign)["status"] == "save"


def test_M4_ten_of_twelve_new_members_come_in_and_the_others_are_named(
    client: MailchimpClient, sandbox: ScriptedSandbox, audience: str
) -> None:
    good = [f"a{number}@crm.test" for number in range(10)]
    sandbox.options.busy_addresses = frozenset({"busy@crm.test"})

    answer = client.add_members(audience, new(*good, "busy@crm.test", "x@example.com"))

    assert answer["total_created"] == 10
    refused = {each["email_address"]: is_passing(each["error"]) for each in answer["errors"]}
    assert refused == {"busy@crm.test": True, "x@example.com": False}


def test_M5_who_is_refused_for_good_is_asked_for_once(
    client: MailchimpClient, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.options.busy_addresses = frozenset({"busy@crm.test"})
    sandbox.add_member(audience, ANN)
    sandbox.opt_out(audience, ANN)
    sandbox.add_member(audience, BOB)
    sandbox.forget(audience, BOB)
    before = len(sandbox.calls)

    for address, error in (
        (ANN, ComplianceState),
        (BOB, Forgotten),
        ("x@example.com", InvalidResource),
        ("busy@crm.test", SignupsLimited),
    ):
        body = {"email_address": address, "status_if_new": "subscribed", "status": "subscribed"}
        with pytest.raises(error):
            client.put_member(audience, member_id(address), body)

    assert len(sandbox.calls) - before == 4


def test_M5_a_required_merge_field_stops_nobody(
    client: MailchimpClient, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.require_merge_field(audience, "LNAME")

    assert client.add_members(audience, new(ANN))["total_created"] == 1
    body = {"email_address": BOB, "status_if_new": "subscribed"}
    assert client.put_member(audience, member_id(BOB), body)["status"] == "subscribed"


def test_M9_a_revoked_key_and_a_deleted_audience_are_told_apart(
    client: MailchimpClient, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.delete_audience(audience)
    with pytest.raises(MailchimpNotFound):
        client.audience(audience)
    sandbox.revoke_key()
    with pytest.raises(NotAuthorised):
        client.audience(audience)


def test_what_the_plan_or_the_state_forbids_is_told_from_what_is_not_ready(
    client: MailchimpClient, sandbox: ScriptedSandbox, campaign: str
) -> None:
    sandbox.options.may_schedule = False
    with pytest.raises(NotAllowed, match="plan"):
        client.schedule(campaign, START + timedelta(hours=1))
    client.send(campaign)
    with pytest.raises(NotAllowed):
        client.delete_campaign(campaign)
    with pytest.raises(MailchimpRefused, match="not ready to send"):
        client.send(campaign)
