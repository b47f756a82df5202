"""What comes back of campaigns: every activity once, at the pace of their age."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.campaigns.membership import KnownContact
from gateway.core.people.people import PersonKind, PersonRef
from gateway.documents.events import event_document, oldest_webhook_events
from gateway.sandbox import SandboxFault
from gateway.store.campaigns import audiences, campaign_syncs, departures, opt_outs
from gateway.store.engine.database import Database
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import NotAuthorised
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.reading import AudienceGone, known_member
from gateway.sync.sync_round import PutOff
from tests.rig import schemas
from tests.rig.prepared import copy_prepared, prepare
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.returning import ANN, BOB, CLO, DAN, Crm, address

LINK = "https://www.crm.test/jobs"


BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty store, in a file where nothing else is asked for."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/gateway.db"
        if getattr(request, "param", "sqlite") == "postgresql":
            server = request.getfixturevalue("postgres")
            url = stack.enter_context(server.prepared_database(prepare))
        copy_prepared(url)
        database = Database(url)
        database.prepare()
        yield database
        database.close()


@pytest.fixture
def crm(database: Database, sandbox: ScriptedSandbox) -> Iterator[Crm]:
    """A CRM with four people, all of them in the audience."""
    crm = Crm(database, sandbox)
    crm.subscribe(ANN, BOB, CLO, DAN)
    yield crm
    crm.close()


@BOTH
def test_what_a_webhook_tells_while_it_is_read_is_looked_at_again(crm: Crm) -> None:
    campaign = crm.campaign(ANN, BOB)
    told_at: list[datetime] = []

    def told(*_: object) -> None:
        """Hear of a webhook once the first page is read, when what it tells may be missed."""
        if not told_at:
            told_at.append(crm.sandbox.now())
            with crm.database.writing() as connection:
                campaign_syncs.bring_forward(
                    connection, crm.audience, campaign.mailchimp_id, told_at[0]
                )

    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.sandbox.advance(minutes=1)
    crm.rounds(session=crm.session(beat=told)).run()
    with crm.database.reading() as connection:
        (audience,) = audiences.list_audiences(connection)
    next_check = crm.synced(campaign).next_sync
    crm.sandbox.advance(minutes=1)
    crm.sync()

    assert [audience.next_sync] == told_at
    assert told_at[0] + timedelta(minutes=1) == next_check
    assert not crm.is_due()


@BOTH
def test_a_second_webhook_is_kept_though_the_first_has_set_the_next_check_already(crm: Crm) -> None:
    """A reading that somebody asks for begins between the two, before what the first set is due."""
    campaign = crm.campaign(ANN, BOB)
    crm.sync()
    crm.sandbox.advance(seconds=10)
    is_told = False

    def tell() -> None:
        with crm.database.writing() as connection:
            campaign_syncs.bring_forward(
                connection, crm.audience, campaign.mailchimp_id, crm.sandbox.now()
            )

    def told(*_: object) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            tell()

    tell()
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.rounds(session=crm.session(beat=told)).run(everything=True)

    assert is_told
    next_check = crm.synced(campaign).next_sync
    assert next_check
    assert next_check <= crm.sandbox.now() + timedelta(minutes=1)


@BOTH
def test_every_activity_is_kept_with_its_campaign(crm: Crm) -> None:
    campaign = crm.campaign(ANN, BOB, CLO, DAN)
    sandbox, number = crm.sandbox, campaign.mailchimp_id
    sandbox.open(number, address(ANN))
    sandbox.open(number, address(ANN))
    sandbox.open(number, address(ANN), proxy=True)
    sandbox.advance(minutes=1)
    sandbox.click(number, address(ANN), LINK)
    sandbox.open(number, address(ANN))
    sandbox.bounce(number, address(BOB), "soft")
    sandbox.unsubscribe(number, address(DAN), "too many")

    crm.sync()

    kept = {"opened": 4, "clicked": 1, "bounced": 1, "unsubscribed": 1, "machine": 1}
    assert kept == crm.kept(campaign)
    assert ["opened"] * 3 + ["clicked", "opened"] == crm.types(ANN)
    assert {("Vacatures", campaign.id)} == {(one.title, one.campaign) for one in crm.done(ANN)}
    (clicked,) = (one.act.activity for one in crm.done(ANN) if one.act.activity.url)
    (bounced,) = (one.act.activity for one in crm.done(BOB))
    (left,) = (one.act.activity for one in crm.done(DAN))
    assert (LINK, "soft", "too many") == (clicked.url, bounced.bounce, left.reason)
    assert [] == crm.done(CLO)


@BOTH
def test_reading_again_changes_nothing(crm: Crm) -> None:
    campaign = crm.campaign(ANN, BOB)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.sandbox.unsubscribe(campaign.mailchimp_id, address(BOB))
    crm.sync()
    kept, told = crm.kept(campaign), crm.events()

    for _ in range(3):
        crm.sandbox.advance(minutes=10)
        crm.sync()

    assert kept == crm.kept(campaign)
    assert told == crm.events()
    assert {
        ("campaign.activity", "candidate:ann"): 1,
        ("campaign.activity", "candidate:bob"): 1,
        ("person.opted_out", "candidate:bob"): 1,
    } == Counter(told)


@BOTH
def test_whoever_opts_out_is_in_the_group_of_the_kind(crm: Crm) -> None:
    campaign = crm.campaign(ANN, DAN)
    crm.sandbox.unsubscribe(campaign.mailchimp_id, address(ANN))
    crm.sandbox.opt_out(crm.audience, address(DAN))
    crm.sandbox.unsubscribe_by_staff(crm.audience, address(BOB))
    crm.sandbox.clean(crm.audience, address(CLO))

    crm.sync()

    assert {ANN, BOB, DAN} == crm.opted_out()
    assert ["unsubscribed"] == crm.types(ANN)
    assert [] == crm.types(DAN)


@BOTH
def test_everybody_with_the_address_opts_out_also_who_gets_it_later(crm: Crm) -> None:
    twin = PersonRef(PersonKind.CONTACT, "twin")
    late = PersonRef(PersonKind.CANDIDATE, "late")
    crm.tell(twin, twin="ANN@crm.test")
    crm.sandbox.opt_out(crm.audience, address(ANN))
    crm.sync()
    first = crm.opted_out()

    crm.tell(late, late="ann@CRM.test")
    crm.sync()

    assert {ANN, twin} == first
    assert {ANN, twin, late} == crm.opted_out()


def test_who_alone_is_new_and_slips_between_two_pages_of_people_known_opts_out(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two pages of two, where somebody who came back let the next one move up meanwhile."""
    monkeypatch.setattr("gateway.sync.reading.PAGE", 2)
    for leaver in (BOB, CLO, DAN):
        crm.sandbox.opt_out(crm.audience, address(leaver))
    crm.sync()
    crm.sandbox.opt_out(crm.audience, address(ANN))
    members = MailchimpClient.members
    readings = 0

    def in_twos(
        client: MailchimpClient, audience: str, **asked: Any
    ) -> Iterator[list[MailchimpJson]]:
        nonlocal readings
        rows = [row for page in members(client, audience, **asked) for row in page]
        if asked["status"] == "unsubscribed":
            readings += 1
            if readings == 1:
                rows = [row for row in rows if row["email_address"] != address(ANN)]
        yield rows[:2]
        yield rows[2:]

    monkeypatch.setattr(MailchimpClient, "members", in_twos)
    crm.sync()

    assert ANN in crm.opted_out()
    assert 3 == readings


