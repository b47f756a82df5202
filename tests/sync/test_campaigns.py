"""Campaigns out: who is in, who is out, and the three endings (S2)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.kinds import Scope
from gateway.sandbox import SandboxFault
from gateway.store.engine.database import Database
from gateway.sync import campaign_at_mailchimp, campaign_calls
from gateway.sync import campaigns as sync_campaigns
from gateway.sync.campaign_at_mailchimp import OTHER_RECIPIENTS, has_other_recipients
from gateway.sync.campaign_calls import CannotBeSent
from gateway.sync.campaign_states import WrongCampaignState
from gateway.sync.campaigns import CampaignRefused
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import AnswerLost
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.preparation import TooManyDropOut
from gateway.sync.readiness import NotReady
from gateway.sync.upload import Uploader
from tests.rig.sandbox import ScriptedSandbox
from tests.store.feeding import person, tell_unread
from tests.sync.mailchimp_rig import MailchimpRig, candidate, contact, email, quarter

ANN, BOB, CLO, DAN = (candidate(each) for each in ("ann", "bob", "clo", "dan"))
EVA = contact("eva")


@pytest.fixture
def stored(sandbox: ScriptedSandbox, store_url: str) -> Iterator[MailchimpRig]:
    """An activated CRM on each kind of store."""
    database = Database(store_url)
    database.prepare()
    rig = MailchimpRig(database, sandbox)
    rig.activate()
    rig.staff()
    yield rig
    rig.close()
    database.close()


# Making one.


def test_nothing_is_made_before_the_activation(rig: MailchimpRig) -> None:
    with pytest.raises(NotReady, match="gateway mailchimp activate"):
        rig.campaign()


def test_nothing_is_made_before_the_prerequisites_are_met(active: MailchimpRig) -> None:
    active.sandbox.account.templates.clear()
    active.sandbox.add_domain("crm.test", authenticated=False)

    with pytest.raises(NotReady, match=r"no usable template.*SPF and CNAME"):
        active.campaign()


@pytest.mark.parametrize(
    ("draft", "told"),
    [
        ({"name": "Hallo *|VOORNAAM|*"}, r"\*\|VOORNAAM\|\*"),
        ({"from_name": "*|FNAME"}, "from-name"),
        ({"name": "  "}, "blank"),
        ({"from_name": ""}, "blank"),
        ({"from_address": "office"}, "from-address"),
    ],
)
def test_what_cannot_be_a_campaign_is_refused(
    active: MailchimpRig, draft: dict[str, str], told: str
) -> None:
    with pytest.raises(CampaignRefused, match=told):
        active.campaign(**draft)


def test_a_template_of_another_account_is_refused_with_those_there_are(
    active: MailchimpRig,
) -> None:
    with pytest.raises(NotReady, match="Nieuwsbrief"):
        active.campaign(template=1)


def test_merge_tags_pass_verbatim_and_the_name_is_the_subject(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN, name="Beste *|FNAME|*", from_name="*|OWNERNAME|*")

    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)

    settings = active.sandbox.account.campaign(active.one(number).mailchimp_id).settings
    assert settings["subject_line"] == "Beste *|FNAME|*"
    assert settings["from_name"] == "*|OWNERNAME|*"
    assert settings["reply_to"] == "office@crm.test"
    assert settings["template_id"] == active.template


# Who is in and who is out.


def everybody(rig: MailchimpRig) -> int:
    """Make a campaign with a member for every reason to be out, and two who are in."""
    out = [candidate(each) for each in ("opted", "bulk", "all", "staff", "twice", "gone")]
    rig.people(ANN, *out)
    rig.people(EVA)
    rig.people(candidate("invalid"), emails=(), unusable=("not-an-address",))
    rig.people(candidate("intranet"), emails=("somebody@intranet",))
    rig.people(candidate("none"), emails=())
    rig.people(candidate("twice"), emails=(email("ann").upper(),))
    rig.people(candidate("fake"), emails=("somebody@example.org",))
    for name in ("left", "bounced", "archived", "waiting"):
        rig.people(candidate(name))
        rig.sandbox.add_member(rig.audience, email(name))
    rig.sandbox.opt_out(rig.audience, email("left"))
    rig.sandbox.clean(rig.audience, email("bounced"))
    rig.member(email("archived")).status = "archived"
    rig.member(email("waiting")).status = "pending"
    rig.opt_out(candidate("opted"))
    rig.group("quiet", candidate("bulk"), tag="NoMailingsTag")
    rig.group("dead", candidate("all"), tag="NoMailTag")
    rig.suppress(email("staff"), Scope.MAILCHIMP)
    names = ("invalid", "intranet", "none", "fake", "left", "bounced", "archived", "waiting")
    return rig.campaign(ANN, EVA, *out, *(candidate(each) for each in names))


OUTS = {
    "candidate:ann": "",
    "contact:eva": "",
    "candidate:opted": "opt_out",
    "candidate:bulk": "suppressed",
    "candidate:all": "suppressed",
    "candidate:staff": "suppressed",
    "candidate:twice": "duplicate",
    "candidate:invalid": "invalid_address",
    "candidate:intranet": "invalid_address",
    "candidate:none": "no_address",
    "candidate:left": "unsubscribed",
    "candidate:bounced": "cleaned",
    "candidate:archived": "refused",
    "candidate:waiting": "refused",
    "candidate:gone": "no_address",
}


def test_prepare_tells_who_is_out_and_why_and_nothing_leaves(stored: MailchimpRig) -> None:
    number = everybody(stored)
    stored.tell("people", [], replace=True, source="nobody")
    with stored.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM people WHERE crm_id = 'gone'")
    since = len(stored.sandbox.calls)

    _, plan, _ = sync_campaigns.preview(stored.session, number)

    assert stored.outs(number) == OUTS | {"candidate:fake": ""}
    assert (plan.included, plan.new, plan.changed, plan.unchanged) == (3, 3, 0, 0)
    assert {"GET"} == {call.method for call in list(stored.sandbox.calls)[since:]}
    assert not stored.sandbox.account.campaigns


@pytest.mark.parametrize("field", ["active", "emails", "status"])
def test_who_is_unread_is_out_until_it_is_read(stored: MailchimpRig, field: str) -> None:
    stored.people(ANN, BOB)
    number = stored.campaign(ANN, BOB)
    bob = person("bob", email("bob"))
    tell_unread(stored.database, "people", bob, field, "owner")

    sync_campaigns.preview(stored.session, number)
    before = stored.members(number)["candidate:bob"]
    stored.people(BOB)
    sync_campaigns.preview(stored.session, number)

    assert ("unread", f"can't be read: {field}") == (before.reason, before.detail)
    assert {"candidate:ann": "", "candidate:bob": ""} == stored.outs(number)


def test_what_mailchimp_refuses_is_out_with_its_reason(active: MailchimpRig) -> None:
    number = everybody(active)

    sync_campaigns.send(active.session, number, yes=False)

    fake = active.members(number)["candidate:fake"]
    assert (fake.included, fake.reason) == (False, "refused")
    assert "fake or invalid" in fake.detail
    assert active.recipients(number) == {email("ann"), email("eva"), email("gone")}


def test_members_may_leave_and_come_until_it_is_sent(active: MailchimpRig) -> None:
    active.people(ANN, BOB, CLO)
    number = active.campaign(ANN, BOB)

    assert sync_campaigns.remove(active.session, number, BOB)
    assert not sync_campaigns.remove(active.session, number, BOB)
    added = sync_campaigns.add(active.session, number, [ANN, CLO, DAN])

    assert (added.added, added.already_in, added.unknown) == (1, 1, (DAN,))
    assert set(active.outs(number)) == {"candidate:ann", "candidate:clo"}
    sync_campaigns.send(active.session, number, yes=False)
    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.add(active.session, number, [BOB])
    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.remove(active.session, number, ANN)


# Open, send.


def test_open_creates_it_once_with_its_recipients_and_sends_nothing(stored: MailchimpRig) -> None:
    stored.people(ANN, BOB)
    number = stored.campaign(ANN, BOB)

    campaign, missing = sync_campaigns.open_at_mailchimp(stored.session, number, yes=False)
    sync_campaigns.open_at_mailchimp(stored.session, number, yes=False)

    assert missing == []
    assert campaign.state is CampaignState.OPENED
    there = stored.sandbox.account.campaign(campaign.mailchimp_id)
    assert campaign.link.endswith(f"?id={there.web_id}")
    assert len(stored.sandbox.account.campaigns) == 1
    assert stored.segment(number) == {email("ann"), email("bob")}
    assert stored.status_there(number) == "save"
    assert stored.member(email("ann")).merge_fields == {
        "FNAME": "Ann",
        "LNAME": "Aa",
        "OWNERNAME": "Olga Owner",
        "OWNEREMAIL": "olga@crm.test",
    }


def test_every_ending_prepares_afresh(active: MailchimpRig) -> None:
    active.people(ANN, BOB, CLO)
    number = active.campaign(ANN, BOB)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    since = len(active.sandbox.calls)
    active.sandbox.advance(minutes=30)
    active.people(ANN, first_name="Anna")
    active.opt_out(BOB)
    sync_campaigns.add(active.session, number, [CLO])

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("ann"), email("clo")}
    assert active.member(email("ann")).merge_fields["FNAME"] == "Anna"
    assert active.member(email("bob")).status == "subscribed"
    assert active.asked("PUT", "/members/", since) == 1
    assert active.one(number).state is CampaignState.SENDING


def test_sent_is_sent_once(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.send(active.session, number, yes=False)
    active.sandbox.advance(minutes=5)

    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.send(active.session, number, yes=False)

    assert active.asked("POST", "/actions/send") == 1


def test_nobody_who_left_is_ever_subscribed_again(active: MailchimpRig) -> None:
    for ref in (ANN, BOB, CLO):
        active.people(ref)
        active.sandbox.add_member(active.audience, email(ref.crm_id))
    number = active.campaign(ANN, BOB, CLO)
    active.sandbox.opt_out(active.audience, email("ann"))
    active.sandbox.unsubscribe_by_staff(active.audience, email("bob"))

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("clo")}
    assert active.member(email("ann")).status == "unsubscribed"
    assert active.member(email("bob")).status == "unsubscribed"
    assert active.outs(number)["candidate:bob"] == "unsubscribed"


def test_nobody_is_unsubscribed_archived_or_deleted(active: MailchimpRig) -> None:
    stranger = active.sandbox.add_member(active.audience, "stranger@klant.test")
    active.people(ANN, BOB)
    number = active.campaign(ANN, BOB)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    sync_campaigns.remove(active.session, number, BOB)
    active.people(ANN, emails=("new@klant.test",))

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {"new@klant.test"}
    statuses = {
        active.member(each).status
        for each in (email("ann"), email("bob"), "new@klant.test", stranger.address)
    }
    assert statuses == {"subscribed"}
    assert active.asked("DELETE") == 0


# Schedule.


def test_a_schedule_is_kept_and_taken_back(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    at = quarter(active.sandbox.now())

    scheduled = sync_campaigns.schedule(active.session, number, at, yes=False)

    assert (scheduled.state, scheduled.scheduled_for) == (CampaignState.SCHEDULED, at)
    assert active.status_there(number) == "schedule"
    with pytest.raises(WrongCampaignState, match="unschedule first"):
        sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    later = sync_campaigns.schedule(active.session, number, at + timedelta(minutes=15), yes=False)
    assert later.scheduled_for == at + timedelta(minutes=15)
    taken_back = sync_campaigns.unschedule(active.session, number)
    assert (taken_back.state, taken_back.scheduled_for) == (CampaignState.OPENED, None)
    assert active.status_there(number) == "save"
    with pytest.raises(WrongCampaignState, match="not scheduled"):
        sync_campaigns.unschedule(active.session, number)


def test_a_scheduled_campaign_may_be_sent_at_once(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)

    sync_campaigns.send(active.session, number, yes=False)

    assert active.recipients(number) == {email("ann")}


def test_a_plan_without_scheduling_is_told(active: MailchimpRig) -> None:
    active.sandbox.options.may_schedule = False
    active.people(ANN)
    number = active.campaign(ANN)

    with pytest.raises(CannotBeSent, match="Essentials"):
        sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)

    assert active.one(number).state is CampaignState.OPENED
    assert "Essentials" in active.one(number).trouble


def test_what_staff_did_at_mailchimp_is_seen(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)
    active.client.unschedule(active.one(number).mailchimp_id)

    sync_campaigns.preview(active.session, number)
    assert "not scheduled at Mailchimp" in active.one(number).trouble

    active.client.delete_campaign(active.one(number).mailchimp_id)
    with pytest.raises(WrongCampaignState, match="recreate"):
        sync_campaigns.send(active.session, number, yes=False)
    assert active.one(number).state is CampaignState.DELETED


@pytest.mark.parametrize("status", ["archived", "paused"])
def test_one_that_staff_put_aside_was_not_sent(active: MailchimpRig, status: str) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    campaign, _ = sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    there = active.sandbox.account.campaign(campaign.mailchimp_id)

    there.status = status
    sync_campaigns.preview(active.session, number)
    assert active.one(number).state is CampaignState.OPENED
    assert status in active.one(number).trouble

    there.status = "save"
    sync_campaigns.preview(active.session, number)
    assert active.one(number).trouble == ""


def test_a_schedule_whose_command_was_killed_is_watched_all_the_same(
    active: MailchimpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    with monkeypatch.context() as patch:
        patch.setattr(campaign_calls, "_finish", _killed)
        at = quarter(active.sandbox.now())
        with pytest.raises(KeyboardInterrupt):
            sync_campaigns.schedule(active.session, number, at, yes=False)
    campaign_at_mailchimp.update_from_mailchimp(active.session, active.one(number))
    assert active.one(number).state is CampaignState.SCHEDULED

    active.client.unschedule(active.one(number).mailchimp_id)
    campaign = campaign_at_mailchimp.update_from_mailchimp(active.session, active.one(number))

    assert (campaign.trouble, campaign.scheduled_for) == (campaign_at_mailchimp.UNSCHEDULED, None)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_was_sent_is_no_error_though_mailchimp_falls_silent(
    active: MailchimpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    send = MailchimpClient.send

    def falling_silent(client: MailchimpClient, campaign_id: str) -> None:
        send(client, campaign_id)
        active.sandbox.faults.add(SandboxFault.BAD_GATEWAY, times=100, method="GET")

    monkeypatch.setattr(MailchimpClient, "send", falling_silent)

    campaign = sync_campaigns.send(active.session, number, yes=False)

    assert campaign.state is CampaignState.SENDING
    assert active.recipients(number) == {email("ann")}


@pytest.mark.parametrize("ending", ["open", "send", "schedule"])
@pytest.mark.parametrize("where", ["audience", "another audience", "another segment"])
def test_who_was_chosen_by_staff_at_mailchimp_gets_nothing(
    active: MailchimpRig, ending: str, where: str
) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    there, segment = active.one(number).mailchimp_id, active.one(number).segment
    active.sandbox.add_member(active.audience, "stranger@klant.test")
    audience = active.audience
    if where == "another audience":
        audience = active.sandbox.add_audience("Others")
    others = active.client.create_segment(active.audience, "Others")["id"]
    active.sandbox.choose_recipients(
        there, audience, others if where == "another segment" else None
    )

    def end() -> None:
        match ending:
            case "open":
                sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
            case "send":
                sync_campaigns.send(active.session, number, yes=False)
            case "schedule":
                at = quarter(active.sandbox.now())
                sync_campaigns.schedule(active.session, number, at, yes=False)

    with pytest.raises(NotReady, match=r"recipients were changed at Mailchimp\. .* recreate"):
        end()
    assert active.status_there(number) == "save"
    assert OTHER_RECIPIENTS == active.one(number).trouble

    active.sandbox.choose_recipients(there, active.audience, segment)
    end()
    assert "" == active.one(number).trouble


def test_a_campaign_whose_recipients_staff_change_while_it_is_processed_is_not_sent(
    active: MailchimpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    checklist = MailchimpClient.checklist

    def changing(client: MailchimpClient, campaign: str) -> MailchimpJson:
        active.sandbox.choose_recipients(campaign, active.audience)
        return checklist(client, campaign)

    monkeypatch.setattr(MailchimpClient, "checklist", changing)
    with pytest.raises(NotReady, match="recipients were changed at Mailchimp"):
        sync_campaigns.send(active.session, number, yes=False)

    assert active.status_there(number) == "save"


def test_a_campaign_that_staff_sent_to_others_says_so(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    there = active.one(number).mailchimp_id
    active.sandbox.add_member(active.audience, "stranger@klant.test")
    active.sandbox.choose_recipients(there, active.audience)
    active.client.send(there)

    for _ in range(2):
        with pytest.raises(WrongCampaignState, match="is sent once"):
            sync_campaigns.preview(active.session, number)
        assert "sent to others than its members" in active.one(number).trouble


@pytest.mark.parametrize(
    ("recipients", "is_other"),
    [
        (None, False),
        ({}, False),
        ({"list_id": "a"}, True),
        ({"list_id": "a", "segment_opts": {}, "segment_text": ""}, True),
        ({"list_id": "a", "segment_text": "<p>Contacts that match …</p>"}, False),
        ({"list_id": "a", "segment_opts": {"saved_segment_id": 7}}, False),
        ({"list_id": "a", "segment_opts": {"saved_segment_id": 8}}, True),
        ({"list_id": "a", "segment_opts": {"match": "any", "conditions": [{"value": 7}]}}, False),
        ({"list_id": "a", "segment_opts": {"match": "any", "conditions": [{"value": "x"}]}}, True),
        ({"list_id": "b", "segment_opts": {"saved_segment_id": 7}}, True),
    ],
)
def test_other_recipients_are_told_by_what_mailchimp_says(
    recipients: object, is_other: bool
) -> None:
    campaign = Campaign(
        id=1,
        name="x",
        state=CampaignState.OPENED,
        template=1,
        template_name="x",
        from_name="x",
        from_address="x@crm.test",
        audience="a",
        segment=7,
    )

    assert is_other is has_other_recipients(campaign, {"recipients": recipients})
    assert not has_other_recipients(replace(campaign, segment=None), {"recipients": recipients})


def test_a_campaign_deleted_at_mailchimp_meanwhile_stays_deleted(
    active: MailchimpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)
    whole = active.client.unschedule

    def late(mailchimp_id: str) -> None:
        active.client.delete_campaign(mailchimp_id)
        whole(mailchimp_id)

    monkeypatch.setattr(active.client, "unschedule", late)
    sync_campaigns.unschedule(active.session, number)

    assert active.one(number).state is CampaignState.DELETED


def test_what_is_prepared_anew_and_breaks_off_says_that_it_is_not_scheduled(
    active: MailchimpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    at = quarter(active.sandbox.now())
    sync_campaigns.schedule(active.session, number, at, yes=False)
    monkeypatch.setattr(Uploader, "members", _broken)

    with pytest.raises(AnswerLost):
        sync_campaigns.schedule(active.session, number, at, yes=False)

    assert "unscheduled" in active.one(number).trouble


def _broken(_: Uploader) -> None:
    raise AnswerLost("gone")


# What is missing for sending.


def test_an_unverified_domain_is_told_before_anything_is_made(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN, from_address="office@other.test")

    with pytest.raises(NotReady, match=r"domain other\.test .* not verified"):
        sync_campaigns.send(active.session, number, yes=False)

    assert not active.sandbox.account.campaigns


def test_prepare_tells_what_is_missing_beside_who_is_in(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    active.sandbox.add_domain("crm.test", verified=False, authenticated=False)

    _, plan, missing = sync_campaigns.preview(active.session, number)

    assert plan.included == 1
    assert any("verify the domain" in each for each in missing)
    with pytest.raises(NotReady, match="verify the domain"):
        sync_campaigns.send(active.session, number, yes=False)


def test_a_template_of_the_new_builder_is_told_and_recreated_with_another(
    active: MailchimpRig,
) -> None:
    active.people(ANN)
    new = active.sandbox.add_template("New", content_type="multichannel")
    number = active.campaign(ANN, template=new)
    opened, missing = sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    assert any("new builder" in each for each in missing)

    with pytest.raises(NotReady, match="new builder"):
        sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)

    anew, _ = sync_campaigns.recreate(
        active.session, number, template=active.template, new=active.new_id()
    )
    assert opened.mailchimp_id not in active.sandbox.account.campaigns
    assert active.one(number).state is CampaignState.DELETED
    assert (anew.name, anew.state) == ("Vacatures", CampaignState.DRAFT)
    sync_campaigns.send(active.session, anew.id, yes=False)
    assert active.recipients(anew.id) == {email("ann")}


def test_mailchimps_checklist_is_told_in_its_words(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    active.sandbox.account.campaign(active.one(number).mailchimp_id).html = ""

    with pytest.raises(NotReady, match=r"no content of its own.*recreate"):
        sync_campaigns.send(active.session, number, yes=False)

    assert active.asked("POST", "/actions/send") == 0
    assert "content" in active.one(number).trouble


def test_nobody_in_is_told(active: MailchimpRig) -> None:
    active.people(ANN)
    active.opt_out(ANN)
    with pytest.raises(NotReady, match="campaigns add"):
        sync_campaigns.send(active.session, active.campaign(), yes=False)

    with pytest.raises(NotReady, match="why each member is out"):
        sync_campaigns.send(active.session, active.campaign(ANN), yes=False)

    active.people(BOB, emails=("somebody@example.org",))
    with pytest.raises(NotReady, match="why each member is out"):
        sync_campaigns.send(active.session, active.campaign(BOB), yes=False)
    assert not active.sandbox.account.campaigns


# Delete.


def test_delete_takes_the_campaign_and_nobody_with_it(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)

    sync_campaigns.delete(active.session, number)
    sync_campaigns.delete(active.session, number)

    assert not active.sandbox.account.campaigns
    assert active.one(number).state is CampaignState.DELETED
    assert active.member(email("ann")).status == "subscribed"
    with pytest.raises(WrongCampaignState, match="deleted"):
        sync_campaigns.send(active.session, number, yes=False)


def test_what_was_sent_is_not_deleted(active: MailchimpRig) -> None:
    active.people(ANN)
    number = active.campaign(ANN)
    sync_campaigns.send(active.session, number, yes=False)

    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.delete(active.session, number)
    with pytest.raises(WrongCampaignState, match="sent once"):
        sync_campaigns.recreate(active.session, number, template=None, new=active.new_id())


# The guard.


def test_m10_a_tiny_export_stops_before_the_campaign_shrinks(active: MailchimpRig) -> None:
    many = [candidate(f"p{each}") for each in range(40)]
    active.people(*many)
    number = active.campaign(*many)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    active.people(*many[:5], replace_all=True)

    _, plan, _ = sync_campaigns.preview(active.session, number)
    assert (plan.drop.before, plan.drop.dropped) == (40, 35)
    with pytest.raises(TooManyDropOut, match=r"35 of 40 .* --yes"):
        sync_campaigns.send(active.session, number, yes=False)
    assert len(active.segment(number)) == 40

    sync_campaigns.send(active.session, number, yes=True)
    assert len(active.recipients(number)) == 5


def test_m10_an_export_that_shrank_before_the_first_time_stops_too(active: MailchimpRig) -> None:
    many = [candidate(f"p{each}") for each in range(40)]
    active.people(*many)
    number = active.campaign(*many)
    active.people(*many[:5], replace_all=True)

    with pytest.raises(TooManyDropOut):
        sync_campaigns.send(active.session, number, yes=False)


def test_m10_opt_outs_by_the_group_do_not_count(active: MailchimpRig) -> None:
    many = [candidate(f"p{each}") for each in range(40)]
    active.people(*many)
    number = active.campaign(*many)
    sync_campaigns.open_at_mailchimp(active.session, number, yes=False)
    active.opt_out(*many[:35])

    sync_campaigns.send(active.session, number, yes=False)

    assert len(active.recipients(number)) == 5
