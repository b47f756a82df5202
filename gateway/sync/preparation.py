"""Preparing a campaign: who is included, who is left out, and what would change at Mailchimp."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core.campaigns.campaigns import Campaign
from gateway.core.campaigns.membership import (
    SCHEDULE_AGAIN,
    DroppedMembers,
    MemberFacts,
    MemberOut,
    left_out,
)
from gateway.core.errors import GatewayError
from gateway.core.mail.address import lookup_form
from gateway.core.people.people import NOBODY, PersonRef
from gateway.documents.campaigns import CampaignChangesDocument
from gateway.store.campaigns import audiences, campaign_members, campaign_segments, campaigns
from gateway.store.campaigns.campaign_members import MemberToDecide
from gateway.store.campaigns.campaign_segments import Outgoing
from gateway.sync.campaign_at_mailchimp import change_campaign
from gateway.sync.mailchimp.errors import MailchimpNotFound
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import MailchimpSession
from gateway.sync.reading import read_audience, read_until_nothing_is_new

DECIDED_AT_ONCE = 1_000
PAGE = 2_000  #: Addresses handled together: four batches for four threads.


def drop_alarm(drop: DroppedMembers) -> str:
    """Return the warning about members that drop out, without how to continue."""
    return (
        f"{drop.dropped} of {drop.before} members would drop out, and not by the opt-out group: "
        "look with gateway campaigns prepare whether the CRM's export is whole"
    )


class TooManyDropOut(GatewayError):
    """So many members would drop out that it may be a mistake; --yes continues."""

    def __init__(self, drop: DroppedMembers) -> None:
        self.drop = drop
        super().__init__(f"{drop_alarm(drop)}; if it is right, repeat with --yes")


class SegmentGone(GatewayError):
    """The campaign's segment was deleted at Mailchimp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparationPlan:
    """The results of preparing, and what would change at Mailchimp."""

    tally: dict[str, int]  #: Members by reason; those under the empty one are included.
    new: int  #: To be added to the audience.
    changed: int  #: In the audience with other data.
    unchanged: int
    to_segment: int
    from_segment: tuple[str, ...]  #: Addresses as Mailchimp has them.
    drop: DroppedMembers

    @property
    def included(self) -> int:
        """How many are included."""
        return self.tally.get("", 0)

    def document(self) -> CampaignChangesDocument:
        """Return what would change at Mailchimp in its JSON form."""
        return {
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "to_segment": self.to_segment,
            "from_segment": len(self.from_segment),
            "dropped": self.drop.dropped,
            "dropped_of": self.drop.before,
            "needs_yes": self.drop.is_alarming,
        }


def prepare(
    session: MailchimpSession, campaign: Campaign, *, may_add: bool = True
) -> PreparationPlan:
    """Decide on every member afresh; Mailchimp is only read.

    Without `may_add` nobody comes into the segment any more, as before a scheduled campaign's time.
    """
    read_audience(session, campaign.audience)
    decide_members(session, campaign)
    leaving = read_segment(session, campaign)
    if not may_add:
        leave_out_latecomers(session, campaign)
    new = changed = unchanged = 0
    for page in outgoing_pages(session, campaign):
        new += sum(not member.status for member in page)
        unchanged += sum(bool(member.status) and member.is_current for member in page)
        changed += sum(bool(member.status) and not member.is_current for member in page)
    with session.database.reading() as connection:
        return PreparationPlan(
            tally=campaign_members.tally(connection, campaign.id),
            new=new,
            changed=changed,
            unchanged=unchanged,
            to_segment=campaign_segments.count_missing_in_segment(connection, campaign.id),
            from_segment=tuple(leaving),
            drop=campaign_members.dropped_members(connection, campaign.id),
        )


def outgoing_pages(session: MailchimpSession, campaign: Campaign) -> Iterator[list[Outgoing]]:
    """Yield the included members in pages; the last may be empty. Nothing is locked between."""
    after = ""
    while True:
        with session.database.reading() as connection:
            page = campaign_segments.outgoing(
                connection, campaign.id, campaign.audience, after=after, limit=PAGE
            )
        yield page
        if len(page) < PAGE:
            return
        after = page[-1].address