def test_activities_are_those_of_every_member_with_the_address(crm: Crm) -> None:
    """M7: two people of the CRM with one address are one member at Mailchimp."""
    twin = PersonRef(PersonKind.CONTACT, "ann")
    crm.tell(twin)
    campaign = crm.campaign(ANN, twin)
    crm.sandbox.click(campaign.mailchimp_id, address(ANN), LINK)

    crm.sync()

    assert ["clicked"] == crm.types(ANN) == crm.types(twin)
    assert [("campaign.activity", "candidate:ann"), ("campaign.activity", "contact:ann")] == sorted(
        crm.events()
    )


@pytest.mark.parametrize("is_named_anew", [True, False])
def test_m7_an_address_changed_at_mailchimp_stays_that_of_the_member(
    crm: Crm, is_named_anew: bool
) -> None:
    """The reports may name the new address, the CRM knows the old one alone."""
    crm.sandbox.options.renames_in_reports = is_named_anew
    campaign = crm.campaign(ANN, BOB)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.prepared(ANN, BOB)
    crm.sync()
    crm.sandbox.rename(crm.audience, address(ANN), "ann@new.test")
    crm.sandbox.advance(minutes=1)
    crm.sandbox.click(campaign.mailchimp_id, address(ANN), LINK)
    crm.sandbox.unsubscribe(campaign.mailchimp_id, address(ANN))

    crm.sync()

    assert {"opened": 1, "clicked": 1, "unsubscribed": 1} == Counter(crm.types(ANN))
    assert {"opened": 1, "clicked": 1, "unsubscribed": 1} == crm.kept(campaign)
    assert {ANN} == crm.opted_out()


