"""The groups "MailChimp opt-out": people in them get no campaigns (S2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, insert, or_, select

from gateway.core.people.people import MAILCHIMP, Group, PersonKind, PersonRef
from gateway.store.engine.upsert import insert_into
from gateway.store.schema.activities import opt_outs as table
from gateway.store.schema.campaigns import audience_members, campaigns
from gateway.store.schema.feed import groups, memberships

TAG = "NoMailChimpMailingsTag"
NAME = "MailChimp opt-out"
#: Owner of the groups the gateway created and of memberships from Mailchimp; no feed owns them.
SOURCE = MAILCHIMP
OWN_ID = "mailchimp-opt-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """An opt-out as stored."""

    address: str
    at: datetime
    campaign: int | None
    title: str  #: The campaign's.
    reason: str
    lifted_at: datetime | None  #: When staff undid it.
    lifted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InGroup:
    """A person who is in an opt-out group because of Mailchimp."""

    person: PersonRef
    group: str  #: Its crm_id.
    address: str
    at: datetime
    campaign: int | None
    title: str  #: The campaign's.
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An address to which Mailchimp itself sends no campaigns."""

    address: str
    status: str  #: unsubscribed, cleaned; or empty, with a reason
    since: datetime | None
    reason: str = ""


def group(connection: Connection, kind: PersonKind) -> Group | None:
    """Return the active group of this kind with the tag; the gateway's own comes last."""
    c = groups.c
    bearing = select(groups).where(c.kind == kind.value, c.tag == TAG, c.active)
    row = connection.execute(bearing.order_by(c.source == SOURCE, c.crm_id).limit(1)).first()
    if row is None:
        return None
    return Group(kind=kind, crm_id=row.crm_id, name=row.name, tag=row.tag, active=row.active)


def ensure(connection: Connection, kind: PersonKind) -> tuple[Group, bool]:
    """Return the group of this kind, created if none has the tag, and whether it was created."""
    existing = group(connection, kind)
    if existing is not None:
        return existing, False
    # A group of the CRM without the tag may have the same name.
    taken_ids = set(connection.scalars(select(groups.c.crm_id).where(groups.c.kind == kind.value)))
    free_id, number = OWN_ID, 1
    while free_id in taken_ids:
        number += 1
        free_id = f"{OWN_ID}-{number}"
    made = Group(kind=kind, crm_id=free_id, name=NAME, tag=TAG)
    row = {"kind": kind.value, "crm_id": made.crm_id, "source": SOURCE, "name": NAME, "tag": TAG}
    connection.execute(insert(groups).values(row))
    return made, True


def join(connection: Connection, people: Iterable[PersonRef], now: datetime) -> list[PersonRef]:
    """Put people into the opt-out group of their kind; return those who are new to it."""
    refs = list(dict.fromkeys(people))
    ids = {kind: ensure(connection, kind)[0].crm_id for kind in {ref.kind for ref in refs}}
    new = []
    for ref in refs:
        row = {"kind": ref.kind.value, "person": ref.crm_id, "group_id": ids[ref.kind]}
        query = insert_into(connection, memberships).values(**row, source=SOURCE, since=now)
        put_in = query.on_conflict_do_nothing().returning(memberships.c.person)
        if connection.scalar(put_in) is not None:
            new.append(ref)
    return new


def of_person(connection: Connection, ref: PersonRef) -> list[OptOut]:
    """Return the opt-outs of a person, including undone ones, oldest first."""
    c = table.c
    query = (
        select(table, func.coalesce(campaigns.c.name, "").label("title"))
        .select_from(table.outerjoin(campaigns, campaigns.c.id == c.campaign))
        .where(c.kind == ref.kind.value, c.person == ref.crm_id)
        .order_by(c.at)
    )
    names = OptOut.__dataclass_fields__
    return [
        OptOut(**{name: row._mapping[name] for name in names}) for row in connection.execute(query)
    ]


def in_force(connection: Connection, *, since: datetime | None = None) -> list[InGroup]:
    """Return the opt-outs in force, newest first."""
    c, m = table.c, memberships.c
    joined = and_(m.kind == c.kind, m.person == c.person, m.source == SOURCE)
    query = (
        select(table, m.group_id, func.coalesce(campaigns.c.name, "").label("title"))
        .select_from(table.join(memberships, joined))
        .outerjoin(campaigns, campaigns.c.id == c.campaign)
        .where(c.lifted_at.is_(None))
        .order_by(c.at.desc(), c.kind, c.person)
    )
    if since is not None:
        query = query.where(c.at >= since)
    return [
        InGroup(
            person=PersonRef(PersonKind(row.kind), row.person),
            group=row.group_id,
            address=row.address,
            at=row.at,
            campaign=row.campaign,
            title=row.title,
            reason=row.reason,
        )
        for row in connection.execute(query)
    ]


def refusals(connection: Connection, addresses: Iterable[str]) -> list[Refusal]:
    """Return which of these addresses (in lookup form) Mailchimp itself sends no campaigns to."""
    c = audience_members.c
    refused = or_(c.status.in_(("unsubscribed", "cleaned")), c.refusal != "")
    query = select(c.address, c.status, c.changed_at, c.refusal).where(
        c.address.in_(list(addresses)), refused
    )
    return [Refusal(*row) for row in connection.execute(query.order_by(c.address))]
