"""An opened campaign that staff send at Mailchimp reaches nobody who must not get it by then."""

from collections.abc import Iterator

import pytest

from gateway.core.campaigns.campaigns import CampaignState
from gateway.sync import campaigns as sync_campaigns
from gateway.sync.campaign_states import WrongCampaignState
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.refresh import Refreshed, RefreshFailed
from tests.sync.mailchimp_rig import MailchimpRig, candidate, email

ANN, BOB, CLO = (candidate(each) for each in ("ann", "bob", "clo"))


@pytest.fixture
def opened(active: MailchimpRig) -> int:
    """A campaign to Ann, Bob and Clo that waits at Mailchimp."""
    active.people(ANN, BOB, CLO)
    number = active.campaign(ANN, BOB, CLO)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    return number


def sent_by_staff(rig: MailchimpRig, number: int) -> set[str]:
    """Send a campaign at Mailchimp; return the addresses it went to."""
    rig.client.send(rig.one(number).mailchimp_id)
    return rig.recipients(number)


def test_who_is_suppressed_removed_or_opted_out_gets_nothing(
    active: MailchimpRig, opened: int
) -> None:
    active.refresh()
    active.suppress(email("bob"))
    sync_campaigns.remove(active.session, opened, CLO)

    assert [Refreshed(opened, updated=0, left_out=2)] == active.refresh(minutes=10)

    assert active.one(opened).state is CampaignState.OPENED
    assert sent_by_staff(active, opened) == {email("ann")}
    assert active.member(email("bob")).status == "subscribed"


def test_who_has_another_address_gets_nothing_at_the_former_one(
    active: MailchimpRig, opened: int
) -> None:
    active.people(BOB, emails=("robert@klant.test",))

    active.refresh(minutes=10)

    assert active.segment(opened) == {email("ann"), email("clo")}
    sync_campaigns.send(active.session, opened, yes=False)
    assert active.recipients(opened) == {email("ann"), "robert@klant.test", email("clo")}


def test_mailchimp_is_asked_only_if_somebody_has_to_drop_out(
    active: MailchimpRig, opened: int
) -> None:
    since = len(active.sandbox.calls)

    assert active.refresh(minutes=10) == []
    assert active.refresh(minutes=10) == []

    assert active.asked("GET", since=since) == active.asked("POST", since=since) == 0


def test_one_that_staff_have_sent_meanwhile_is_left_alone(
    active: MailchimpRig, opened: int
) -> None:
    assert sent_by_staff(active, opened) == {email("ann"), email("bob"), email("clo")}
    active.suppress(email("bob"))

    assert active.refresh(minutes=10) == []

    assert active.one(opened).state is CampaignState.SENT
    assert len(active.segment(opened)) == 3


def test_whom_staff_have_mailed_stays_known_by_the_address(
    active: MailchimpRig, opened: int
) -> None:
    sent_by_staff(active, opened)
    active.people(BOB, emails=("robert@klant.test",))
    active.opt_out(CLO)

    active.refresh(minutes=10)
    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.add(active.session, opened, [ANN])

    members = active.members(opened)
    assert email("bob") == members["candidate:bob"].address
    assert all(member.included for member in members.values())


def test_who_was_mailed_by_staff_is_not_removed(active: MailchimpRig, opened: int) -> None:
    sent_by_staff(active, opened)

    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.remove(active.session, opened, ANN)

    assert 3 == len(active.members(opened))


def test_what_breaks_off_is_done_the_next_time(
    active: MailchimpRig, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.suppress(email("bob"))

    def breaking_off(*_: object) -> Iterator[list[MailchimpJson]]:
        yield [{"email_address": email("ann")}]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MailchimpClient, "segment_members", breaking_off)
        with pytest.raises(KeyboardInterrupt):
            active.refresh(minutes=10)

    active.refresh(minutes=10)

    assert sent_by_staff(active, opened) == {email("ann"), email("clo")}


def test_a_segment_that_staff_deleted_is_told_once(active: MailchimpRig, opened: int) -> None:
    campaign = active.one(opened)
    assert campaign.segment is not None
    audience = active.sandbox.account.audience(campaign.audience)
    for member in audience.members.values():
        member.tags.pop(campaign.segment, None)
    del audience.segments[campaign.segment]
    active.suppress(email("bob"))

    (heard,) = active.refresh(minutes=10)

    assert isinstance(heard, RefreshFailed)
    assert "segment was deleted" in active.one(opened).trouble
    assert active.refresh(minutes=10) == []
