"""The document's whole story (S2), from activation to the bulk mail of weeks later, over HTTP."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.campaigns.precedence import ActivityType, member_status
from gateway.core.people.people import Group, Person, PersonKind, PersonRef
from gateway.store.campaigns import activities, campaign_members, campaign_syncs
from gateway.store.campaigns.opt_outs import TAG
from gateway.store.engine.database import Database
from gateway.store.schema.feed import memberships
from gateway.sync import campaigns as sync_campaigns
from gateway.sync.sync_round import Rounds
from tests.conftest import StartGateway
from tests.rig.client import RawClient
from tests.rig.process import LOOPBACK, free_port
from tests.rig.sandbox import ScriptedSandbox
from tests.rig.sink import RawSink
from tests.sync.mailchimp_rig import MailchimpRig, candidate, contact, email, quarter

LINK = "https://www.crm.test/jobs"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = [candidate(f"p{n:03}") for n in range(900)] + [contact(f"q{n:03}") for n in range(100)]
OPTED_OUT = PEOPLE[:40]
INVALID, WITHOUT = PEOPLE[40:70], PEOPLE[70:80]
LATE_AT_MAILCHIMP, LATE_IN_CRM = PEOPLE[80], PEOPLE[81]
#: When after its sending, who, and what.
DOINGS = [
    (5 * timedelta(minutes=1), PEOPLE[100], "machine"),
    (6 * timedelta(minutes=1), PEOPLE[101], "bounce"),
    (7 * timedelta(minutes=1), PEOPLE[102], "open"),
    (1 * HOUR, PEOPLE[102], "click"),
    (3 * HOUR, PEOPLE[102], "open"),
    (5 * HOUR, PEOPLE[950], "open"),
    (20 * HOUR, PEOPLE[103], "unsubscribe"),
    (2 * DAY, PEOPLE[104], "open"),
    (4 * DAY, PEOPLE[104], "unsubscribe"),
    (6 * DAY, PEOPLE[105], "click"),
    (10 * DAY, PEOPLE[950], "leaves"),
    (20 * DAY, PEOPLE[106], "open"),
    (33 * DAY, PEOPLE[106], "click"),
]
STATUSES = {
    "machine": ActivityType.OPENED,
    "open": ActivityType.OPENED,
    "click": ActivityType.CLICKED,
    "bounce": ActivityType.BOUNCED,
    "unsubscribe": ActivityType.UNSUBSCRIBED,
}


class Story(MailchimpRig):
    """The CRM of the document, its campaign, and the weeks after."""

    def __init__(self, database: Database, sandbox: ScriptedSandbox) -> None:
        super().__init__(database, sandbox)
        self.rounds = Rounds(session=self.session, new_id=self.new_id)
        self.reads: list[datetime] = []  #: When the activities were read.

    def crm(self) -> None:
        """Let the CRM tell of a thousand people, some of them opted out or without an address."""
        self.staff()
        emails: dict[PersonRef, tuple[str, ...]] = {ref: (email(ref.crm_id),) for ref in PEOPLE}
        emails |= dict.fromkeys(WITHOUT, ())
        emails |= {ref: (f"{ref.crm_id}@nowhere",) for ref in INVALID}
        self.tell(
            "people",
            [Person(ref=ref, first_name="Ann", owner="olga", emails=emails[ref]) for ref in PEOPLE],
        )
        kind = PersonKind.CANDIDATE
        self.tell("groups", [Group(kind=kind, crm_id="quiet", name="MailChimp opt-out", tag=TAG)])
        self.group("quiet", *OPTED_OUT, tag=TAG)

    def work(self, until: datetime) -> None:
        """Let the sync role do what falls due, up to a moment."""
        while True:
            before = len(self.sandbox.calls)
            self.refresher.run()
            self.rounds.run()
            if any("email-activity" in call.path for call in list(self.sandbox.calls)[before:]):
                self.reads.append(self.sandbox.now())
            if self.sandbox.now() >= until:
                return
            step = min(self._next(), until) - self.sandbox.now()
            self.sandbox.advance(seconds=max(60, step.total_seconds()))

    def _next(self) -> datetime:
        with self.database.reading() as connection:
            known = campaign_syncs.at_mailchimp(connection)
        moments = [one.next_sync for one in known if one.next_sync]
        waits = [one for one in known if one.campaign.state is CampaignState.SCHEDULED]
        soon = self.sandbox.now() + timedelta(minutes=1 if waits else 60 * 24)
        return max(min([*moments, soon]), self.sandbox.now())

    def happen(self, number: int, who: PersonRef, what: str) -> None:
        """Let a member do something."""
        there, address = self.one(number).mailchimp_id, email(who.crm_id)
        match what:
            case "machine":
                self.sandbox.open(there, address, proxy=True)
            case "open":
                self.sandbox.open(there, address)
            case "click":
                self.sandbox.click(there, address, LINK)
            case "bounce":
                self.sandbox.bounce(there, address)
            case "unsubscribe":
                self.sandbox.unsubscribe(there, address)
            case "leaves":
                self.sandbox.opt_out(self.audience, address)

    def statuses(self, number: int) -> dict[PersonRef, ActivityType]:
        """Return the status of every member that has one."""
        with self.database.reading() as connection:
            done = activities.by_recipient(connection, number)
            members = list(campaign_members.members(connection, number))
        found = {one.ref: member_status(done.get(one.address, ())) for one in members}
        return {ref: status for ref, status in found.items() if status}

    def in_groups(self) -> set[PersonRef]:
        """Return who is in an opt-out group by Mailchimp's word."""
        mine = select(memberships.c.kind, memberships.c.person).where(
            memberships.c.source == "mailchimp"
        )
        with self.database.reading() as connection:
            return {PersonRef(PersonKind(kind), who) for kind, who in connection.execute(mine)}