def test_m7_many_who_changed_their_addresses_are_counted_once(crm: Crm) -> None:
    """Only so many contacts are looked up in one sync."""
    many = [PersonRef(PersonKind.CANDIDATE, f"m{number}") for number in range(120)]
    crm.tell(*many)
    crm.subscribe(*many)
    campaign = crm.campaign(*many)
    crm.prepared(*many)
    crm.sandbox.options.renames_in_reports = True
    for ref in many:
        crm.sandbox.rename(crm.audience, address(ref), f"{ref.crm_id}@new.test")
        crm.sandbox.click(campaign.mailchimp_id, address(ref), LINK)
    crm.sandbox.advance(minutes=15)
    crm.sandbox.click(campaign.mailchimp_id, address(many[0]), LINK)

    for _ in range(3):
        crm.sandbox.advance(minutes=15)
        crm.sync()

    assert {"clicked": 121} == crm.kept(campaign)
    assert [2, *[1] * 119] == [len(crm.done(ref)) for ref in many]
    assert 121 == sum(bool(person) for _, person in crm.events())


def test_m7_who_changed_the_address_and_then_leaves_the_audience_is_known(crm: Crm) -> None:
    crm.prepared(ANN)
    crm.sandbox.rename(crm.audience, address(ANN), "ann@new.test")
    crm.sandbox.opt_out(crm.audience, "ann@new.test")

    crm.sync()

    assert {ANN} == crm.opted_out()


def test_a_late_or_shuffled_report_loses_nothing(crm: Crm) -> None:
    """Rows change places between pages and events show minutes late, older than the newest."""
    options = crm.sandbox.options
    options.visible_after = timedelta(minutes=4)
    campaign = crm.campaign(ANN, BOB, CLO, DAN)
    for minute in range(30):
        crm.sandbox.open(campaign.mailchimp_id, address([ANN, BOB, CLO, DAN][minute % 4]))
        crm.sandbox.advance(minutes=1)
        if minute % 3 == 0:
            crm.sync()
    crm.sandbox.advance(minutes=10)
    crm.sync()

    assert 30 == crm.kept(campaign)["opened"]


def test_what_shows_later_than_any_overlap_is_found_by_the_counters(crm: Crm) -> None:
    campaign = crm.campaign(ANN, BOB)
    crm.sandbox.advance(hours=5)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.sync()
    earlier = crm.sandbox.now() - timedelta(hours=4)
    crm.sandbox.open(campaign.mailchimp_id, address(BOB), at=earlier)
    crm.sandbox.advance(hours=1)

    crm.sync()

    assert ["opened"] == crm.types(BOB)


