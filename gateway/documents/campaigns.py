"""Campaigns: their data, members, activities and results."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.campaigns.campaign_report import CampaignReport, report
from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.campaigns.precedence import Activity, ActivityType, member_status
from gateway.core.moments import in_utc
from gateway.core.sending.event import Event, EventType
from gateway.documents.fields import IdText, JsonSchema, PersonText, TimeText
from gateway.store.campaigns import (
    activities,
    campaign_members,
    campaign_syncs,
    campaigns,
    opt_outs,
)
from gateway.store.campaigns.activities import ActivityCampaign, RecipientActivity
from gateway.store.campaigns.campaign_members import CampaignMember
from gateway.store.campaigns.campaign_reports import CountedCampaigns
from gateway.store.campaigns.campaign_syncs import Synced
from gateway.store.campaigns.departures import Departure
from gateway.store.engine.database import StoreTransaction


class CampaignDocument(TypedDict):
    """A campaign without its members."""

    id: IdText
    name: Annotated[str, JsonSchema(description="The subject of its mails.")]
    state: CampaignState
    mailchimp_id: str | None
    link: Annotated[str | None, JsonSchema(description="Where people open it in Mailchimp.")]
    template: int
    template_name: str
    from_name: str
    from_address: str
    created_at: TimeText
    opened_at: Annotated[TimeText | None, JsonSchema(description="Its creation at Mailchimp.")]
    scheduled_for: TimeText | None
    sent_at: TimeText | None
    trouble: Annotated[str | None, JsonSchema(description="Why it isn't where it was meant to be.")]
    last_read: TimeText | None
    next_read: TimeText | None
    included: Annotated[int, JsonSchema(description="Members who are in.")]
    excluded: Annotated[dict[str, int], JsonSchema(description="Those who are out, by reason.")]


class ActivityDocument(TypedDict):
    """One thing a member did."""

    type: ActivityType
    at: TimeText
    url: Annotated[str | None, JsonSchema(description="Of a click.")]
    machine: Annotated[
        bool, JsonSchema(description="An open by a mail proxy, perhaps not by the reader.")
    ]
    bounce: Annotated[str | None, JsonSchema(description="hard or soft, of a bounce.")]
    reason: Annotated[str | None, JsonSchema(description="Of who unsubscribed.")]


#: `in` is not a valid name in Python.
MemberDocument = TypedDict(
    "MemberDocument",
    {
        "person": PersonText,
        "name": str,
        "address": str | None,
        "in": bool,
        "reason": Annotated[str | None, JsonSchema(description="Why the person is out.")],
        "detail": str | None,
        "status": Annotated[ActivityType | None, JsonSchema(description="The highest activity.")],
        "activities": list[ActivityDocument],
    },
)


class CampaignNumbersDocument(TypedDict):
    """The five numbers of a campaign: members, not times."""

    sent: int
    bounced: int
    opened: int
    clicked: int
    unsubscribed: int


class CampaignSummaryDocument(CampaignDocument):
    """A campaign with its numbers."""

    report: CampaignNumbersDocument | None


class CampaignWholeDocument(CampaignSummaryDocument):
    """A campaign with its members."""

    members: NotRequired[list[MemberDocument]]


class CampaignDoneDocument(CampaignSummaryDocument):
    """A campaign after an action on it."""

    remarks: NotRequired[list[str]]


class CampaignAddedDocument(CampaignSummaryDocument):
    """A campaign after people were added."""

    added: int
    known: int
    problems: list[str]


class CampaignRemovedDocument(CampaignSummaryDocument):
    """A campaign after somebody was removed."""

    removed: list[PersonText]


class CampaignChangesDocument(TypedDict):
    """What preparing would change at Mailchimp; `PreparationPlan.document` makes it."""

    new: int
    changed: int
    unchanged: int
    to_segment: int
    from_segment: int
    dropped: int
    dropped_of: int
    needs_yes: bool


class CampaignPreparedDocument(CampaignDocument):
    """A campaign after it was prepared."""

    changes: CampaignChangesDocument
    missing: Annotated[list[str], JsonSchema(description="What keeps it from being sent.")]


class MembersPreparedDocument(CampaignPreparedDocument):
    """The same with who is in and who is out."""

    members: list[MemberDocument]


class BouncesDocument(TypedDict):
    """Members whose mail came back, by kind."""

    hard: int
    soft: int
    syntax: int


class OpensDocument(TypedDict):
    """How often a campaign was opened, and by how many members."""

    times: int
    members: int
    times_without_machines: int
    members_without_machines: int
    count_machine_opens: Annotated[bool, JsonSchema(description="The setting: what counts.")]


class ClicksDocument(TypedDict):
    """How often links were clicked, and by how many members."""

    times: int
    members: int


class LinkDocument(TypedDict):
    """A link of a campaign."""

    url: str
    clicks: int
    members: int


class CampaignReportDocument(CampaignNumbersDocument):
    """The results of a campaign that was sent."""

    id: IdText
    name: str
    state: CampaignState
    mailchimp_id: str
    sent_at: TimeText | None
    as_of: TimeText | None
    bounces: BouncesDocument
    opens: OpensDocument
    clicks: ClicksDocument
    links: list[LinkDocument]


class FreshReportDocument(CampaignReportDocument):
    """The same after reading Mailchimp again; a remark says if that failed."""

    remarks: list[str]


class PrerequisiteDocument(TypedDict):
    """What an account needs for campaigns, and whether it has it."""

    name: str
    met: bool
    text: str


class AudienceDocument(TypedDict):
    """The audience campaigns go to."""

    id: str
    name: str
    last_read: TimeText | None
    next_read: TimeText | None


class MailchimpAccountDocument(TypedDict):
    """What the account has and lacks; `AccountState.document` makes it."""

    ready: bool
    prerequisites: list[PrerequisiteDocument]
    audience: AudienceDocument | None
    campaigns: int
    last_read: TimeText | None
    next_read: TimeText | None


class MailchimpTemplateDocument(TypedDict):
    """A template of the account; `AccountState.templates` makes it."""

    id: int
    name: str
    content_type: str
    usable: bool
    fault: Annotated[str, JsonSchema(description="Why it can't be used.")]


class CampaignActivityData(TypedDict):
    """An activity of a member, with the campaign's id and title (S2)."""

    campaign: IdText
    title: str
    type: ActivityType
    at: TimeText
    url: str | None
    bounce: str | None
    machine: bool
    reason: str | None
    address: str


