"""A scheduled campaign is brought up to date once more, and taken back where it must be (S2)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.campaigns.campaigns import CampaignState, PendingCall
from gateway.sandbox import SandboxFault
from gateway.sandbox.call import SandboxProblem
from gateway.store.campaigns import campaigns
from gateway.sync import campaign_calls
from gateway.sync import campaigns as sync_campaigns
from gateway.sync.campaign_states import WrongCampaignState
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.member_calls import NotTakenOut
from gateway.sync.readiness import NotReady
from gateway.sync.refresh import Refreshed, RefreshFailed, Unscheduled
from tests.sync.mailchimp_rig import MailchimpRig, candidate, email, quarter

ANN, BOB, CLO = (candidate(each) for each in ("ann", "bob", "clo"))


@pytest.fixture
def scheduled(active: MailchimpRig) -> int:
    """A campaign to Ann and Bob, scheduled two hours ahead, its recipients frozen."""
    active.sandbox.options.snapshots_segments = True
    active.people(ANN, BOB)
    number = active.campaign(ANN, BOB)
    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)
    return number


def at(rig: MailchimpRig, number: int) -> datetime:
    found = rig.one(number).scheduled_for
    assert found
    return found


def leave(rig: MailchimpRig) -> None:
    """Let the campaign's time come."""
    rig.sandbox.advance(hours=3)


def test_who_opts_out_after_scheduling_gets_nothing(active: MailchimpRig, scheduled: int) -> None:
    when = at(active, scheduled)
    active.opt_out(BOB)

    assert active.refresh(hours=1) == []
    assert active.refresh(minutes=45) == [Refreshed(scheduled, updated=0, left_out=1)]

    assert at(active, scheduled) == when
    assert active.status_there(scheduled) == "schedule"
    leave(active)
    assert active.recipients(scheduled) == {email("ann")}
    assert active.member(email("bob")).status == "subscribed"


def test_data_is_updated_without_touching_the_schedule(
    active: MailchimpRig, scheduled: int
) -> None:
    active.people(ANN, first_name="Anna")

    assert active.refresh(minutes=110) == [Refreshed(scheduled, updated=1, left_out=0)]

    assert active.member(email("ann")).merge_fields["FNAME"] == "Anna"
    assert active.asked("POST", "unschedule") == 0
    assert active.refresh(minutes=2) == []


def test_who_opts_out_in_the_last_minutes_gets_nothing_either(
    active: MailchimpRig, scheduled: int
) -> None:
    active.refresh(minutes=110)
    active.opt_out(ANN)

    assert active.refresh(minutes=5) == [Refreshed(scheduled, updated=0, left_out=1)]

    leave(active)
    assert active.recipients(scheduled) == {email("bob")}


