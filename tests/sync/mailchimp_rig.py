"""A CRM, its campaigns, and the account they go out through, worked as commands work them."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign, CampaignRequest
from gateway.core.ids import IdSource, milliseconds_of
from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.people.people import Group, Membership, Person, PersonKind, PersonRef, Staff
from gateway.store.campaigns import campaign_members, campaigns, opt_outs
from gateway.store.campaigns.campaign_members import CampaignMember
from gateway.store.engine.database import Database
from gateway.store.feed.feed import ImportTerms, feed
from gateway.store.people import suppression
from gateway.store.people.suppression import Standings
from gateway.sync import campaigns as sync_campaigns
from gateway.sync.activation import Activation, ActivationRequest, ActivationStep
from gateway.sync.mailchimp.client import MailchimpClient, member_id
from gateway.sync.mailchimp.transport import MailchimpLimits
from gateway.sync.mailchimp_session import MailchimpSession
from gateway.sync.refresh import Refresher, RefreshResult
from tests.rig.sandbox import ScriptedSandbox
from tests.store.holders import nobody_is_gone

KEY = "0123456789abcdef-us1"
CONTACT = {"company": "CRM", "address1": "Dam 1", "city": "Amsterdam", "country": "NL"}
DOMAIN = "klant.test"


def candidate(crm_id: str) -> PersonRef:
    """Name a candidate."""
    return PersonRef(PersonKind.CANDIDATE, crm_id)


def contact(crm_id: str) -> PersonRef:
    """Name a contact."""
    return PersonRef(PersonKind.CONTACT, crm_id)


def email(crm_id: str) -> str:
    """Return the address of a person."""
    return f"{crm_id}@{DOMAIN}"


class MailchimpRig:
    """Everything a test needs to make campaigns."""

    def __init__(self, database: Database, sandbox: ScriptedSandbox, **wishes: Any) -> None:
        self.database = database
        self.sandbox = sandbox
        self.audience = sandbox.furnish()
        self.template = next(iter(sandbox.account.templates))
        self.wishes = ActivationRequest(
            **{
                "contact": CONTACT,
                "from_name": "CRM",
                "from_email": "office@crm.test",
                "language": "nl",
                **wishes,
            }
        )
        self.client = MailchimpClient(
            KEY, base_url=sandbox.url, limits=MailchimpLimits(attempts=3), sleep=lambda _: None
        )
        self.standings = Standings(database, tag_scopes=TAG_SCOPES, clock=sandbox.now)
        self.session = MailchimpSession(
            database=database,
            client=self.client,
            standings=self.standings,
            holder="test:1",
            is_gone=nobody_is_gone,
            clock=sandbox.now,
            pause=lambda _: None,
        )
        self.results: list[RefreshResult] = []
        self.refresher = Refresher(session=self.session, on_result=self.results.append)
        self._ids = IdSource(3)

    def close(self) -> None:
        """End the connections."""
        self.client.close()
        self.standings.close()

    def new_id(self) -> int:
        """Return a new id."""
        return self._ids.next(milliseconds_of(self.sandbox.now()))

    def activate(self, *, dry_run: bool = False) -> list[ActivationStep]:
        """Activate, or only tell what that would do."""
        activation = Activation(
            client=self.client,
            database=self.database,
            wishes=self.wishes,
            clock=self.sandbox.now,
            dry_run=dry_run,
        )
        return list(activation.run())

    # The CRM.

    def tell(self, what: str, records: Iterable[object], **terms: Any) -> None:
        """Let the CRM tell."""
        with feed(self.database, what) as under_way:
            under_way.add(list(enumerate(records, 2)))
            under_way.apply(ImportTerms(**{"source": "crm", "now": self.sandbox.now(), **terms}))

    def people(self, *refs: PersonRef, replace_all: bool = False, **facts: Any) -> None:
        """Let the CRM tell of people, each with an address of its own unless told otherwise."""
        told: dict[str, Any] = {"first_name": "Ann", "last_name": "Aa", "owner": "olga"} | facts
        self.tell(
            "people",
            (Person(ref=ref, **{"emails": (email(ref.crm_id),), **told}) for ref in refs),
            replace=replace_all,
        )

    def staff(self, name: str = "Olga Owner") -> None:
        """Let the CRM tell of the people's owner."""
        self.tell("staff", [Staff(crm_id="olga", name=name, email="olga@crm.test")])

    def group(self, crm_id: str, *people: PersonRef, tag: str = "", **facts: Any) -> None:
        """Let the CRM tell of a group and who is in it."""
        kind = people[0].kind if people else PersonKind.CANDIDATE
        self.tell("groups", [Group(kind=kind, crm_id=crm_id, name=crm_id, tag=tag, **facts)])
        self.tell(
            "memberships",
            (Membership(kind=ref.kind, group=crm_id, person=ref.crm_id) for ref in people),
        )

    def opt_out(self, *refs: PersonRef) -> None:
        """Put people into the opt-out group of their kind."""
        with self.database.writing() as connection:
            opt_outs.join(connection, refs, self.sandbox.now())

    def suppress(self, address: str, scope: Scope = Scope.BULK) -> None:
        """Let staff suppress an address."""
        with self.database.writing() as connection:
            suppression.add(
                connection,
                id=self.new_id(),
                ref_or_address=address,
                scope=scope,
                remark="",
                public=False,
                by="staff",
                since=self.sandbox.now(),
                until=None,
            )

    # Campaigns.

    def campaign(self, *refs: PersonRef, name: str = "Vacatures", **draft: Any) -> int:
        """Make a campaign with people in it; return its id."""
        wanted: dict[str, Any] = {
            "name": name,
            "template": self.template,
            "from_name": "CRM",
            "from_address": "office@crm.test",
        }
        made, _ = sync_campaigns.create(
            self.session, CampaignRequest(**(wanted | draft)), self.new_id(), yes=True
        )
        if refs:
            sync_campaigns.add(self.session, made.id, refs)
        return made.id

    def one(self, number: int) -> Campaign:
        """Return a campaign as the store has it."""
        with self.database.reading() as connection:
            return campaigns.by_id(connection, number)

    def members(self, number: int) -> dict[str, CampaignMember]:
        """Return the members of a campaign by person."""
        with self.database.reading() as connection:
            return {str(one.ref): one for one in campaign_members.members(connection, number)}

    def outs(self, number: int) -> dict[str, str]:
        """Return why each member is out; empty: it is in."""
        return {ref: one.reason for ref, one in self.members(number).items()}

    def refresh(self, **later: float) -> list[RefreshResult]:
        """Let time pass and the sync look after scheduled campaigns; return what it did."""
        self.sandbox.advance(**later)
        before = len(self.results)
        self.refresher.run()
        return self.results[before:]

    def restarted(self) -> None:
        """Forget what the sync knew when it was ended."""
        self.refresher = Refresher(session=self.session, on_result=self.results.append)

    # Mailchimp.

    def segment(self, number: int) -> set[str]:
        """Return the addresses in a campaign's segment."""
        campaign = self.one(number)
        audience = self.sandbox.account.audience(campaign.audience)
        assert campaign.segment is not None
        inside = audience.segments[campaign.segment].members
        return {audience.members[each].address for each in inside}

    def recipients(self, number: int) -> set[str]:
        """Return the addresses a campaign was sent to."""
        there = self.sandbox.account.campaign(self.one(number).mailchimp_id)
        return {each.address for each in there.recipients.values()}

    def status_there(self, number: int) -> str:
        """Return where a campaign stands at Mailchimp."""
        return self.sandbox.account.campaign(self.one(number).mailchimp_id).status

    def member(self, address: str) -> Any:
        """Return a member at Mailchimp."""
        return self.sandbox.member(self.audience, address)

    def is_member(self, address: str) -> bool:
        """Whether an address is in the audience at all."""
        return member_id(address) in self.sandbox.account.audience(self.audience).members

    def asked(self, method: str, path: str = "", since: int = 0) -> int:
        """Return how many calls of a kind there were."""
        return sum(
            call.method == method and path in call.path for call in list(self.sandbox.calls)[since:]
        )


def quarter(at: datetime, *, hours: int = 2) -> datetime:
    """Return a quarter hour some hours from a time."""
    return at.replace(minute=0, second=0, microsecond=0).replace(hour=at.hour + hours)


def campaign_in(folder: Path, sandbox: ScriptedSandbox, *refs: PersonRef) -> tuple[str, str]:
    """Make a campaign in the store of a folder, for commands; return its id and the audience's."""
    database = Database(f"sqlite:///{folder}/gateway.db")
    database.prepare()
    rig = MailchimpRig(database, sandbox)
    rig.activate()
    rig.people(*refs)
    number = rig.campaign(*refs)
    rig.close()
    database.close()
    return ids.show(number), rig.audience