@pytest.fixture
def story(sandbox: ScriptedSandbox, tmp_path: Path) -> Iterator[Story]:
    """A store, an account, and the clock of the account for both."""
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    story = Story(database, sandbox)
    yield story
    story.close()
    database.close()


@pytest.mark.system
async def test_the_whole_story(
    story: Story, start_gateway: StartGateway, sink: RawSink, tmp_path: Path
) -> None:
    story.crm()
    story.activate()

    # Prepared: who is in, and who is out and why.
    number = story.campaign(*PEOPLE, name="Vacatures voor *|FNAME|*")
    _, plan, _ = sync_campaigns.preview(story.session, number)
    assert {"": 920, "opt_out": 40, "invalid_address": 30, "no_address": 10} == plan.tally

    # Scheduled; two opt out before it leaves, one at Mailchimp and one in the CRM.
    at = quarter(story.sandbox.now(), hours=3)
    sync_campaigns.schedule(story.session, number, at, yes=False)
    story.work(story.sandbox.now() + HOUR)
    story.sandbox.opt_out(story.audience, email(LATE_AT_MAILCHIMP.crm_id))
    story.group("quiet", *OPTED_OUT, LATE_IN_CRM, tag=TAG)
    story.work(at + timedelta(minutes=30))
    sent = story.recipients(number)
    assert story.one(number).state is CampaignState.SENT
    assert 918 == len(sent)
    assert sent.isdisjoint(email(each.crm_id) for each in (LATE_AT_MAILCHIMP, LATE_IN_CRM))

    # Weeks pass: at each step the statuses and the groups are right.
    expected: dict[PersonRef, ActivityType] = {}
    left = {LATE_AT_MAILCHIMP}
    for after, who, what in DOINGS:
        story.work(max(at + after, story.sandbox.now()))
        story.happen(number, who, what)
        story.work(story.sandbox.now() + DAY + timedelta(minutes=10))
        if what in STATUSES:
            expected[who] = max(expected.get(who, STATUSES[what]), STATUSES[what], key=rank)
        left |= {who} if what in {"unsubscribe", "leaves"} else set()
        assert expected == story.statuses(number), what
        assert left == story.in_groups(), what
    opened = story.one(number).opened_at
    assert opened
    check_cadence(opened, story.reads)

    # No feed brings anyone back, and a second campaign leaves out who left.
    story.tell("memberships", [], replace=True, lift=True)
    story.work(story.sandbox.now() + DAY)
    assert left == story.in_groups()
    again = story.campaign(*PEOPLE, name="Nog meer vacatures")
    sync_campaigns.send(story.session, again, yes=True)
    story.work(story.sandbox.now() + HOUR)
    mailed = story.recipients(again)
    assert mailed.isdisjoint(email(each.crm_id) for each in left)
    assert email(PEOPLE[101].crm_id) not in mailed  # it bounced, and Mailchimp cleaned it
    assert email(LATE_IN_CRM.crm_id) in mailed  # the CRM itself took the tick away
    assert {"opt_out": len(left), "cleaned": 1} == {
        reason: count
        for reason, count in Counter(story.outs(again).values()).items()
        if reason in {"opt_out", "cleaned", "unsubscribed"}
    }

    # Bulk mail through the proxy honours the setting.
    url = f"sqlite:///{tmp_path}/gateway.db"
    codes = [await bulk_mail(start_gateway, sink, url, scope) for scope in ("mailchimp", "bulk")]
    assert [250, 550] == codes


def rank(status: ActivityType) -> int:
    """Return how a status ranks (S2, "Status")."""
    return list(ActivityType).index(status)


def check_cadence(created: datetime, reads: list[datetime]) -> None:
    """Check that activities were read no more and no less often than the document says."""
    steps = [(2, 1 / 6), (24, 1), (24 * 7, 3), (24 * 14, 6), (24 * 30, 12), (24 * 60, 24)]
    for earlier, later in pairwise(reads):
        age = (earlier - created) / HOUR
        wanted = next(hours for limit, hours in steps if age < limit)
        assert wanted <= (later - earlier) / HOUR + 0.01
        assert age > 24 * 5 or (later - earlier) / HOUR <= wanted + 0.2


async def bulk_mail(start_gateway: StartGateway, sink: RawSink, url: str, scope: str) -> int:
    """Send one bulk mail to somebody who unsubscribed; return the last reply's code."""
    listener = {"name": "crm", "bind": f"{LOOPBACK}:{free_port()}", "kind": "bulk"}
    settings = {"smtp": {"listeners": [listener]}, "mailchimp": {"optout_scope": scope}}
    gateway = await start_gateway(sink.port, url, settings)
    async with await RawClient.connect(gateway.port) as client:
        await client.ehlo()
        recipient = email(PEOPLE[103].crm_id).encode()
        talk = await client.transaction(b"crm@crm.test", [recipient], b"Subject: Hi\r\n\r\nHi\r\n")
    await gateway.close()
    return talk.end.code
