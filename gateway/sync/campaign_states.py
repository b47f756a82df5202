"""Which campaigns can still be changed, and each one's present state at Mailchimp."""

from gateway.core import ids
from gateway.core.campaigns.campaigns import (
    GONE_STATES,
    OPEN_STATES,
    Campaign,
    CampaignState,
    PendingCall,
)
from gateway.core.errors import GatewayError
from gateway.store.campaigns import campaigns
from gateway.sync import campaign_calls
from gateway.sync.campaign_at_mailchimp import change_campaign, update_from_mailchimp
from gateway.sync.mailchimp_session import MailchimpSession

_NOT_ENDED_BY_LOOKING = (
    *(PendingCall.NOTHING, PendingCall.SEGMENT, PendingCall.CREATE),
    PendingCall.REFRESH,
)


class WrongCampaignState(GatewayError):
    """The campaign's present state doesn't allow that."""


def stored_campaign(session: MailchimpSession, number: int) -> Campaign:
    """Return a campaign as stored here; raise NoSuchCampaign if there is none."""
    with session.database.reading() as connection:
        return campaigns.by_id(connection, number)


def not_sent(session: MailchimpSession, number: int) -> Campaign:
    """Return a campaign as stored here; raise WrongCampaignState if it was sent or deleted."""
    campaign = stored_campaign(session, number)
    if campaign.state not in OPEN_STATES:
        refuse_gone(campaign)
        raise WrongCampaignState(f"the campaign {ids.show(number)} is {campaign.state}")
    return campaign


def not_sent_there(session: MailchimpSession, number: int) -> Campaign:
    """Return the same, after asking Mailchimp about one that somebody may have sent there.

    Its members stay as they were then: what they do is known by their addresses.
    """
    campaign = update_from_mailchimp(session, not_sent(session, number))
    if campaign.state not in OPEN_STATES:
        return not_sent(session, number)
    return campaign


def as_at_mailchimp(session: MailchimpSession, number: int, *, wished: bool = False) -> Campaign:
    """Return a campaign that has not been sent, as Mailchimp now has it.

    One that has been sent is returned only if that is what was wished for. An interrupted refresh
    stays pending: if looking ended it, a campaign unscheduled for it would miss its time.
    """
    campaign = update_from_mailchimp(
        session, campaign_calls.find_created(session, not_sent(session, number))
    )
    if campaign.state is CampaignState.DELETED:
        raise WrongCampaignState(
            "the campaign was deleted at Mailchimp: gateway campaigns recreate makes it again"
        )
    if not wished:
        refuse_gone(campaign)
    if campaign.pending_call in _NOT_ENDED_BY_LOOKING:
        return campaign
    return change_campaign(session, campaign, pending_call=PendingCall.NOTHING)


def is_to_leave(campaign: Campaign) -> bool:
    """Whether a campaign is scheduled, or only unscheduled until its refresh is finished."""
    return campaign.state is CampaignState.SCHEDULED or campaign.pending_call is PendingCall.REFRESH


def refuse_gone(campaign: Campaign) -> None:
    """Raise WrongCampaignState for a campaign that was sent or is being sent."""
    if campaign.state in GONE_STATES:
        raise WrongCampaignState(
            f"the campaign is {campaign.state}: what was sent can't be changed, and is sent once"
        )
