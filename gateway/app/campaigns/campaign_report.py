"""What became of a campaign that was sent, for the command line and the API."""

from gateway.core import ids
from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.errors import GatewayError
from gateway.store.campaigns import campaign_syncs, campaigns
from gateway.store.campaigns.campaign_syncs import Synced
from gateway.store.engine.database import Database

Document = dict[str, object]

_SAYS = {
    CampaignState.DRAFT: "it is a draft: gateway campaigns send",
    CampaignState.OPENED: "it waits at Mailchimp: gateway campaigns send",
    CampaignState.SCHEDULED: "it is scheduled",
    CampaignState.SENDING: "it is on its way: try again in some minutes",
    CampaignState.DELETED: "it was deleted",
}


class NotSent(GatewayError):
    """There is no report of a campaign that was not sent."""


def sent(store: Database, number: int) -> Synced:
    """Return a campaign that was sent, as it is known; NotSent, or NoSuchCampaign."""
    with store.reading() as connection:
        known = campaign_syncs.one(connection, number)
        campaigns.one(connection, number)
    assert known
    state = known.campaign.state
    was_sent = known.campaign.sent_at is not None and known.counters is not None
    if state is CampaignState.SENT or (state is CampaignState.DELETED and was_sent):
        return known
    raise NotSent(
        f"there is no report of {ids.show(number)} yet, for it was not sent: {_SAYS[state]}"
    )
