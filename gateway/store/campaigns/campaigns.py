"""Campaigns, one row each."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign, CampaignState, PendingCall, is_same_name
from gateway.core.errors import GatewayError
from gateway.store.engine.id_ranges import of_page
from gateway.store.schema.campaigns import campaigns

_FIELDS = tuple(Campaign.__dataclass_fields__)


class NoSuchCampaign(GatewayError):
    """There is no campaign with this id."""

    cure = "gateway campaigns list"


def put(connection: Connection, campaign: Campaign) -> None:
    """Store a new campaign."""
    row = {name: getattr(campaign, name) for name in _FIELDS}
    connection.execute(insert(campaigns).values(row))


def by_id(connection: Connection, number: int) -> Campaign:
    """Return a campaign; NoSuchCampaign if there is none."""
    row = connection.execute(select(campaigns).where(campaigns.c.id == number)).first()
    if row is None:
        raise NoSuchCampaign(f"there is no campaign {ids.show(number)}")
    return from_row(row)


def names(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """Return the names of campaigns by number, leaving out those that don't exist."""
    query = select(campaigns.c.id, campaigns.c.name).where(campaigns.c.id.in_(numbers))
    return {row.id: row.name for row in connection.execute(query)}


def list_campaigns(
    connection: Connection,
    *,
    states: tuple[CampaignState, ...] = tuple(CampaignState),
    since: datetime | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[Campaign]:
    """Return the campaigns in these states, newest first.

    `since` returns those created from then on, `before` those older than this id.
    """
    query = select(campaigns).where(campaigns.c.state.in_(states)).limit(limit)
    query = query.where(*of_page(campaigns.c.id, since, before))
    return [from_row(row) for row in connection.execute(query.order_by(campaigns.c.id.desc()))]


def of_name(connection: Connection, name: str) -> list[Campaign]:
    """Return the campaigns whose names people would confuse with this one, newest first."""
    standing = tuple(state for state in CampaignState if state is not CampaignState.DELETED)
    return [
        campaign
        for campaign in list_campaigns(connection, states=standing)
        if is_same_name(campaign.name, name)
    ]


def change(connection: Connection, number: int, **values: Any) -> Campaign:
    """Set fields of a campaign; return the changed campaign."""
    query = update(campaigns).where(campaigns.c.id == number)
    connection.execute(query.values(**values))
    return by_id(connection, number)


def from_row(row: Row[Any]) -> Campaign:
    """Return a campaign from a row of its table."""
    values = {name: row._mapping[name] for name in _FIELDS}
    values |= {"state": CampaignState(row.state), "pending_call": PendingCall(row.pending_call)}
    return Campaign(**values)
