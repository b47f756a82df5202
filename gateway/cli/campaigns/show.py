"""How campaigns look, to people and to scripts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.app import common
from gateway.cli.context import Context
from gateway.cli.output import local, one_line
from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign
from gateway.core.campaigns.membership import LeftOutReason
from gateway.store.campaigns.campaign_members import CampaignMember
from gateway.store.views.campaign_documents import NOTHING_DONE, MemberDoings

if TYPE_CHECKING:
    from gateway.sync.preparation import PreparationPlan

Document = dict[str, object]

REASONS = {
    LeftOutReason.OPT_OUT: 'in the group "MailChimp opt-out"',
    LeftOutReason.SUPPRESSED: "gets no bulk mail",
    LeftOutReason.INVALID_ADDRESS: "the address can be none",
    LeftOutReason.NO_ADDRESS: "has no address",
    LeftOutReason.DUPLICATE: "another member has the address",
    LeftOutReason.UNSUBSCRIBED: "unsubscribed at Mailchimp",
    LeftOutReason.CLEANED: "the address bounces, says Mailchimp",
    LeftOutReason.REFUSED: "Mailchimp does not take the address",
    LeftOutReason.UNREAD: "a field of the feed that decides could not be read",
}


def described(context: Context, one: Campaign, tally: Mapping[str, int]) -> Iterator[str]:
    """Yield a campaign line by line."""
    yield f"{one_line(one.name)}"
    yield f"Id:        {ids.show(one.id)}"
    at = one.sent_at or one.scheduled_for
    yield f"State:     {one.state}{f', {local(at, context.zone)}' if at else ''}"
    if one.trouble:
        yield f"Trouble:   {one_line(one.trouble)}"
    yield f"From:      {one_line(one.from_name)} <{one.from_address}>"
    yield f"Template:  {one.template} {one_line(one.template_name)}"
    if one.link:
        yield f"Mailchimp: {one.link}"
    yield f"Members:   {counted(tally)}"
    if one.next_read is not None:
        last, due = reads(context, one)
        yield f"Read:      {last}; next: {due}"


def reads(context: Context, one: Campaign) -> tuple[str, str]:
    """Return when a campaign was read from Mailchimp last, and when it will be next."""
    if one.next_read is None:
        return "-", "-"
    return read_last(context, one.synced_at), read_next(context, one.next_read)


def read_last(context: Context, at: datetime | None) -> str:
    """Return when something was read last, in words where it never was."""
    return local(at, context.zone) if at else "never yet"


def read_next(context: Context, at: datetime | None) -> str:
    """Return when something is read next; the role `sync` reads what is due."""
    is_due = at is None or at <= common.now()
    return "due now (role sync)" if is_due else local(at, context.zone)


def counted(tally: Mapping[str, int]) -> str:
    """Return how many are in, and out for which reason."""
    outs = (f"{number} {reason}" for reason, number in sorted(tally.items()) if reason)
    return ", ".join([f"{tally.get('', 0)} in", *outs])


def changes(one: "PreparationPlan") -> Iterator[str]:
    """Yield what preparing found, in words."""
    yield f"In:  {one.included}"
    for reason, number in sorted(one.tally.items()):
        if reason:
            yield f"Out: {number} {reason} ({REASONS[LeftOutReason(reason)]})"
    yield (
        f"At Mailchimp: {one.new} new, {one.changed} with changed data, {one.unchanged} as they "
        f"are; the segment gets {one.to_segment} and loses {len(one.from_segment)}"
    )
    if one.drop.is_alarming:
        yield (
            f"{one.drop.dropped} of {one.drop.before} members dropped out since the last time: "
            "if that is right, open, send or schedule with --yes"
        )


def rows(
    members: Iterable[CampaignMember], doings: MemberDoings = NOTHING_DONE
) -> Iterator[Sequence[object]]:
    """Yield the members as a table has them."""
    for one in members:
        state = doings.status(one) or "in" if one.included else one.reason or "not looked at"
        yield str(one.ref), one_line(one.name), one.address, state, one_line(one.detail)