def test_who_must_leave_is_seen_though_another_unsubscribes_between_two_pages(
    active: MailchimpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of pages of two: who stood at the head of the second moves to the end of the first."""
    active.sandbox.options.snapshots_segments = True
    active.people(ANN, BOB, CLO)
    number = active.campaign(ANN, BOB, CLO)
    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)
    active.opt_out(CLO)
    for module in ("mailchimp.client", "reading"):
        monkeypatch.setattr(f"gateway.sync.{module}.PAGE", 2)
    segment_members = MailchimpClient.segment_members
    pages: list[list[str]] = []

    def changing(
        client: MailchimpClient, audience: str, segment: int
    ) -> Iterator[list[MailchimpJson]]:
        for page in segment_members(client, audience, segment):
            pages.append([str(member["email_address"]) for member in page])
            yield page
            if len(pages) == 1:
                active.sandbox.opt_out(audience, email("ann"))

    monkeypatch.setattr(MailchimpClient, "segment_members", changing)
    active.refresh(minutes=110)

    assert [email("ann"), email("bob")] == pages[0]
    assert [email("bob"), email("clo")] == pages[1]
    leave(active)
    assert active.recipients(number) == {email("bob")}


def test_who_was_taken_out_of_the_campaign_gets_nothing(
    active: MailchimpRig, scheduled: int
) -> None:
    active.refresh(minutes=110)
    sync_campaigns.remove(active.session, scheduled, ANN)

    active.refresh(minutes=3)

    leave(active)
    assert active.recipients(scheduled) == {email("bob")}


def test_a_look_in_between_hides_nobody_from_the_refresh(
    active: MailchimpRig, scheduled: int
) -> None:
    active.refresh(minutes=110)
    active.opt_out(ANN)
    sync_campaigns.preview(active.session, scheduled)

    active.refresh(minutes=3)

    leave(active)
    assert active.recipients(scheduled) == {email("bob")}


def test_in_the_last_minute_it_is_left_alone(active: MailchimpRig, scheduled: int) -> None:
    active.refresh(minutes=110)
    active.opt_out(ANN)

    assert active.refresh(minutes=9, seconds=30) == []

    assert active.status_there(scheduled) == "schedule"


def test_nobody_is_added_by_a_refresh(active: MailchimpRig, scheduled: int) -> None:
    active.people(CLO)
    sync_campaigns.add(active.session, scheduled, [CLO])

    active.refresh(minutes=110)

    assert not active.is_member(email("clo"))


def test_a_campaign_that_cannot_be_scheduled_again_stays_unscheduled_loudly(
    active: MailchimpRig, scheduled: int
) -> None:
    active.opt_out(BOB)
    problem = SandboxProblem(400, "Bad Request", "This campaign cannot be scheduled: .")
    active.sandbox.faults.add(problem, method="POST", path="actions/schedule")

    (result,) = active.refresh(minutes=110)

    assert isinstance(result, Unscheduled)
    one = active.one(scheduled)
    assert (one.state, one.scheduled_for) == (CampaignState.OPENED, None)
    assert "unscheduled and stays so" in one.trouble
    leave(active)
    assert active.status_there(scheduled) == "save"


@pytest.mark.parametrize("is_broken_off", [False, True])
def test_a_campaign_that_staff_gave_other_recipients_is_taken_back(
    active: MailchimpRig, scheduled: int, is_broken_off: bool
) -> None:
    active.sandbox.options.snapshots_segments = False
    active.sandbox.add_member(active.audience, "stranger@klant.test")
    active.sandbox.choose_recipients(active.one(scheduled).mailchimp_id, active.audience)
    if is_broken_off:
        with active.database.writing() as connection:
            campaigns.change(connection, scheduled, pending_call=PendingCall.REFRESH)

    (result,) = active.refresh(minutes=110)

    assert Unscheduled(scheduled, "its recipients were changed at Mailchimp") == result
    assert "unscheduled and stays so: its recipients" in active.one(scheduled).trouble
    leave(active)
    assert active.status_there(scheduled) == "save"


@pytest.mark.parametrize(("seconds_before", "seen"), [(900, 830), (65, 58), (15, 5)])
def test_whom_staff_choose_in_the_last_minutes_gets_nothing(
    active: MailchimpRig, scheduled: int, seconds_before: int, seen: int
) -> None:
    left = (at(active, scheduled) - active.sandbox.now()).total_seconds()
    active.refresh(seconds=left - 1_100)
    active.refresh(seconds=1_100 - seconds_before)
    choose_everybody(active, scheduled)

    (result,) = active.refresh(seconds=seconds_before - seen)

    assert Unscheduled(scheduled, "its recipients were changed at Mailchimp") == result
    leave(active)
    assert active.status_there(scheduled) == "save"


def choose_everybody(rig: MailchimpRig, number: int) -> None:
    """Have staff choose the whole audience at Mailchimp, which has a stranger."""
    rig.sandbox.options.snapshots_segments = False
    rig.sandbox.add_member(rig.audience, "stranger@klant.test")
    rig.sandbox.choose_recipients(rig.one(number).mailchimp_id, rig.audience)


def test_a_campaign_that_staff_unschedule_change_and_schedule_again_is_taken_back(
    active: MailchimpRig, scheduled: int
) -> None:
    """As one must at Mailchimp, where only a draft can be changed."""
    leaves_at, there = at(active, scheduled), active.one(scheduled).mailchimp_id
    active.refresh(minutes=110)
    active.client.unschedule(there)
    assert [Unscheduled(scheduled, "it is not scheduled at Mailchimp any more")] == active.refresh(
        minutes=2
    )
    choose_everybody(active, scheduled)
    active.client.schedule(there, leaves_at)

    assert [Unscheduled(scheduled, "its recipients were changed at Mailchimp")] == active.refresh(
        minutes=2
    )

    leave(active)
    assert active.status_there(scheduled) == "save"


def test_whom_staff_put_into_the_segment_in_the_last_minutes_gets_nothing(
    active: MailchimpRig, scheduled: int
) -> None:
    active.refresh(minutes=102)
    active.sandbox.add_member(active.audience, "stranger@klant.test")
    segment = active.one(scheduled).segment
    assert segment is not None
    active.client.change_segment(active.audience, segment, add=["stranger@klant.test"])

    assert [Refreshed(scheduled, updated=0, left_out=1)] == active.refresh(minutes=13)

    leave(active)
    assert active.recipients(scheduled) == {email("ann"), email("bob")}


def test_a_campaign_that_staff_schedule_for_another_time_keeps_it(
    active: MailchimpRig, scheduled: int
) -> None:
    later = at(active, scheduled) + timedelta(hours=1)
    there = active.one(scheduled).mailchimp_id
    active.client.unschedule(there)
    active.client.schedule(there, later)
    active.opt_out(BOB)

    assert active.refresh(minutes=110) == []
    assert active.refresh(minutes=60) == [Refreshed(scheduled, updated=0, left_out=1)]

    assert at(active, scheduled) == later
    leave(active)
    assert active.recipients(scheduled) == {email("ann")}


def leaving_nobody_out(rig: MailchimpRig, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Have Mailchimp leave these addresses in each segment, and say so."""
    change = MailchimpClient.change_segment

    def changed(client: MailchimpClient, *where: object, **who: Any) -> MailchimpJson:
        who["remove"] = [address for address in who["remove"] if address not in addresses]
        error = {"email_addresses": list(addresses), "error": "Something went wrong."}
        return change(client, *where, **who) | {"errors": [error]}  # type: ignore[arg-type]

    monkeypatch.setattr(MailchimpClient, "change_segment", changed)


def test_a_campaign_somebody_cannot_be_taken_out_of_stays_unscheduled_loudly(
    active: MailchimpRig, scheduled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.opt_out(BOB)
    leaving_nobody_out(active, monkeypatch, email("bob"))

    (result,) = active.refresh(minutes=110)

    assert isinstance(result, Unscheduled)
    assert "1 of 1 addresses" in active.one(scheduled).trouble
    with pytest.raises(NotTakenOut):
        sync_campaigns.send(active.session, scheduled, yes=False)
    leave(active)
    assert active.status_there(scheduled) == "save"


def test_who_left_the_audience_meanwhile_need_not_be_taken_out(
    active: MailchimpRig, scheduled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.opt_out(BOB)
    take_out = MailchimpClient.unschedule

    def leaving(client: MailchimpClient, campaign: str) -> None:
        take_out(client, campaign)
        active.sandbox.opt_out(active.audience, email("bob"))

    monkeypatch.setattr(MailchimpClient, "unschedule", leaving)
    leaving_nobody_out(active, monkeypatch, email("bob"))

    active.refresh(minutes=110)

    leave(active)
    assert active.recipients(scheduled) == {email("ann")}


def test_a_campaign_whose_last_member_left_stays_unscheduled_loudly(
    active: MailchimpRig, scheduled: int
) -> None:
    active.opt_out(ANN, BOB)

    (result,) = active.refresh(minutes=110)

    assert isinstance(result, Unscheduled)
    assert "No recipients" in active.one(scheduled).trouble


@pytest.mark.parametrize(
    "fault", [SandboxFault.DROPPED, SandboxFault.BAD_GATEWAY, SandboxFault.BLOCKED]
)
@pytest.mark.parametrize("step", ["unschedule", "/segments/", "actions/schedule"])
def test_m2_an_answer_lost_on_the_way_leaves_it_scheduled_for_its_time(
    active: MailchimpRig, scheduled: int, step: str, fault: SandboxFault
) -> None:
    when = at(active, scheduled)
    active.opt_out(BOB)
    active.sandbox.faults.add(fault, method="POST", path=step)

    active.refresh(minutes=110)

    assert at(active, scheduled) == when
    leave(active)
    assert active.recipients(scheduled) == {email("ann")}


@pytest.mark.parametrize("step", ["look", "unscheduled", "trimmed", "scheduled"])
def test_m8_a_refresh_that_was_broken_off_is_finished(
    active: MailchimpRig, scheduled: int, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    when = at(active, scheduled)
    active.opt_out(BOB)
    place = {
        "look": "gateway.sync.refresh.campaign_calls.unschedule",
        "unscheduled": "gateway.sync.upload.Uploader.segment",
        "trimmed": "gateway.sync.refresh.campaign_calls.schedule",
        "scheduled": "gateway.sync.refresh._Refresh._finish",
    }[step]
    with monkeypatch.context() as patch:
        patch.setattr(place, _killed)
        with pytest.raises(KeyboardInterrupt):
            active.refresh(minutes=110)

    active.restarted()
    active.refresh(minutes=1)

    one = active.one(scheduled)
    assert (one.state, one.scheduled_for, one.pending_call) == (
        CampaignState.SCHEDULED,
        when,
        PendingCall.NOTHING,
    )
    leave(active)
    assert active.recipients(scheduled) == {email("ann")}


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_unreachable_mailchimp_is_tried_until_the_time_has_come(
    active: MailchimpRig, scheduled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.opt_out(BOB)
    with monkeypatch.context() as patch:
        patch.setattr(campaign_calls, "schedule", _unclear)
        assert [RefreshFailed(scheduled, "gone")] == active.refresh(minutes=110)
        assert [RefreshFailed(scheduled, "gone")] == active.refresh(minutes=1)

        (result,) = active.refresh(minutes=20)

    assert isinstance(result, Unscheduled)
    assert active.one(scheduled).state is CampaignState.OPENED


def _unclear(*_: object) -> None:
    raise campaign_calls.Unclear("gone")


def test_m10_a_tiny_export_takes_the_campaign_back(active: MailchimpRig) -> None:
    many = [candidate(f"p{each}") for each in range(40)]
    active.people(*many)
    number = active.campaign(*many)
    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)
    active.people(*many[:5], replace_all=True)

    (result,) = active.refresh(minutes=110)

    assert isinstance(result, Unscheduled)
    assert "35 of 40" in active.one(number).trouble
    assert active.status_there(number) == "save"
    assert len(active.segment(number)) == 40


def test_that_it_left_is_seen_soon(active: MailchimpRig, scheduled: int) -> None:
    active.refresh(hours=2, seconds=30)
    assert active.one(scheduled).state is CampaignState.SENDING

    active.refresh(minutes=2)
    assert active.one(scheduled).state is CampaignState.SENT
    assert active.one(scheduled).sent_at == active.sandbox.now() - timedelta(minutes=2, seconds=30)


def test_m9_a_revoked_key_is_told_and_the_campaign_goes_out_as_it_is(
    active: MailchimpRig, scheduled: int
) -> None:
    active.sandbox.revoke_key()

    (result,) = active.refresh(minutes=110)

    assert isinstance(result, RefreshFailed)
    assert "API Key Invalid" in result.reason


@pytest.fixture
def interrupted(active: MailchimpRig, scheduled: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """The same, killed while it was unscheduled for its refresh; Bob has to drop out."""
    active.opt_out(BOB)
    with monkeypatch.context() as patch:
        patch.setattr("gateway.sync.upload.Uploader.segment", _killed)
        with pytest.raises(KeyboardInterrupt):
            active.refresh(minutes=110)
    active.restarted()
    assert (CampaignState.OPENED, PendingCall.REFRESH) == _standing(active, scheduled)
    return scheduled


def _standing(rig: MailchimpRig, number: int) -> tuple[CampaignState, PendingCall]:
    campaign = rig.one(number)
    return campaign.state, campaign.pending_call


def test_m8_who_looks_at_an_interrupted_refresh_does_not_end_it(
    active: MailchimpRig, interrupted: int
) -> None:
    sync_campaigns.preview(active.session, interrupted)
    with pytest.raises(WrongCampaignState, match="is scheduled"):
        sync_campaigns.open_at_mailchimp(active.session, interrupted, yes=False)
    active.sandbox.add_domain("crm.test", verified=False)
    with pytest.raises(NotReady):
        sync_campaigns.send(active.session, interrupted, yes=False)
    active.sandbox.add_domain("crm.test")

    active.refresh(minutes=1)

    leave(active)
    assert active.recipients(interrupted) == {email("ann")}


def test_m8_who_unschedules_an_interrupted_refresh_ends_it(
    active: MailchimpRig, interrupted: int
) -> None:
    sync_campaigns.unschedule(active.session, interrupted)

    active.refresh(minutes=1)
    assert (CampaignState.OPENED, PendingCall.NOTHING) == _standing(active, interrupted)
    assert active.one(interrupted).scheduled_for is None
    assert active.status_there(interrupted) == "save"


def test_m8_who_sends_in_the_middle_of_a_refresh_ends_it(
    active: MailchimpRig, interrupted: int
) -> None:
    sync_campaigns.send(active.session, interrupted, yes=False)

    active.refresh(minutes=1)
    leave(active)
    assert active.recipients(interrupted) == {email("ann")}
    assert active.asked("POST", "actions/schedule") == 1


LATE = "schedule it again to bring this person in"


def outs(rig: MailchimpRig, number: int) -> dict[str, tuple[str, str]]:
    """Return why members are out, and the detail."""
    members = rig.members(number).values()
    return {one.ref.crm_id: (one.reason, one.detail) for one in members if not one.included}


@pytest.mark.parametrize("minutes", [103, 116])
def test_m7_who_gets_another_address_before_it_leaves_gets_nothing_at_the_former_one(
    active: MailchimpRig, scheduled: int, minutes: int
) -> None:
    active.refresh(minutes=102)
    active.refresh(minutes=minutes - 102)
    active.people(BOB, emails=("robert@klant.test",))

    active.refresh(minutes=120 - minutes - 2)

    assert {"bob": ("too_late", LATE)} == outs(active, scheduled)
    leave(active)
    assert active.recipients(scheduled) == {email("ann")}


def test_who_gets_another_address_in_the_last_minute_is_known_by_the_former_one(
    active: MailchimpRig, scheduled: int
) -> None:
    active.refresh(minutes=116)
    active.refresh(minutes=3.5)
    active.people(BOB, emails=("robert@klant.test",))

    active.refresh(seconds=10)
    leave(active)
    active.refresh()

    assert active.recipients(scheduled) == {email("ann"), email("bob")}
    assert email("bob") == active.members(scheduled)["candidate:bob"].address
    assert not outs(active, scheduled)


def test_who_is_added_to_a_scheduled_campaign_is_out_until_it_is_scheduled_again(
    active: MailchimpRig, scheduled: int
) -> None:
    active.people(CLO)

    added = sync_campaigns.add(active.session, scheduled, [CLO])

    assert (sync_campaigns.ADDED_TOO_LATE,) == added.remarks
    assert {"clo": ("too_late", LATE)} == outs(active, scheduled)
    _, plan, _ = sync_campaigns.preview(active.session, scheduled)
    assert {"": 2, "too_late": 1} == plan.tally
    active.refresh(minutes=110)
    active.refresh(minutes=2)
    assert {"clo": ("too_late", LATE)} == outs(active, scheduled)

    sync_campaigns.schedule(active.session, scheduled, at(active, scheduled), yes=False)
    leave(active)
    assert not outs(active, scheduled)
    assert active.recipients(scheduled) == {email("ann"), email("bob"), email("clo")}


def test_a_reading_of_the_segment_that_breaks_off_hides_nobody_from_the_refresh(
    active: MailchimpRig, scheduled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.refresh(minutes=116)
    with monkeypatch.context() as patch:
        patch.setattr(MailchimpClient, "segment_members", _killed)
        with pytest.raises(KeyboardInterrupt):
            sync_campaigns.preview(active.session, scheduled)
    active.opt_out(ANN)

    active.refresh(minutes=1)

    leave(active)
    assert active.recipients(scheduled) == {email("bob")}
    active.refresh()
    assert {"ann"} == outs(active, scheduled).keys()


def test_who_was_added_after_it_was_opened_is_out_once_staff_have_sent_it(
    active: MailchimpRig,
) -> None:
    active.people(ANN, BOB, CLO)
    number = active.campaign(ANN, BOB)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    added = sync_campaigns.add(active.session, number, [CLO])
    assert () == added.remarks
    assert not outs(active, number)

    active.client.send(active.one(number).mailchimp_id)
    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.send(active.session, number, yes=False)

    assert {"clo": ("too_late", "")} == outs(active, number)
