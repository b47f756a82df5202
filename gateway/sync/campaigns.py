"""Campaigns from the first draft to the three endings: opened, sent, scheduled.

Each ending prepares afresh: the audience is read, every member decided on, data updated, new
members added, the segment built.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core import ids
from gateway.core.batches import batched
from gateway.core.campaigns.campaigns import (
    GONE_STATES,
    Campaign,
    CampaignRequest,
    CampaignState,
    PendingCall,
    naming_faults,
)
from gateway.core.campaigns.membership import is_mailable
from gateway.core.errors import GatewayError
from gateway.core.mail.address import lookup_form
from gateway.core.people.people import PersonRef
from gateway.store.campaigns import campaign_members, campaigns
from gateway.sync import campaign_calls, readiness
from gateway.sync.campaign_at_mailchimp import change_campaign, update_from_mailchimp
from gateway.sync.campaign_processing import process, ready_to_leave
from gateway.sync.campaign_states import (
    WrongCampaignState,
    as_at_mailchimp,
    is_to_leave,
    not_sent_there,
    refuse_gone,
    stored_campaign,
)
from gateway.sync.mailchimp_session import MailchimpSession, claimed
from gateway.sync.preparation import (
    PreparationPlan,
    decide_members,
    leave_out_latecomers,
    prepare,
)
from gateway.sync.readiness import NEW_BUILDER, NotReady

_ADDED_AT_ONCE = 1_000
_NAMED = 3  #: How many campaigns with the same name are reported.

ADDED_TOO_LATE = (
    "the campaign is scheduled without those who were added now: schedule it again to bring them in"
)


class NameTaken(GatewayError):
    """There is a campaign with that name; --yes creates another."""

    def __init__(self, name: str, namesakes: Sequence[Campaign]) -> None:
        self.namesakes = tuple(namesakes)  #: Newest first.
        examples = ", ".join(
            f"{ids.show(namesake.id)}, {namesake.state}" for namesake in namesakes[:_NAMED]
        )
        more = f" and {len(namesakes) - _NAMED} more" if len(namesakes) > _NAMED else ""
        super().__init__(f'there is a campaign "{name}" already ({examples}{more})')


class CampaignRefused(GatewayError):
    """The campaign can't be created as requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPeople:
    """The result of adding people to a campaign."""

    added: int
    already_in: int  #: How many were already in it.
    unknown: tuple[PersonRef, ...]  #: People who aren't in the CRM's data.
    remarks: tuple[str, ...] = ()


def create(
    session: MailchimpSession, draft: CampaignRequest, number: int, *, yes: bool = False
) -> tuple[Campaign, list[str]]:
    """Store a new campaign; return it with remarks on what would keep it from being sent.

    Raise NameTaken if there is one with that name, unless `yes`.
    """
    audience = readiness.active_audience(session.database)
    faults = naming_faults(draft.name, draft.from_name)
    if not is_mailable(lookup_form(draft.from_address)):
        faults.append(f"the from-address {draft.from_address!r} is not an address")
    if faults:
        raise CampaignRefused("; ".join(faults))
    with session.database.reading() as connection:
        same_name = [] if yes else campaigns.of_name(connection, draft.name)
    if same_name:
        raise NameTaken(draft.name, same_name)
    account = readiness.standing(session)
    template = account.template(draft.template)
    if template.fault and template.content_type != NEW_BUILDER:
        raise NotReady(f"the template {template.name} can't be used: {template.fault}")
    campaign = Campaign(
        id=number,
        name=draft.name,
        state=CampaignState.DRAFT,
        template=draft.template,
        template_name=template.name,
        from_name=draft.from_name,
        from_address=draft.from_address,
        audience=audience.id,
    )
    with session.database.writing() as connection:
        campaigns.put(connection, campaign)
    return campaign, account.faults(campaign) + account.remarks(campaign)


def add(session: MailchimpSession, number: int, refs: Iterable[PersonRef]) -> AddedPeople:
    """Add people to a campaign that has not been sent, and decide on them by what is known here."""
    added = already_in = 0
    unknown: list[PersonRef] = []
    with claimed(session, number) as held:
        campaign = not_sent_there(held, number)
        now = held.clock()
        for chunk in batched(dict.fromkeys(refs), _ADDED_AT_ONCE):
            with held.database.writing() as connection:
                known_people = campaign_members.known_people(connection, chunk)
                people = [ref for ref in chunk if ref in known_people]
                new = campaign_members.add(connection, number, people, now)
            added += new
            already_in += len(people) - new
            unknown += [ref for ref in chunk if ref not in known_people]
            held.beat("Adding people", added + already_in, 0)
        decide_members(held, campaign)
        if is_to_leave(campaign) and stored_campaign(held, number).refreshed_at is not None:
            leave_out_latecomers(held, campaign)
        with held.database.writing() as connection:
            campaign_members.expect_new(connection, number, now)
    remarks = (ADDED_TOO_LATE,) if added and is_to_leave(campaign) else ()
    return AddedPeople(added=added, already_in=already_in, unknown=tuple(unknown), remarks=remarks)


