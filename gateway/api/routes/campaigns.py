"""Campaigns that go out through Mailchimp: what they are, who is in, what members did."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS_CAMPAIGNS
from gateway.api.replies import Cursor, Limit, Using, before, page, read_id, reply
from gateway.api.schemas import answers, items
from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign
from gateway.documents.campaigns import (
    CampaignDocument,
    CampaignWholeDocument,
    campaign_document,
    campaign_summary_document,
    campaign_whole_document,
)
from gateway.store.campaigns import campaign_members, campaigns
from gateway.store.engine.database import StoreTransaction

router = APIRouter(prefix="/campaigns", tags=["campaigns"], dependencies=[READS_CAMPAIGNS])

_Counted = tuple[Campaign, dict[str, int]]
_Members = Annotated[bool, Query(description="Leave the members out with `false`.")]


@router.get("", responses=items(CampaignDocument))
async def list_campaigns(
    request: Request, using: Using, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the campaigns, the newest first, without their members."""
    number = before(cursor)

    def look(connection: StoreTransaction) -> list[_Counted]:
        rows = campaigns.listed(connection, before=number, limit=limit + 1)
        return [(campaign, campaign_members.tally(connection, campaign.id)) for campaign in rows]

    return page(
        request,
        await using.database.read(look),
        limit,
        document=lambda campaign: campaign_document(*campaign),
        cursor=lambda campaign: ids.show(campaign[0].id),
    )


@router.get("/{id}", responses=answers(CampaignWholeDocument, "The campaign with its members."))
async def show_campaign(
    request: Request,
    using: Using,
    id: str,  # noqa: A002
    members: _Members = True,
) -> Response:
    """Show a campaign: who is in, who is out and why, what they did, and its numbers."""
    number, machines = read_id(id), using.count_machine_opens()
    document_of = campaign_whole_document if members else campaign_summary_document
    document = await using.database.read(
        lambda connection: document_of(connection, number, count_machine_opens=machines)
    )
    return reply(request, document)