def test_idle_campaigns_cost_one_call_together_and_two_per_audience(crm: Crm) -> None:
    for number in range(200):
        crm.campaign(ANN, name=f"Number {number}")
    crm.sync()
    crm.sandbox.advance(days=6)

    crm.sync()
    calls = crm.sync()

    members = f"GET /lists/{crm.audience}/members"
    assert ["GET /reports", members, members] == calls


def test_a_young_campaign_is_read_even_if_no_counter_moved(crm: Crm) -> None:
    crm.campaign(ANN)
    crm.sync()
    crm.sandbox.advance(days=4)

    assert any("email-activity" in call for call in crm.sync())


def test_a_campaign_is_due_by_its_age(crm: Crm) -> None:
    campaign = crm.campaign(ANN)
    rounds = crm.rounds()
    looked = []
    started = crm.sandbox.now()
    for _ in range(26 * 6):
        if crm.is_due():
            crm.calls(rounds.run)
            looked.append(crm.sandbox.now() - started)
        crm.sandbox.advance(minutes=10)

    minutes = [int(each.total_seconds() // 60) for each in looked]
    assert [*range(0, 120, 10), *range(120, 24 * 60, 60)] == minutes[: 12 + 22]
    assert 24 * 60 + 60 >= minutes[-1]
    assert crm.synced(campaign).next_sync


@BOTH
def test_a_campaign_that_leaves_or_goes_by_itself_is_noticed(crm: Crm) -> None:
    scheduled, deleted, draft = (
        crm.campaign(ANN, name=name, send=False) for name in ("one", "two", "three")
    )
    at = (crm.sandbox.now() + timedelta(hours=2)).replace(minute=0)
    path = f"/campaigns/{scheduled.mailchimp_id}/actions/schedule"
    crm.api.post(path, {"schedule_time": at.isoformat()})
    crm.api.call("DELETE", f"/campaigns/{deleted.mailchimp_id}")
    crm.sync()
    before = [crm.state(each) for each in (scheduled, deleted, draft)]
    crm.sandbox.advance(hours=3)

    crm.sync()

    assert [CampaignState.SCHEDULED, CampaignState.DELETED, CampaignState.OPENED] == before
    assert crm.state(scheduled) is CampaignState.SENT
    assert at == crm.synced(scheduled).campaign.sent_at


def test_a_sent_campaign_deleted_at_mailchimp_keeps_what_is_known(crm: Crm) -> None:
    campaign = crm.campaign(ANN)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.sync()
    crm.api.call("DELETE", f"/campaigns/{campaign.mailchimp_id}")

    crm.sync()

    assert crm.state(campaign) is CampaignState.DELETED
    assert ["opened"] == crm.types(ANN)


def test_m3_a_page_of_a_proxy_does_not_pass_for_a_campaign_deleted_at_mailchimp(crm: Crm) -> None:
    campaign = crm.campaign(ANN)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.sandbox.faults.add(SandboxFault.PAGE_404, times=100, path="^/campaigns|^/reports")

    crm.sync()

    assert crm.state(campaign) is not CampaignState.DELETED
    assert any(isinstance(each, PutOff) for each in crm.results)
    crm.sandbox.faults.clear()
    crm.sandbox.advance(hours=1)
    crm.sync()
    assert ["opened"] == crm.types(ANN)


@BOTH
def test_m8_a_sync_that_ends_between_two_pages_is_read_again(crm: Crm) -> None:
    campaign = crm.campaign(ANN, BOB)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.sandbox.click(campaign.mailchimp_id, address(BOB), LINK)
    crm.sandbox.faults.add(SandboxFault.BLOCKED, times=3, path="email-activity")

    crm.sync()
    cut_off = crm.kept(campaign), crm.synced(campaign).until
    put_off = [one for one in crm.results if isinstance(one, PutOff)]
    crm.sync()

    assert ({"opened": 1}, None) == cut_off
    assert 1 == len(put_off)
    assert {"opened": 1, "clicked": 1} == crm.kept(campaign)
    assert 2 == len(crm.events())


def test_m9_a_revoked_key_stops_the_sync_with_a_reason(crm: Crm) -> None:
    crm.campaign(ANN)
    crm.sandbox.revoke_key()

    with pytest.raises(NotAuthorised):
        crm.rounds().run()

    assert not crm.is_due()


def test_m9_an_audience_that_is_gone_stops_the_sync_with_a_reason(crm: Crm) -> None:
    crm.sandbox.delete_audience(crm.audience)

    with pytest.raises(AudienceGone, match="gateway mailchimp activate"):
        crm.rounds().run()


@pytest.mark.parametrize("is_sent", [True, False])
def test_m9_a_key_of_another_account_deletes_no_campaign_here(crm: Crm, is_sent: bool) -> None:
    campaign = crm.campaign(ANN, send=is_sent)
    crm.rounds().run()
    state = crm.synced(campaign).campaign.state
    account = crm.sandbox.account
    own = account.audiences, account.campaigns
    account.audiences, account.campaigns = {}, {}

    with pytest.raises(AudienceGone, match="key is of another account"):
        crm.rounds().run(everything=True)
    with pytest.raises(AudienceGone, match="key is of another account"):
        crm.rounds().sync_campaign(campaign.id)

    account.audiences, account.campaigns = own
    assert state is crm.synced(campaign).campaign.state
    crm.rounds().run(everything=True)
    assert state is crm.synced(campaign).campaign.state


def test_m9_an_audience_of_former_times_may_go(crm: Crm) -> None:
    former, crm.audience = crm.audience, crm.sandbox.add_audience("another")
    crm.sandbox.advance(minutes=1)
    with crm.database.writing() as connection:
        audiences.activate(
            connection, crm.audience, name="another", double_optin=False, now=crm.sandbox.now()
        )
    crm.sandbox.delete_audience(former)
    crm.subscribe(ANN)
    crm.sandbox.opt_out(crm.audience, address(ANN))

    crm.rounds().run()

    assert {ANN} == crm.opted_out()
    assert not crm.is_due()


@pytest.mark.parametrize(
    "fault",
    [SandboxFault.EMPTY_429, SandboxFault.EMPTY_403, SandboxFault.BLOCKED, SandboxFault.CUT],
)
def test_m1_m3_what_passes_is_tried_again(crm: Crm, fault: SandboxFault) -> None:
    campaign = crm.campaign(ANN)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN))
    crm.sandbox.faults.add(fault, times=2, path="email-activity")

    crm.sync()

    assert {"opened": 1} == crm.kept(campaign)
    assert [] == [one for one in crm.results if isinstance(one, PutOff)]


