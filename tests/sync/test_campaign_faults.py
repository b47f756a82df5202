"""Campaigns out while things go wrong: rows M1 to M9 of the reliability catalogue."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

import pytest

from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.people.people import Staff
from gateway.sandbox import SandboxFault
from gateway.store.campaigns import audiences
from gateway.sync import campaigns as sync_campaigns
from gateway.sync.campaign_calls import Unclear
from gateway.sync.mailchimp.errors import AnswerLost, NotAuthorised, NotMailchimp
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import CampaignBusy, claimed
from gateway.sync.reading import AudienceGone
from tests.store.holders import seen_ended
from tests.sync.mailchimp_rig import MailchimpRig, candidate, contact, email, quarter

ANN, BOB, CLO = (candidate(each) for each in ("ann", "bob", "clo"))
LOST = [SandboxFault.DROPPED, SandboxFault.BAD_GATEWAY, SandboxFault.CUT, SandboxFault.BLOCKED]


def campaign_to_two(rig: MailchimpRig) -> int:
    rig.people(ANN, BOB)
    return rig.campaign(ANN, BOB)


@pytest.mark.parametrize(
    "fault", [SandboxFault.THROTTLED, SandboxFault.EMPTY_429, SandboxFault.EMPTY_403]
)
def test_m1_a_throttled_campaign_leaves_once_and_whole(
    active: MailchimpRig, fault: SandboxFault
) -> None:
    number = campaign_to_two(active)
    for path in ("^/lists/[^/]+$", "/segments$", "/segments/", "^/campaigns$", "actions/send"):
        active.sandbox.faults.add(fault, method="POST", path=path)

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("ann"), email("bob")}
    assert len(active.sandbox.account.campaigns) == 1
    assert active.sandbox.most_at_once <= 8


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(
    "path", ["^/lists/[^/]+$", "/segments$", "/segments/", "^/campaigns$", "actions/send"]
)
def test_m2_m3_an_answer_lost_is_looked_up_and_nothing_is_done_twice(
    active: MailchimpRig, path: str, fault: SandboxFault
) -> None:
    number = campaign_to_two(active)
    active.sandbox.faults.add(fault, method="POST", path=path)

    campaign = sync_campaigns.send(active.session, number, yes=False)

    assert campaign.state is CampaignState.SENDING
    assert active.recipients(number) == {email("ann"), email("bob")}
    assert len(active.sandbox.account.campaigns) == 1
    segments = active.sandbox.account.audience(active.audience).segments
    assert [each.name for each in segments.values()] == [active.one(number).segment_name]


def test_m2_a_send_that_is_never_answered_is_looked_up_by_the_next_command(
    active: MailchimpRig,
) -> None:
    number = campaign_to_two(active)
    active.sandbox.faults.add(SandboxFault.DROPPED, method="POST", path="actions/send")
    active.sandbox.faults.add(
        SandboxFault.BLOCKED, times=100, method="GET", path="^/campaigns/[^/]+$"
    )
    with pytest.raises(Exception, match="Request Blocked"):
        sync_campaigns.send(active.session, number, yes=False)
    active.sandbox.faults.clear()

    campaign = sync_campaigns.send(active.session, number, yes=False)

    assert campaign.state is CampaignState.SENDING
    assert active.asked("POST", "actions/send") == 1


def test_m2_a_creation_nobody_can_find_is_told_and_found_later(active: MailchimpRig) -> None:
    number = campaign_to_two(active)
    active.sandbox.faults.add(SandboxFault.BLOCKED, times=3, method="POST", path="^/campaigns$")
    with pytest.raises(Unclear, match="looks for it before"):
        sync_campaigns.open_at_mailchimp(active.session, number, yes=False)

    active.sandbox.faults.add(SandboxFault.DROPPED, method="POST", path="^/campaigns$")
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)

    assert len(active.sandbox.account.campaigns) == 1


def test_m2_an_update_whose_answer_is_lost_is_made_again(active: MailchimpRig) -> None:
    number = campaign_to_two(active)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    active.people(ANN, first_name="Anna")
    active.sandbox.faults.add(SandboxFault.DROPPED, method="PUT", path="/members/")

    sync_campaigns.send(active.session, number, yes=False)

    assert active.member(email("ann")).merge_fields["FNAME"] == "Anna"


def test_m4_of_a_batch_each_members_result_counts(active: MailchimpRig) -> None:
    good = [candidate(f"p{each}") for each in range(10)]
    active.people(*good)
    active.people(ANN, emails=("a@example.com",))
    active.people(BOB, emails=("b@example.com",))
    number = active.campaign(ANN, BOB, *good)

    sync_campaigns.send(active.session, number, yes=False)

    assert len(active.recipients(number)) == 10
    outs = active.outs(number)
    assert (outs["candidate:ann"], outs["candidate:bob"]) == ("refused", "refused")


def test_m5_what_mailchimp_refuses_for_good_is_flagged_and_not_tried_again(
    active: MailchimpRig,
) -> None:
    active.people(ANN, BOB)
    active.sandbox.add_member(active.audience, email("ann"))
    active.sandbox.forget(active.audience, email("ann"))
    number = active.campaign(ANN, BOB)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    since = len(active.sandbox.calls)

    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)

    ann = active.members(number)["candidate:ann"]
    assert ann.reason == "refused"
    assert "permanently deleted" in ann.detail
    assert active.asked("POST", f"/lists/{active.audience}", since) == 0


def test_m3_a_page_of_a_proxy_refuses_nobody_for_good(active: MailchimpRig) -> None:
    number = campaign_to_two(active)
    active.sandbox.faults.add(SandboxFault.PAGE_404, times=100, path="^/lists/[^/]+(/members)?")
    with pytest.raises(NotMailchimp, match="proxy or another server: <html><h1>404 Not Found"):
        sync_campaigns.send(active.session, number, yes=False)
    active.sandbox.faults.clear()

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("ann"), email("bob")}


def test_m5_what_mailchimp_refuses_for_a_while_is_tried_again_later(active: MailchimpRig) -> None:
    active.sandbox.options.busy_addresses = frozenset({email("ann")})
    number = campaign_to_two(active)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    assert active.outs(number)["candidate:ann"] == "refused"
    active.sandbox.options.busy_addresses = frozenset()
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    assert not active.is_member(email("ann"))

    active.sandbox.advance(days=1, hours=1)
    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("ann"), email("bob")}


def test_m5_a_field_the_account_requires_keeps_nobody_out(active: MailchimpRig) -> None:
    active.sandbox.require_merge_field(active.audience, "LNAME")
    active.people(ANN, last_name="")
    number = active.campaign(ANN)

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("ann")}


@pytest.mark.parametrize("is_known", [False, True])
def test_m5_data_of_another_kind_than_the_field_shut_nobody_out_for_good(
    active: MailchimpRig, is_known: bool
) -> None:
    active.sandbox.type_merge_field(active.audience, "OWNEREMAIL", "email")
    active.tell("staff", [Staff(crm_id="otto", name="Otto", email="no address")])
    active.people(BOB)
    if is_known:
        active.sandbox.add_member(active.audience, email("ann"))
    active.people(ANN, owner="otto")
    number = active.campaign(ANN, BOB)

    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)

    ann = active.members(number)["candidate:ann"]
    fault = "OWNEREMAIL: Please enter a valid email address."
    assert (ann.reason, ann.detail) == ("refused", f"Mailchimp refuses the data: {fault}")
    active.tell("staff", [Staff(crm_id="otto", name="Otto", email="otto@crm.test")])
    sync_campaigns.send(active.session, number, yes=False)
    assert active.recipients(number) == {email("ann"), email("bob")}


def test_m5_whom_somebody_deleted_at_mailchimp_is_out_with_the_reason(
    active: MailchimpRig,
) -> None:
    number = campaign_to_two(active)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    active.sandbox.forget(active.audience, email("ann"))

    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    assert "does not find it" in active.members(number)["candidate:ann"].detail
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    assert "permanently deleted" in active.members(number)["candidate:ann"].detail
    _, plan, _ = sync_campaigns.preview(active.session, number)

    assert {"": 1, "refused": 1} == plan.tally


@pytest.fixture
def moved(active: MailchimpRig) -> int:
    """A campaign to Ann and Bob, who has another address at Mailchimp now, and another name."""
    number = campaign_to_two(active)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    active.sandbox.advance(hours=1)
    active.sandbox.rename(active.audience, email("bob"), "robert@klant.test")
    active.people(BOB, first_name="Robert")
    active.sandbox.advance(hours=1)
    return number


def test_m7_a_former_address_is_not_subscribed_again(active: MailchimpRig, moved: int) -> None:
    sync_campaigns.open_at_mailchimp(active.session, moved, yes=False)

    bob = active.members(moved)["candidate:bob"]
    advice = "the contact is robert@klant.test at Mailchimp now: change the address in the CRM, too"
    assert (bob.reason, bob.detail) == ("refused", advice)
    assert not active.is_member(email("bob"))
    active.people(BOB, emails=("robert@klant.test",))
    sync_campaigns.send(active.session, moved, yes=False)
    assert active.recipients(moved) == {email("ann"), "robert@klant.test"}


def test_m7_who_changes_the_address_and_then_leaves_is_not_subscribed_at_the_former_one(
    active: MailchimpRig, moved: int
) -> None:
    active.sandbox.opt_out(active.audience, "robert@klant.test")

    sync_campaigns.send(active.session, moved, yes=False)

    assert active.recipients(moved) == {email("ann")}
    assert active.outs(moved)["candidate:bob"] == "unsubscribed"
    assert not active.is_member(email("bob"))


def test_m7_who_takes_the_former_address_again_is_in_again(
    active: MailchimpRig, moved: int
) -> None:
    sync_campaigns.open_at_mailchimp(active.session, moved, yes=False)
    active.sandbox.rename(active.audience, "robert@klant.test", email("bob"))

    active.sandbox.advance(hours=1)
    sync_campaigns.send(active.session, moved, yes=False)

    assert active.recipients(moved) == {email("ann"), email("bob")}


def test_m5_whoever_is_in_without_being_known_is_taken_as_it_is(active: MailchimpRig) -> None:
    active.people(ANN, BOB, CLO)
    for ref in (ANN, BOB):
        active.sandbox.add_member(active.audience, email(ref.crm_id))
    active.sandbox.opt_out(active.audience, email("ann"))
    number = active.campaign(ANN, BOB, CLO)
    # As if they had been passed over while pages were read.
    with active.database.writing() as connection:
        later = active.sandbox.now() + timedelta(hours=1)
        audiences.change(connection, active.audience, read_until=later)

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("bob"), email("clo")}
    assert active.outs(number)["candidate:ann"] == "unsubscribed"


def test_m7_a_changed_address_takes_the_old_ones_place(active: MailchimpRig) -> None:
    number = campaign_to_two(active)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    active.people(ANN, emails=("anna@klant.test",))

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {"anna@klant.test", email("bob")}


def test_m7_another_case_is_the_same_address(active: MailchimpRig) -> None:
    active.people(ANN, emails=("Ann@Klant.test",))
    active.sandbox.add_member(active.audience, "ANN@klant.TEST")
    number = active.campaign(ANN)

    sync_campaigns.send(active.session, number, yes=False)

    assert len(active.sandbox.account.audience(active.audience).members) == 1
    assert len(active.recipients(number)) == 1


def test_m7_two_people_with_one_address_are_one_member_and_the_stricter_wins(
    active: MailchimpRig,
) -> None:
    active.people(ANN, BOB)
    active.people(contact("ann2"), emails=(email("ann"),))
    active.people(contact("bob2"), emails=(email("bob"),))
    active.opt_out(contact("bob2"))
    number = active.campaign(ANN, BOB, contact("ann2"), contact("bob2"))

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("ann")}
    assert active.outs(number) == {
        "candidate:ann": "",
        "contact:ann2": "duplicate",
        "candidate:bob": "opt_out",
        "contact:bob2": "opt_out",
    }


def test_m8_a_reading_that_breaks_off_between_pages_is_begun_again(
    active: MailchimpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = [candidate(f"p{each}") for each in range(1100)]
    active.people(*refs)
    for ref in refs:
        active.sandbox.add_member(active.audience, email(ref.crm_id))
    active.sandbox.opt_out(active.audience, email("p1099"))
    number = active.campaign(*refs)
    whole = active.client.members

    def cut(*which: Any, **how: Any) -> Iterator[list[MailchimpJson]]:
        yield next(whole(*which, **how))
        raise AnswerLost("cut")

    with monkeypatch.context() as patch:
        patch.setattr(active.client, "members", cut)
        with pytest.raises(AnswerLost):
            sync_campaigns.preview(active.session, number)

    _, plan, _ = sync_campaigns.preview(active.session, number)

    assert plan.tally == {"": 1099, "unsubscribed": 1}


def test_m9_an_audience_that_was_deleted_is_told_with_the_cure(active: MailchimpRig) -> None:
    number = campaign_to_two(active)
    active.sandbox.delete_audience(active.audience)

    with pytest.raises(AudienceGone, match="gateway mailchimp activate"):
        sync_campaigns.preview(active.session, number)


def test_m9_a_revoked_key_stops_everything(active: MailchimpRig) -> None:
    number = campaign_to_two(active)
    active.sandbox.revoke_key()

    with pytest.raises(NotAuthorised):
        sync_campaigns.send(active.session, number, yes=False)


def test_double_opt_in_asks_first(active: MailchimpRig) -> None:
    audience = active.sandbox.add_audience("Double", double_optin=True)
    active.audience = audience
    active.sandbox.advance(minutes=1)
    with active.database.writing() as connection:
        audiences.activate(
            connection, audience, name="Double", double_optin=True, now=active.sandbox.now()
        )
    active.people(ANN, BOB)
    active.sandbox.add_member(audience, email("bob"))
    number = active.campaign(ANN, BOB)

    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)

    assert active.member(email("ann")).status == "pending"
    assert active.outs(number)["candidate:ann"] == "refused"
    active.sandbox.advance(hours=1)
    active.sandbox.confirm(audience, email("ann"))
    sync_campaigns.send(active.session, number, yes=False)
    assert active.recipients(number) == {email("ann"), email("bob")}


def test_one_campaign_is_worked_on_by_one_process_at_a_time(active: MailchimpRig) -> None:
    number = campaign_to_two(active)
    other = replace(active.session, holder="other:2")

    with claimed(other, number):
        with pytest.raises(CampaignBusy):
            sync_campaigns.send(active.session, number, yes=False)
        took_over = replace(active.session, is_gone=seen_ended("other:2"))
        sync_campaigns.send(took_over, number, yes=False)


def test_the_calls_are_as_few_as_the_api_allows(active: MailchimpRig) -> None:
    new = [candidate(f"new{each}") for each in range(1200)]
    known = [candidate(f"old{each}") for each in range(1100)]
    active.people(*new, *known)
    for ref in known:
        active.sandbox.add_member(
            active.audience,
            email(ref.crm_id),
            FNAME="Ann" if ref.crm_id != "old7" else "Other",
            LNAME="Aa",
            OWNERNAME="Olga Owner",
            OWNEREMAIL="olga@crm.test",
        )
    number = active.campaign(*new, *known)
    since = len(active.sandbox.calls)

    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)

    calls = list(active.sandbox.calls)[since:]
    paths = [f"{call.method} {call.path.replace(active.audience, 'ID')}" for call in calls]
    assert paths.count("POST /lists/ID") == ceil(1200 / 500)
    assert sum(path.startswith("PUT /lists/ID/members/") for path in paths) == 1
    assert sum(path.startswith("POST /lists/ID/segments/") for path in paths) == ceil(2300 / 500)
    assert paths.count("GET /lists/ID/members") == ceil(1100 / 1000) + 1
    assert len(active.segment(number)) == 2300
    assert active.sandbox.most_at_once <= 8


def test_clocks_that_differ_by_weeks_hide_nobody_and_double_nothing(active: MailchimpRig) -> None:
    ahead = replace(active.session, clock=lambda: active.sandbox.now() + timedelta(days=60))
    number = campaign_to_two(active)
    active.sandbox.faults.add(SandboxFault.DROPPED, method="POST", path="^/campaigns$")
    sync_campaigns.open_at_mailchimp(ahead, number, yes=False)
    active.sandbox.advance(hours=2)
    active.sandbox.opt_out(active.audience, email("bob"))

    sync_campaigns.preview(ahead, number)

    assert active.outs(number)["candidate:bob"] == "unsubscribed"
    assert len(active.sandbox.account.campaigns) == 1
