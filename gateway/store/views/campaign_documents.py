"""The JSON documents of campaigns, for the command line and the API; scripts rely on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.core import ids
from gateway.core.campaigns.campaign_report import CampaignReport, report
from gateway.core.campaigns.campaigns import Campaign
from gateway.core.campaigns.precedence import Activity, ActivityType, member_status
from gateway.core.moments import in_utc
from gateway.store.campaigns import (
    activities,
    campaign_members,
    campaign_reports,
    campaign_syncs,
    campaigns,
)
from gateway.store.campaigns.campaign_members import CampaignMember
from gateway.store.views.documents import Document


def document(one: Campaign, tally: Mapping[str, int]) -> Document:
    """Return a campaign without its members."""
    return {
        "id": ids.show(one.id),
        "name": one.name,
        "state": one.state,
        "mailchimp_id": one.mailchimp_id or None,
        "link": one.link or None,
        "template": one.template,
        "template_name": one.template_name,
        "from_name": one.from_name,
        "from_address": one.from_address,
        "created_at": in_utc(ids.moment_of(one.id)),
        "opened_at": in_utc(one.opened_at),
        "scheduled_for": in_utc(one.scheduled_for),
        "sent_at": in_utc(one.sent_at),
        "trouble": one.trouble or None,
        "last_read": in_utc(one.synced_at),
        "next_read": in_utc(one.next_read),
        "included": tally.get("", 0),
        "excluded": {reason: number for reason, number in sorted(tally.items()) if reason},
    }


@dataclass(frozen=True, slots=True)
class MemberDoings:
    """What the members of a campaign did, and whether opens by machines count."""

    by_recipient: Mapping[str, Sequence[Activity]]
    count_machine_opens: bool = True

    def of(self, one: CampaignMember) -> Sequence[Activity]:
        """Return what a member did; people with one address did the same."""
        return self.by_recipient.get(one.address, ())

    def status(self, one: CampaignMember) -> ActivityType | None:
        """Return the highest of it (S2, "Status")."""
        return member_status(self.of(one), count_machine_opens=self.count_machine_opens)


NOTHING_DONE = MemberDoings({})


def member(one: CampaignMember, doings: MemberDoings = NOTHING_DONE) -> Document:
    """Return a member of a campaign with what it did."""
    return {
        "person": str(one.ref),
        "name": one.name,
        "address": one.address or None,
        "in": one.included,
        "reason": one.reason or None,
        "detail": one.detail or None,
        "status": doings.status(one),
        "activities": [activity(each) for each in doings.of(one)],
    }


def activity(one: Activity) -> Document:
    """Return one thing a member did."""
    return {
        "type": one.type,
        "at": in_utc(one.at),
        "url": one.url or None,
        "machine": one.machine,
        "bounce": one.bounce or None,
        "reason": one.reason or None,
    }


def numbers(found: CampaignReport, *, count_machine_opens: bool) -> Document:
    """Return the five numbers of a campaign: members, not times."""
    return {
        "sent": found.sent,
        "bounced": found.bounced,
        "opened": found.opened(count_machine_opens=count_machine_opens),
        "clicked": found.clicks.members,
        "unsubscribed": found.unsubscribed,
    }


def whole(
    connection: Connection, number: int, *, count_machine_opens: bool, with_members: bool
) -> Document:
    """Return a campaign with its members and the numbers of its report.

    Raises `NoSuchCampaign`.
    """
    campaign = campaigns.one(connection, number)
    told = document(campaign, campaign_members.tally(connection, number))
    if with_members:
        doings = MemberDoings(activities.by_recipient(connection, number), count_machine_opens)
        found = campaign_members.members(connection, number)
        told["members"] = [member(one, doings) for one in found]
    known = read(connection, number)
    told["report"] = known and numbers(known, count_machine_opens=count_machine_opens)
    return told


def read(connection: Connection, campaign: int) -> CampaignReport | None:
    """Return the numbers of a campaign as read last; None while there are none."""
    synced = campaign_syncs.one(connection, campaign)
    if synced is None or synced.counters is None:
        return None
    return report(synced.counters, campaign_reports.kept(connection, campaign))
