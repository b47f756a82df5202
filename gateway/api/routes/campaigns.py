"""Campaigns sent through Mailchimp: their data, members, and the members' activities."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS_CAMPAIGNS
from gateway.api.json_response import (
    Cursor,
    Limit,
    PlainText,
    Since,
    Using,
    id_before,
    page,
    read_id,
    respond,
    wrap_cursor,
)
from gateway.api.person_cursors import member_before
from gateway.api.schemas import answers, items
from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign
from gateway.documents.campaigns import (
    CampaignDocument,
    CampaignWholeDocument,
    MemberDocument,
    MemberDoings,
    campaign_document,
    campaign_summary_document,
    campaign_whole_document,
    member_document,
)
from gateway.store.campaigns import activities, campaign_members, campaigns
from gateway.store.campaigns.campaign_members import WhichMembers
from gateway.store.engine.database import StoreTransaction

router = APIRouter(prefix="/campaigns", tags=["campaigns"], dependencies=[READS_CAMPAIGNS])

_Counted = tuple[Campaign, dict[str, int]]
_Members = Annotated[bool, Query(description="Leave the members out with `false`.")]


@router.get("", responses=items(CampaignDocument))
async def list_campaigns(
    request: Request, using: Using, *, since: Since, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the campaigns, the newest first, without their members."""
    number = id_before(cursor)

    def load(connection: StoreTransaction) -> list[_Counted]:
        rows = campaigns.list_campaigns(connection, since=since, before=number, limit=limit + 1)
        tallies = campaign_members.tallies(connection, [campaign.id for campaign in rows])
        return [(campaign, tallies[campaign.id]) for campaign in rows]

    return page(
        request,
        await using.database.read(load),
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
    document = await using.database.read(document_of, number, count_machine_opens=machines)
    return respond(request, document)


@router.get("/{id}/members", responses=items(MemberDocument))
async def list_members(
    request: Request,
    using: Using,
    id: str,  # noqa: A002
    *,
    which: WhichMembers = WhichMembers.ALL,
    reason: Annotated[PlainText, Query(max_length=100, description="Why they are out.")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List members with what they did: all, or those who are in, out, dropped out or joined."""
    number, machines = read_id(id), using.count_machine_opens()
    after = member_before(cursor)

    def load(connection: StoreTransaction) -> list[MemberDocument]:
        campaigns.by_id(connection, number)
        members = campaign_members.some_members(
            connection, number, which=which, reason=reason, after=after, limit=limit + 1
        )
        addresses = [member.address for member in members if member.address]
        doings = MemberDoings(activities.of_recipients(connection, number, addresses), machines)
        return [member_document(member, doings) for member in members]

    return page(
        request,
        await using.database.read(load),
        limit,
        document=lambda member: member,
        cursor=lambda member: wrap_cursor([member["person"]]),
    )
