"""Bringing a campaign to Mailchimp: members, segment, the campaign, and what sending it needs."""

from collections.abc import Mapping

from gateway.core.campaigns.campaigns import Campaign, CampaignState, PendingCall, nobody_is_in
from gateway.store.campaigns import audiences, campaign_members, campaigns
from gateway.sync import campaign_calls, readiness
from gateway.sync.campaign_at_mailchimp import (
    OTHER_RECIPIENTS,
    change_campaign,
    update_from_mailchimp,
)
from gateway.sync.campaign_states import refuse_gone
from gateway.sync.mailchimp_session import MailchimpSession
from gateway.sync.preparation import guard, prepare
from gateway.sync.readiness import NotReady, standing
from gateway.sync.upload import Uploader, ensure_segment

UNFINISHED = "it was unscheduled to be prepared again, and that was not finished"
_CANNOT_BE_SENT = "the campaign can't be sent: "


def process(session: MailchimpSession, campaign: Campaign, *, yes: bool) -> Campaign:
    """Prepare, and bring members, segment and campaign to Mailchimp, without scheduling it.

    Raise NotReady if it would go to recipients other than its segment (`update_from_mailchimp`).
    """
    refuse_other_recipients(campaign)
    plan = prepare(session, campaign)
    if not yes:
        guard(plan)
    refuse_empty(plan.tally)
    if campaign.pending_call is PendingCall.REFRESH:
        # From here on this takes the place of the interrupted refresh.
        campaign = change_campaign(
            session,
            campaign,
            pending_call=PendingCall.NOTHING,
            scheduled_for=None,
            trouble=UNFINISHED,
        )
    if campaign.state is CampaignState.SCHEDULED:
        campaign = campaign_calls.unschedule(session, campaign)
        refuse_gone(campaign)
        campaign = change_campaign(session, campaign, trouble=UNFINISHED)
    campaign = ensure_segment(session, campaign)
    uploader = uploader_for(session, campaign)
    uploader.members()
    uploader.segment(plan.from_segment)
    with session.database.reading() as connection:
        refuse_empty(campaign_members.tally(connection, campaign.id))
    campaign = campaign_calls.create(session, campaign)
    with session.database.writing() as connection:
        campaign_members.expect(connection, campaign.id)
        values = {"refreshed_at": session.clock(), "trouble": ""}
        return campaigns.change(connection, campaign.id, **values)


def ready_to_leave(session: MailchimpSession, campaign: Campaign, *, yes: bool) -> Campaign:
    """Return the campaign, processed and ready to send; NotReady names everything missing.

    The steps that take minutes come first; the last one checks that nobody changed its recipients.
    """
    faults = standing(session).faults(campaign)
    if faults:
        raise NotReady(_CANNOT_BE_SENT + "; ".join(faults))
    campaign = process(session, campaign, yes=yes)
    missing = readiness.missing_for_sending(session.client, campaign.mailchimp_id, session.pause)
    if missing:
        change_campaign(session, campaign, trouble="; ".join(missing))
        raise NotReady(f"{_CANNOT_BE_SENT}{'; '.join(missing)}{campaign_calls.MADE_ANEW}")
    campaign = update_from_mailchimp(session, campaign)
    refuse_gone(campaign)
    refuse_other_recipients(campaign)
    return campaign


def refuse_other_recipients(campaign: Campaign) -> None:
    """Raise NotReady if the campaign was found to have recipients other than its segment."""
    if campaign.trouble == OTHER_RECIPIENTS:
        raise NotReady(f"{_CANNOT_BE_SENT}{OTHER_RECIPIENTS}{campaign_calls.MADE_ANEW}")


def refuse_empty(tally: Mapping[str, int]) -> None:
    """Raise NotReady if nobody would get the campaign.

    `tally` counts its members by why they are left out; an empty reason: they are included.
    """
    if not tally.get("", 0):
        raise NotReady(nobody_is_in(tally))


def uploader_for(session: MailchimpSession, campaign: Campaign) -> Uploader:
    """Return the uploader for a campaign's members."""
    with session.database.reading() as connection:
        audience = audiences.by_id(connection, campaign.audience)
    double_optin = audience is not None and audience.double_optin
    return Uploader(session=session, campaign=campaign, double_optin=double_optin)