def remove(session: MailchimpSession, number: int, ref: PersonRef) -> bool:
    """Remove a person from a campaign that has not been sent; False if they weren't in it."""
    with claimed(session, number) as held:
        not_sent_there(held, number)
        with held.database.writing() as connection:
            campaigns.change(connection, number, refreshed_at=None)
            return campaign_members.remove(connection, number, ref)


def preview(session: MailchimpSession, number: int) -> tuple[Campaign, PreparationPlan, list[str]]:
    """Prepare, and return what would change at Mailchimp and what is missing; nothing is sent."""
    with claimed(session, number) as held:
        campaign = as_at_mailchimp(held, number)
        account = readiness.account_standing(held.client, readiness.active_audience(held.database))
        plan = prepare(held, campaign, may_add=not is_to_leave(campaign))
    missing = [
        prerequisite.text for prerequisite in account.prerequisites() if not prerequisite.is_met
    ]
    return campaign, plan, missing or account.faults(campaign) + account.remarks(campaign)


def open_at_mailchimp(
    session: MailchimpSession, number: int, *, yes: bool
) -> tuple[Campaign, list[str]]:
    """Create the campaign at Mailchimp; return it with what it needs before it can be sent."""
    with claimed(session, number) as held:
        campaign = as_at_mailchimp(held, number)
        if is_to_leave(campaign):
            raise WrongCampaignState(
                "the campaign is scheduled: gateway campaigns unschedule first"
            )
        account = readiness.standing(held)
        campaign = process(held, campaign, yes=yes)
        missing = account.faults(campaign)
        # Waiting for a fresh campaign's checklist doesn't add what the account lacks.
        pause = (lambda _: None) if missing else held.pause
        missing += readiness.missing_for_sending(held.client, campaign.mailchimp_id, pause)
    return campaign, missing


def send(session: MailchimpSession, number: int, *, yes: bool) -> Campaign:
    """Send the campaign now."""
    with claimed(session, number) as held:
        before = stored_campaign(held, number)
        campaign = as_at_mailchimp(held, number, wished=before.pending_call is PendingCall.SEND)
        if campaign.state in GONE_STATES:
            return campaign
        campaign = ready_to_leave(held, campaign, yes=yes)
        return campaign_calls.send(held, campaign)


def schedule(session: MailchimpSession, number: int, at: datetime, *, yes: bool) -> Campaign:
    """Schedule the campaign for a time Mailchimp accepts (aware, UTC)."""
    with claimed(session, number) as held:
        campaign = ready_to_leave(held, as_at_mailchimp(held, number), yes=yes)
        return campaign_calls.schedule(held, campaign, at)


def unschedule(session: MailchimpSession, number: int) -> Campaign:
    """Remove the campaign from the schedule."""
    with claimed(session, number) as held:
        before = stored_campaign(held, number)
        campaign = as_at_mailchimp(held, number)
        if not (is_to_leave(before) or is_to_leave(campaign)):
            raise WrongCampaignState(f"the campaign is {campaign.state}, not scheduled")
        if campaign.pending_call is PendingCall.REFRESH:
            campaign = change_campaign(held, campaign, pending_call=PendingCall.NOTHING)
        if campaign.state is CampaignState.SCHEDULED:
            campaign = campaign_calls.unschedule(held, campaign)
        refuse_gone(campaign)
        return change_campaign(held, campaign, trouble="", scheduled_for=None)


def delete(session: MailchimpSession, number: int) -> Campaign:
    """Delete the campaign here and at Mailchimp; one that was sent stays."""
    with claimed(session, number) as held:
        campaign = stored_campaign(held, number)
        if campaign.state is CampaignState.DELETED:
            return campaign
        campaign = update_from_mailchimp(held, campaign_calls.find_created(held, campaign))
        refuse_gone(campaign)
        if campaign.state is CampaignState.SCHEDULED:
            campaign = campaign_calls.unschedule(held, campaign)
            refuse_gone(campaign)
        return campaign_calls.delete(held, campaign)


def recreate(
    session: MailchimpSession, number: int, *, template: int | None, new: int
) -> tuple[Campaign, list[str]]:
    """Recreate a campaign as a draft with the same members, then delete the old one."""
    with claimed(session, number) as held:
        old = update_from_mailchimp(
            held, campaign_calls.find_created(held, stored_campaign(held, number))
        )
        refuse_gone(old)
    draft = CampaignRequest(
        name=old.name,
        template=template or old.template,
        from_name=old.from_name,
        from_address=old.from_address,
    )
    campaign, remarks = create(session, draft, new, yes=True)
    with claimed(session, new) as held:
        now = held.clock()
        with held.database.writing() as connection:
            campaign_members.copy(connection, number, new, now)
        decide_members(held, campaign)
        with held.database.writing() as connection:
            campaign_members.expect_new(connection, new, now)
    delete(session, number)
    return campaign, remarks
