"""A campaign that was sent from the sandbox, and the store its activities come back to."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import insert, select

from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.campaigns.membership import KnownContact
from gateway.core.ids import IdSource, milliseconds_of
from gateway.core.kinds import TAG_SCOPES
from gateway.core.people.people import Person, PersonKind, PersonRef
from gateway.store.campaigns import activities, audiences, campaign_syncs, campaigns
from gateway.store.campaigns.activities import MemberActivity
from gateway.store.engine.database import Database
from gateway.store.feed.feed import ImportTerms, feed
from gateway.store.people.suppression import Standings
from gateway.store.schema.campaigns import campaign_members
from gateway.store.schema.feed import memberships
from gateway.store.schema.outbox import events
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.transport import MailchimpLimits
from gateway.sync.mailchimp_session import MailchimpSession
from gateway.sync.sync_round import RoundResult, Rounds
from tests.rig.sandbox import ScriptedSandbox
from tests.store.holders import nobody_is_gone
from tests.sync.api import Api, act

KEY = "0123456789abcdef-us1"
ANN, BOB, CLO = (PersonRef(PersonKind.CANDIDATE, each) for each in ("ann", "bob", "clo"))
DAN = PersonRef(PersonKind.CONTACT, "dan")


def address(ref: PersonRef) -> str:
    """Return the address of one of the people below."""
    return f"{ref.crm_id}@crm.test"


class Crm:
    """A small CRM, an activated audience, and campaigns sent to it."""

    def __init__(self, database: Database, sandbox: ScriptedSandbox) -> None:
        self.database = database
        self.sandbox = sandbox
        self.api = Api(sandbox)
        self.audience = sandbox.furnish()
        self._ids = IdSource(7)
        self.standings = Standings(database, tag_scopes=TAG_SCOPES)
        self.results: list[RoundResult] = []
        self.client = MailchimpClient(
            KEY, base_url=sandbox.url, limits=MailchimpLimits(attempts=3), sleep=lambda _: None
        )
        with database.writing() as connection:
            audiences.activate(
                connection, self.audience, name="CRM", double_optin=False, now=sandbox.now()
            )
        self.tell(ANN, BOB, CLO, DAN)

    def close(self) -> None:
        """End the connections."""
        self.client.close()
        self.api.session.close()
        self.standings.close()

    def new_id(self) -> int:
        """Return a new id."""
        return self._ids.next(milliseconds_of(self.sandbox.now()))

    def tell(self, *refs: PersonRef, **emails: str) -> None:
        """Let the CRM tell of people; with `ann="x@crm.test"` of other addresses."""
        self.tell_all(
            Person(ref=ref, emails=(emails.get(ref.crm_id, address(ref)),)) for ref in refs
        )

    def tell_all(self, everybody: Any) -> None:
        """Let the CRM tell of people."""
        with feed(self.database, "people") as under_way:
            under_way.add(list(enumerate(everybody, 2)))
            under_way.apply(ImportTerms(source="crm", now=self.sandbox.now()))

    def subscribe(self, *refs: PersonRef) -> None:
        """Put people into the audience."""
        for ref in refs:
            self.sandbox.add_member(self.audience, address(ref))

    def prepared(self, *refs: PersonRef) -> None:
        """Keep what Mailchimp tells of members, as preparing a campaign does."""
        members = [self.sandbox.member(self.audience, address(ref)) for ref in refs]
        known = [
            KnownContact(
                address=one.address.lower(),
                email=one.address,
                email_id=one.id,
                contact_id=one.contact_id,
                status=one.status,
                changed_at=one.last_changed,
            )
            for one in members
        ]
        with self.database.writing() as connection:
            audiences.take_in(connection, self.audience, known)

    def campaign(self, *refs: PersonRef, name: str = "Vacatures", send: bool = True) -> Campaign:
        """Create a campaign at Mailchimp and here, to these people, and send it."""
        number = self.new_id()
        body = {
            "type": "regular",
            "recipients": {"list_id": self.audience},
            "settings": {
                "subject_line": name,
                "title": name,
                "from_name": "CRM",
                "reply_to": "office@crm.test",
                "template_id": next(iter(self.sandbox.account.templates)),
            },
        }
        there = self.api.post("/campaigns", body)
        campaign = Campaign(
            id=number,
            name=name,
            state=CampaignState.OPENED,
            template=1,
            from_name="CRM",
            from_address="office@crm.test",
            audience=self.audience,
            mailchimp_id=there["id"],
            opened_at=self.sandbox.now(),
        )
        rows = [
            {
                "campaign": number,
                "kind": ref.kind.value,
                "person": ref.crm_id,
                "address": address(ref),
                "included": True,
                "added_at": self.sandbox.now(),
            }
            for ref in refs
        ]
        with self.database.writing() as connection:
            campaigns.put(connection, campaign)
            if rows:
                connection.execute(insert(campaign_members), rows)
        if send:
            act(self.api, campaign.mailchimp_id, "send")
            self.sandbox.advance(minutes=2)
        return campaign

    def session(self, **changes: Any) -> MailchimpSession:
        """Return what work on campaigns is done with."""
        return MailchimpSession(
            **{
                "database": self.database,
                "client": self.client,
                "standings": self.standings,
                "holder": "here:1",
                "is_gone": nobody_is_gone,
                "clock": self.sandbox.now,
                "pause": lambda _: None,
                **changes,
            }
        )

    def rounds(self, **changes: Any) -> Rounds:
        """Return what looks at Mailchimp."""
        return Rounds(
            **{
                "session": self.session(),
                "new_id": self.new_id,
                "on_result": self.results.append,
                **changes,
            }
        )

    def sync(self) -> list[str]:
        """Look at everything; return the calls made for it."""
        return self.calls(lambda: self.rounds().run(everything=True))

    def calls(self, work: Callable[[], object]) -> list[str]:
        """Return the calls made for some work, without what differs between runs."""
        before = len(self.sandbox.calls)
        work()
        return [f"{one.method} {one.path}" for one in list(self.sandbox.calls)[before:]]

    # What came of it.

    def done(self, ref: PersonRef) -> list[MemberActivity]:
        """Return what a person did."""
        with self.database.reading() as connection:
            newest = activities.newest_of_person(connection, ref, None, None, 1000)
        return sorted(newest, key=lambda done: done.act.activity.at)

    def types(self, ref: PersonRef) -> list[str]:
        """Return the types of what a person did, in time."""
        return [done.act.activity.type.value for done in self.done(ref)]

    def kept(self, campaign: Campaign) -> dict[str, int]:
        """Return how many activities of each type are kept."""
        with self.database.reading() as connection:
            return activities.counts(connection, campaign.id)

    def state(self, campaign: Campaign) -> CampaignState:
        """Return where a campaign stands."""
        with self.database.reading() as connection:
            return campaigns.by_id(connection, campaign.id).state

    def is_due(self) -> bool:
        """Whether the sync role would look at anything now."""
        with self.database.reading() as connection:
            return campaign_syncs.is_due(connection, self.sandbox.now())

    def synced(self, campaign: Campaign) -> campaign_syncs.Synced:
        """Return how far a campaign is known."""
        with self.database.reading() as connection:
            found = campaign_syncs.by_id(connection, campaign.id)
        assert found
        return found

    def opted_out(self) -> set[PersonRef]:
        """Return who is in an opt-out group by Mailchimp's word."""
        query = select(memberships.c.kind, memberships.c.person).where(
            memberships.c.source == "mailchimp"
        )
        with self.database.reading() as connection:
            return {
                PersonRef(PersonKind(kind), person) for kind, person in connection.execute(query)
            }

    def events(self) -> list[tuple[str, str]]:
        """Return what is to be told: type and person."""
        query = select(events.c.type, events.c.person).order_by(events.c.id)
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]