class OptedOutData(TypedDict):
    """An opt-out at Mailchimp, with its campaign if that is known, or by a link in a mail."""

    address: str
    at: TimeText
    source: Annotated[str, JsonSchema(description="mailchimp or unsubscribe")]
    campaign: IdText | None
    title: str | None
    reason: Annotated[
        str | None, JsonSchema(description="What the person said, or the text they chose.")
    ]
    topic: Annotated[
        str | None, JsonSchema(description="Mail of this topic alone; null: all mailings.")
    ]


def campaign_document(campaign: Campaign, tally: Mapping[str, int]) -> CampaignDocument:
    """Return a campaign without its members; `tally` counts them by reason, those in by none."""
    return {
        "id": ids.show(campaign.id),
        "name": campaign.name,
        "state": campaign.state,
        "mailchimp_id": campaign.mailchimp_id or None,
        "link": campaign.link or None,
        "template": campaign.template,
        "template_name": campaign.template_name,
        "from_name": campaign.from_name,
        "from_address": campaign.from_address,
        "created_at": in_utc(ids.moment_of(campaign.id)),
        "opened_at": in_utc(campaign.opened_at),
        "scheduled_for": in_utc(campaign.scheduled_for),
        "sent_at": in_utc(campaign.sent_at),
        "trouble": campaign.trouble or None,
        "last_read": in_utc(campaign.synced_at),
        "next_read": in_utc(campaign.next_read),
        "included": tally.get("", 0),
        "excluded": {reason: number for reason, number in sorted(tally.items()) if reason},
    }


@dataclass(frozen=True, slots=True)
class MemberDoings:
    """The activities of a campaign's members, and whether opens by machines count."""

    by_recipient: Mapping[str, Sequence[Activity]]
    count_machine_opens: bool = True

    def of(self, member: CampaignMember) -> Sequence[Activity]:
        """Return a member's activities; people who share an address have the same."""
        return self.by_recipient.get(member.address, ())

    def status(self, member: CampaignMember) -> ActivityType | None:
        """Return the highest activity (S2, "Status")."""
        return member_status(self.of(member), count_machine_opens=self.count_machine_opens)


NOTHING_DONE = MemberDoings({})


def member_document(member: CampaignMember, doings: MemberDoings = NOTHING_DONE) -> MemberDocument:
    """Return a member of a campaign with their activities."""
    return {
        "person": str(member.ref),
        "name": member.name,
        "address": member.address or None,
        "in": member.included,
        "reason": member.reason or None,
        "detail": member.detail or None,
        "status": doings.status(member),
        "activities": [activity_document(activity) for activity in doings.of(member)],
    }


def activity_document(activity: Activity) -> ActivityDocument:
    """Return an activity of a member."""
    return {
        "type": activity.type,
        "at": in_utc(activity.at),
        "url": activity.url or None,
        "machine": activity.machine,
        "bounce": activity.bounce or None,
        "reason": activity.reason or None,
    }


def numbers_document(
    numbers: CampaignReport, *, count_machine_opens: bool
) -> CampaignNumbersDocument:
    """Return the five numbers of a campaign, which count members, not times."""
    return {
        "sent": numbers.sent,
        "bounced": numbers.bounced,
        "opened": numbers.opened(count_machine_opens=count_machine_opens),
        "clicked": numbers.clicks.members,
        "unsubscribed": numbers.unsubscribed,
    }


def known_numbers(
    connection: StoreTransaction,
    number: int,
    *,
    count_machine_opens: bool,
    counted_campaigns: CountedCampaigns | None = None,
) -> CampaignNumbersDocument | None:
    """Return the numbers of a campaign as last read; None while there are none."""
    documents = known_numbers_of_several(
        connection,
        [number],
        count_machine_opens=count_machine_opens,
        counted_campaigns=counted_campaigns,
    )
    return documents.get(number)


