"""Campaigns as people and scripts see them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.app import common
from gateway.cli.context import Context
from gateway.cli.output import one_line
from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign
from gateway.core.campaigns.membership import LeftOutReason
from gateway.documents.campaigns import NOTHING_DONE, MemberDoings
from gateway.store.campaigns.campaign_members import CampaignMember

if TYPE_CHECKING:
    from gateway.sync.preparation import PreparationPlan

REASONS = {
    LeftOutReason.OPT_OUT: 'in the group "MailChimp opt-out"',
    LeftOutReason.SUPPRESSED: "gets no bulk mail",
    LeftOutReason.INVALID_ADDRESS: "the address can't be one",
    LeftOutReason.NO_ADDRESS: "has no address",
    LeftOutReason.DUPLICATE: "another member has the address",
    LeftOutReason.UNSUBSCRIBED: "unsubscribed at Mailchimp",
    LeftOutReason.CLEANED: "the address bounces, according to Mailchimp",
    LeftOutReason.REFUSED: "Mailchimp refuses the address",
    LeftOutReason.UNREAD: "a field of the feed that decides this can't be read",
    LeftOutReason.TOO_LATE: "came in, or got this address, too late for it",
}


def campaign_lines(
    invocation: Context, campaign: Campaign, tally: Mapping[str, int]
) -> Iterator[str]:
    """Yield a campaign line by line."""
    yield f"{one_line(campaign.name)}"
    yield f"Id:        {ids.show(campaign.id)}"
    at = campaign.sent_at or campaign.scheduled_for
    yield f"State:     {campaign.state}{f', {invocation.local(at)}' if at else ''}"
    if campaign.trouble:
        yield f"Trouble:   {one_line(campaign.trouble)}"
    yield f"From:      {one_line(campaign.from_name)} <{campaign.from_address}>"
    yield f"Template:  {campaign.template} {one_line(campaign.template_name)}"
    if campaign.link:
        yield f"Mailchimp: {campaign.link}"
    yield f"Members:   {members_in_words(tally)}"
    if campaign.next_read is not None:
        last, due = last_read(campaign), next_read(campaign)
        yield f"Read:      {in_words(invocation, last)}; next: {in_words(invocation, due)}"


def last_read(campaign: Campaign) -> datetime | str | None:
    """Return when a campaign was last read from Mailchimp, or words if it never was."""
    if campaign.next_read is None:
        return None
    return campaign.synced_at or "never yet"


def next_read(campaign: Campaign) -> datetime | str | None:
    """Return when a campaign will next be read from Mailchimp."""
    return None if campaign.next_read is None else when_due(campaign.next_read)


def when_due(at: datetime | None) -> datetime | str:
    """Return when something will next be read; the role `sync` reads what is due."""
    return "due now (role sync)" if at is None or at <= common.now() else at


def in_words(invocation: Context, at: datetime | str | None) -> str:
    """Return a time for people; text as it is; for None, that it never happened."""
    return "never yet" if at is None else at if isinstance(at, str) else invocation.local(at)


def members_in_words(tally: Mapping[str, int]) -> str:
    """Return how many are in, and how many out for each reason."""
    outs = (f"{number} {reason}" for reason, number in sorted(tally.items()) if reason)
    return ", ".join([f"{tally.get('', 0)} in", *outs])


def changes(plan: "PreparationPlan") -> Iterator[str]:
    """Yield the findings of a preparation, in words."""
    yield f"In:  {plan.included}"
    for reason, number in sorted(plan.tally.items()):
        if reason:
            yield f"Out: {number} {reason} ({REASONS[LeftOutReason(reason)]})"
    yield (
        f"At Mailchimp: {plan.new} new, {plan.changed} with changed data, {plan.unchanged} "
        f"unchanged; the segment gets {plan.to_segment} and loses {len(plan.from_segment)}"
    )
    if plan.drop.is_alarming:
        yield (
            f"{plan.drop.dropped} of {plan.drop.before} members dropped out since the last time: "
            "if that is right, open, send or schedule with --yes"
        )


def rows(
    members: Iterable[CampaignMember], doings: MemberDoings = NOTHING_DONE
) -> Iterator[Sequence[object]]:
    """Yield the members as rows of a table."""
    for member in members:
        state = (
            doings.status(member) or "in" if member.included else member.reason or "not looked at"
        )
        yield str(member.ref), one_line(member.name), member.address, state, one_line(member.detail)
