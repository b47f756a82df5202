"""A campaign at Mailchimp: the addresses that are in, and its segment."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select, update

from gateway.core.campaigns.campaigns import merge_fields
from gateway.store.campaigns.audiences import fields_as_text
from gateway.store.schema.campaigns import audience_members, campaign_members
from gateway.store.schema.feed import people, staff

_M = campaign_members.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An address a campaign goes to, with its data for Mailchimp."""

    address: str  #: In lookup form.
    email: str
    merge_fields: dict[str, str]
    status: str  #: At Mailchimp; empty if not in the audience.
    email_id: str
    is_current: bool  #: Mailchimp already has these merge fields.


def outgoing(
    connection: Connection, campaign: int, audience: str, *, after: str, limit: int
) -> list[Outgoing]:
    """Return up to `limit` addresses that are in, after a given one, in order."""
    same = and_(people.c.kind == _M.kind, people.c.crm_id == _M.person)
    at_mailchimp = and_(
        audience_members.c.audience == audience, audience_members.c.address == _M.address
    )
    query = (
        select(
            *(_M.address, people.c.emails, people.c.first_name, people.c.last_name),
            *(staff.c.name, staff.c.email),
            *(audience_members.c[name] for name in ("status", "email_id", "merge_fields")),
        )
        .join(people, same)
        .outerjoin(staff, staff.c.crm_id == people.c.owner)
        .outerjoin(audience_members, at_mailchimp)
        .where(_M.campaign == campaign, _M.included, _M.address > after)
        .order_by(_M.address)
        .limit(limit)
    )
    members = []
    for row in connection.execute(query):
        email = next(filter(None, row.emails.split(";")), "")
        fields = merge_fields(row.first_name, row.last_name, row.name or "", row.email or "")
        members.append(
            Outgoing(
                address=row.address,
                email=email if email.isascii() else row.address,
                merge_fields=fields,
                status=row.status or "",
                email_id=row.email_id or "",
                is_current=row.merge_fields == fields_as_text(fields),
            )
        )
    return members


def missing_in_segment(
    connection: Connection, campaign: int, audience: str, *, after: str, limit: int
) -> list[tuple[str, str]]:
    """Return up to `limit` addresses after a given one that are in but not in the segment.

    Each comes with Mailchimp's spelling of it.
    """
    at_mailchimp = and_(
        audience_members.c.audience == audience, audience_members.c.address == _M.address
    )
    to_add = and_(_M.campaign == campaign, _M.included, ~_M.segmented, _M.address > after)
    query = select(_M.address, audience_members.c.email).outerjoin(audience_members, at_mailchimp)
    rows = connection.execute(query.where(to_add).order_by(_M.address).limit(limit))
    return [(address, email or address) for address, email in rows]


def count_missing_in_segment(connection: Connection, campaign: int) -> int:
    """Count the addresses that are in but not in the segment."""
    to_add = and_(_M.campaign == campaign, _M.included, ~_M.segmented)
    return connection.scalar(select(func.count()).select_from(campaign_members).where(to_add)) or 0


def forget_segment(connection: Connection, campaign: int) -> None:
    """Forget which addresses are in the segment."""
    change = update(campaign_members).where(_M.campaign == campaign, _M.segmented)
    connection.execute(change.values(segmented=False))


def record_in_segment(connection: Connection, campaign: int, addresses: Sequence[str]) -> list[str]:
    """Record that addresses are in the segment; return those the campaign leaves out."""
    of_addresses = and_(_M.campaign == campaign, _M.address.in_(addresses))
    included_addresses = set(
        connection.scalars(select(_M.address).where(of_addresses, _M.included))
    )
    extra = [address for address in addresses if address not in included_addresses]
    is_noted = or_(_M.included, _M.address.in_(extra))
    connection.execute(
        update(campaign_members).where(of_addresses, is_noted).values(segmented=True)
    )
    return extra


def has_left_segment(connection: Connection, campaign: int) -> bool:
    """Whether the segment has addresses of members who are out."""
    to_take_out = and_(_M.campaign == campaign, _M.segmented, ~_M.included)
    return connection.execute(select(_M.person).where(to_take_out).limit(1)).first() is not None


def record_out_of_segment(connection: Connection, campaign: int, addresses: Sequence[str]) -> None:
    """Record that addresses (in lookup form) are no longer in the segment."""
    of_addresses = and_(_M.campaign == campaign, _M.address.in_(addresses))
    connection.execute(update(campaign_members).where(of_addresses).values(segmented=False))