def known_numbers_of_several(
    connection: StoreTransaction,
    numbers: Sequence[int],
    *,
    count_machine_opens: bool,
    counted_campaigns: CountedCampaigns | None,
) -> dict[int, CampaignNumbersDocument]:
    """Return the same for up to a few hundred campaigns, without those that have no numbers.

    `counted_campaigns` caches earlier counts.
    """
    counters = {
        number: synced.counters
        for number, synced in campaign_syncs.by_ids(connection, numbers).items()
        if synced.counters is not None
    }
    counts = (counted_campaigns or CountedCampaigns()).counts_of(connection, list(counters))
    return {
        number: numbers_document(
            report(counted, counts[number]), count_machine_opens=count_machine_opens
        )
        for number, counted in counters.items()
    }


def campaign_summary_document(
    connection: StoreTransaction, number: int, *, count_machine_opens: bool
) -> CampaignSummaryDocument:
    """Return a campaign with the numbers of its report. Raises `NoSuchCampaign`."""
    campaign = campaigns.by_id(connection, number)
    return {
        **campaign_document(campaign, campaign_members.tally(connection, number)),
        "report": known_numbers(connection, number, count_machine_opens=count_machine_opens),
    }


def campaign_whole_document(
    connection: StoreTransaction, number: int, *, count_machine_opens: bool
) -> CampaignWholeDocument:
    """Return a campaign with its members and its numbers. Raises `NoSuchCampaign`."""
    campaign = campaigns.by_id(connection, number)
    doings = MemberDoings(activities.by_recipient(connection, number), count_machine_opens)
    members = campaign_members.members(connection, number)
    return {
        **campaign_document(campaign, campaign_members.tally(connection, number)),
        "members": [member_document(member, doings) for member in members],
        "report": known_numbers(connection, number, count_machine_opens=count_machine_opens),
    }


def campaign_report_document(
    synced: Synced, numbers: CampaignReport, *, count_machine_opens: bool
) -> CampaignReportDocument:
    """Return the report of a sent campaign."""
    campaign = synced.campaign
    return {
        "id": ids.show(campaign.id),
        "name": campaign.name,
        "state": campaign.state,
        "mailchimp_id": campaign.mailchimp_id,
        "sent_at": in_utc(campaign.sent_at),
        "as_of": in_utc(synced.synced_at),
        **numbers_document(numbers, count_machine_opens=count_machine_opens),
        "bounces": {"hard": numbers.hard, "soft": numbers.soft, "syntax": numbers.syntax},
        "opens": {
            "times": numbers.opens.times,
            "members": numbers.opens.members,
            "times_without_machines": numbers.opens_by_people.times,
            "members_without_machines": numbers.opens_by_people.members,
            "count_machine_opens": count_machine_opens,
        },
        "clicks": {"times": numbers.clicks.times, "members": numbers.clicks.members},
        "links": [
            {"url": link.url, "clicks": link.clicks, "members": link.members}
            for link in numbers.links
        ],
    }


def campaign_activity_data(
    mailing: ActivityCampaign, act: RecipientActivity
) -> CampaignActivityData:
    """Return a webhook's data on an activity."""
    activity = activity_document(act.activity)
    return {
        "campaign": ids.show(mailing.id),
        "title": mailing.name,
        "type": activity["type"],
        "at": activity["at"],
        "url": activity["url"],
        "bounce": activity["bounce"],
        "machine": activity["machine"],
        "reason": activity["reason"],
        "address": act.recipient,
    }


def campaign_activity_events(
    connection: StoreTransaction,
    mailing: ActivityCampaign,
    acts: Sequence[RecipientActivity],
    new_id: Callable[[], int],
) -> list[Event]:
    """Return the events of new activities, one for each member with the address.

    If no member has it, there is one event without a person.
    """
    addresses = {act.recipient for act in acts}
    people = activities.members_by_address(connection, mailing.id, addresses)
    return [
        Event(
            id=new_id(),
            type=EventType.CAMPAIGN_ACTIVITY,
            person=person,
            data=campaign_activity_data(mailing, act),
        )
        for act in acts
        for person in people.get(act.recipient, [None])
    ]


def opted_out_data(departure: Departure, title: str | None) -> OptedOutData:
    """Return a webhook's data on an opt-out; `title` is that of the campaign it came through."""
    return {
        "address": departure.address,
        "at": in_utc(departure.at),
        "source": opt_outs.SOURCE,
        "campaign": None if departure.campaign is None else ids.show(departure.campaign),
        "title": title,
        "reason": departure.reason or None,
        "topic": None,
    }


def opted_out_events(
    connection: StoreTransaction, left: Sequence[Departure], new_id: Callable[[], int]
) -> Iterator[Event]:
    """Yield the events of opt-outs, each with the name of its campaign."""
    names = campaigns.names(
        connection, {member.campaign for member in left if member.campaign is not None}
    )
    for departure in left:
        yield Event(
            id=new_id(),
            type=EventType.OPTED_OUT,
            person=departure.person,
            data=opted_out_data(departure, names.get(departure.campaign or 0)),
        )