def guard(plan: PreparationPlan) -> None:
    """Raise TooManyDropOut if more drop out than usual (M10)."""
    if plan.drop.is_alarming:
        raise TooManyDropOut(plan.drop)


def decide_members(session: MailchimpSession, campaign: Campaign) -> None:
    """Decide for every member whether it is included, by what the store has."""
    with session.database.reading() as connection:
        total = campaign_members.count(connection, campaign.id)
    done = 0
    for decisions in _decisions(session, campaign):
        with session.database.writing() as connection:
            campaign_members.keep_decisions(connection, campaign.id, decisions)
        done += len(decisions)
        session.beat("Looking at the members", done, total)
    with session.database.writing() as connection:
        campaign_members.leave_out_duplicates(connection, campaign.id)


def must_somebody_leave(session: MailchimpSession, campaign: Campaign) -> bool:
    """Whether the segment has somebody who must drop out; nothing is stored.

    A campaign that somebody has just sent at Mailchimp keeps its members as they were then.
    """
    for decisions in _decisions(session, campaign):
        session.beat("Looking at the members", 0, 0)
        for member, out in decisions:
            if member.segmented and (out is not None or member.has_left_address):
                return True
    return False


def _decisions(
    session: MailchimpSession, campaign: Campaign
) -> Iterator[list[tuple[MemberToDecide, MemberOut | None]]]:
    """Yield the members, some at a time, each with why it is left out."""
    last: PersonRef | None = None
    while True:
        with session.database.reading() as connection:
            members = campaign_members.candidates(
                connection, campaign.id, after=last, limit=DECIDED_AT_ONCE
            )
            addresses = [member.address for member in members if member.address]
            standings = session.standings.within(connection, addresses)
            contacts = audiences.known_contacts(connection, campaign.audience, addresses)
        if not members:
            return
        now = session.clock()
        yield [
            (
                member,
                left_out(
                    MemberFacts(
                        ref=member.ref,
                        is_known=member.is_known,
                        address=member.address,
                        has_unusable=member.has_unusable,
                        opted_out=member.opted_out,
                        standing=standings.get(member.address, NOBODY),
                        contact=contacts.get(member.address),
                        unread=member.unread,
                    ),
                    now,
                ),
            )
            for member in members
        ]
        last = members[-1].ref


def leave_out_latecomers(session: MailchimpSession, campaign: Campaign) -> None:
    """Leave out everybody whose address isn't in the segment of a campaign that is scheduled."""
    with session.database.writing() as connection:
        campaign_members.leave_out_latecomers(connection, campaign.id, SCHEDULE_AGAIN)


def read_segment(session: MailchimpSession, campaign: Campaign) -> list[str]:
    """Record who is in the campaign's segment; return the addresses to be removed from it.

    Until it is read whole, and as long as addresses are to be removed, the campaign has no
    `refreshed_at`: what is recorded can't show then who has to be taken out before it is sent.
    """
    if campaign.segment is None:
        return []
    with session.database.writing() as connection:
        campaign_segments.forget_segment(connection, campaign.id)
        campaigns.change(connection, campaign.id, refreshed_at=None)
    leaving: list[str] = []
    seen_addresses: set[str] = set()

    def take(page: list[MailchimpJson]) -> int:
        emails = {
            lookup_form(email): email
            for member in page
            if (email := str(member.get("email_address") or ""))
        }
        new = [address for address in emails if address not in seen_addresses]
        with session.database.writing() as connection:
            extra = campaign_segments.record_in_segment(connection, campaign.id, new)
        leaving.extend(emails[address] for address in extra)
        seen_addresses.update(new)
        session.beat("Reading the segment", len(seen_addresses), 0)
        return len(new)

    segment = campaign.segment
    try:
        # Anyone skipped would stay in the segment, though the campaign leaves them out.
        read_until_nothing_is_new(
            lambda: session.client.segment_members(campaign.audience, segment), take
        )
    except MailchimpNotFound as error:
        raise SegmentGone(
            "the campaign's segment was deleted at Mailchimp: gateway campaigns recreate"
        ) from error
    if not leaving:
        change_campaign(session, campaign, refreshed_at=campaign.refreshed_at)
    return leaving