class Killed(BaseException):
    """The process is gone."""


def test_m8_a_sync_killed_at_any_point_loses_and_doubles_nothing(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sync.mirror._IN_ONE_COMMIT", 2)
    campaign = crm.campaign(ANN, BOB, CLO, DAN)
    for who in (ANN, BOB, CLO, DAN):
        crm.sandbox.open(campaign.mailchimp_id, address(who))
        crm.sandbox.click(campaign.mailchimp_id, address(who), LINK)
    crm.sandbox.unsubscribe(campaign.mailchimp_id, address(BOB))
    crm.sandbox.opt_out(crm.audience, address(DAN))
    steps = 0
    while not crm.synced(campaign).counters:
        steps += 1
        left = iter(range(steps))

        def beat(*_: object, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Killed

        with suppress(Killed):
            crm.rounds(session=crm.session(beat=beat, is_gone=lambda _, is_silent=False: True)).run(
                everything=True
            )
    crm.sync()

    assert steps > 5
    assert {"opened": 4, "clicked": 4, "unsubscribed": 1} == crm.kept(campaign)
    assert {BOB, DAN} == crm.opted_out()
    assert {"campaign.activity": 9, "person.opted_out": 2} == Counter(
        kind for kind, _ in crm.events()
    )


def test_reading_who_left_an_audience_ends_where_the_process_is_to_end(crm: Crm) -> None:
    crm.sandbox.opt_out(crm.audience, address(DAN))
    with crm.database.reading() as connection:
        (audience,) = audiences.list_audiences(connection)

    def beat(*_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        crm.rounds(session=crm.session(beat=beat)).read_audience(audience)
    assert set() == crm.opted_out()

    crm.sync()
    assert {DAN} == crm.opted_out()


def test_two_that_look_at_once_add_everything_once(crm: Crm) -> None:
    campaign = crm.campaign(ANN, BOB, CLO, DAN)
    for who in (ANN, BOB, CLO, DAN):
        crm.sandbox.click(campaign.mailchimp_id, address(who), LINK)
        crm.sandbox.unsubscribe(campaign.mailchimp_id, address(who))
    offices = [crm.session(holder=f"node:{number}") for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda session: crm.rounds(session=session).run(everything=True), offices))
    crm.sync()

    assert {"clicked": 4, "unsubscribed": 4} == crm.kept(campaign)
    assert {"campaign.activity": 8, "person.opted_out": 4} == Counter(
        kind for kind, _ in crm.events()
    )


def test_webhooks_tell_the_crm_of_activities_and_opt_outs(crm: Crm) -> None:
    campaign = crm.campaign(ANN, BOB, DAN)
    crm.sandbox.open(campaign.mailchimp_id, address(ANN), proxy=True)
    crm.sandbox.bounce(campaign.mailchimp_id, address(DAN))
    crm.sandbox.unsubscribe(campaign.mailchimp_id, address(BOB), "too many")
    crm.sandbox.opt_out(crm.audience, address(CLO))

    crm.sync()

    with crm.database.reading() as connection:
        told = [one for some in oldest_webhook_events(connection, 100).values() for one in some]
    documents = [event_document(one) for one in told]
    assert {"campaign.activity": 3, "person.opted_out": 2} == Counter(
        one["type"] for one in documents
    )
    for one in documents:
        schemas.check(one)


@BOTH
def test_m6_of_two_who_tell_of_an_address_the_later_news_counts(crm: Crm) -> None:
    """A preparation read a page before somebody left, and writes it down after the sync did."""
    member = crm.sandbox.member(crm.audience, address(ANN))
    page = [{"email_address": member.address, "id": member.id, "status": "subscribed"}]
    page[0] |= {"last_changed": member.last_changed.isoformat()}
    crm.sandbox.advance(minutes=1)
    crm.sandbox.opt_out(crm.audience, address(ANN))
    crm.sync()

    with crm.database.writing() as connection:
        audiences.take_in(connection, crm.audience, map(known_member, page))

    with crm.database.reading() as connection:
        (refused,) = opt_outs.refusals(connection, [address(ANN)])
    assert "unsubscribed" == refused.status
    assert {ANN} == crm.opted_out()


@BOTH
def test_who_left_at_an_untold_time_is_out_since_that_was_met_first(crm: Crm) -> None:
    left = KnownContact(address=address(ANN), email=address(ANN), status="unsubscribed")
    now = crm.sandbox.now()

    with crm.database.writing() as connection:
        news = [
            departures.take_in(connection, crm.audience, [left], now=now + timedelta(days=day))
            for day in range(3)
        ]
        audiences.take_in(connection, crm.audience, [left])
        found = departures.pending(connection, crm.audience)

    assert news == [1, 0, 0]
    assert [(one.person, one.at) for one in found] == [(ANN, now)]
