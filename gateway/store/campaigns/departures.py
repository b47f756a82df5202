"""People who left an audience, and are in the opt-out group for it until staff undo that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from gateway.core.batches import batched
from gateway.core.campaigns.membership import KnownContact
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.campaigns import audiences, opt_outs
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.schema.activities import opt_outs as table
from gateway.store.schema.campaigns import audience_members
from gateway.store.schema.columns import microseconds
from gateway.store.schema.feed import addresses, groups, memberships

_AT_ONCE = 500
_FIELDS = ("email", "email_id", "contact_id", "status", "changed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A person's address left an audience."""

    person: PersonRef
    audience: str
    address: str  #: In lookup form.
    at: datetime  #: When, according to Mailchimp.
    campaign: int | None = None  #: The campaign they left through, if known.
    reason: str = ""


def take_in(
    connection: Connection, audience: str, left: Sequence[KnownContact], *, now: datetime
) -> int:
    """Store what Mailchimp reports about those who left, and about their former addresses.

    Reports older than what is known change nothing (M6). Reports without a time, which the contract
    allows, count from when they were first seen. Returns how many were new.
    """
    c = audience_members.c
    contacts = {contact_now.address: contact_now for contact_now in left if contact_now.address}
    before = dict[str, tuple[str, datetime | None]]()
    for chunk in batched(sorted(contacts), _AT_ONCE):
        is_meant = (c.audience == audience, c.address.in_(chunk))
        known_rows = connection.execute(select(c.address, c.status, c.changed_at).where(*is_meant))
        before |= {row.address: (row.status, row.changed_at) for row in known_rows}
    news = []
    for address, contact_now in contacts.items():
        status, met_at = before.get(address, ("", None))
        if contact_now.changed_at is None:
            is_met = met_at is not None and status == contact_now.status
            contact_now = replace(contact_now, changed_at=met_at if is_met else now)  # noqa: PLW2901
        if before.get(address) != (contact_now.status, contact_now.changed_at):
            news.append(contact_now)
    rows = []
    for contact_now in news:
        values_read = [getattr(contact_now, name) for name in _FIELDS]
        plain = (
            microseconds(value) if isinstance(value, datetime) else value for value in values_read
        )
        rows.append((audience, contact_now.address, *plain))
    insert_rows(
        connection,
        audience_members,
        ("audience", "address", *_FIELDS),
        rows,
        conflict=(
            "(audience, address) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in _FIELDS)
            + f" WHERE {audiences.IS_NO_OLDER}"
        ),
    )
    # A contact's former addresses leave with it: the CRM may know no other (M7).
    contacts_now = {
        contact_now.contact_id: contact_now for contact_now in news if contact_now.contact_id
    }
    for chunk in batched(sorted(contacts_now), _AT_ONCE):
        same = (c.audience == audience, c.contact_id.in_(chunk))
        for contact, address in connection.execute(select(c.contact_id, c.address).where(*same)):
            contact_now = contacts_now[contact]
            if address != contact_now.address:
                values = {"status": contact_now.status, "changed_at": contact_now.changed_at}
                is_meant = (c.audience == audience, c.address == address)
                connection.execute(update(audience_members).where(*is_meant).values(values))
    return len(news)


def pending(connection: Connection, audience: str) -> list[Departure]:
    """Return people with an address that left who aren't in the opt-out group for it yet.

    This includes people who got the address only later. It excludes people whom staff took out of
    the group, unless the address left again.
    """
    m, a, o = audience_members.c, addresses.c, table.c
    same = and_(
        o.kind == a.kind, o.person == a.person, o.audience == m.audience, o.address == m.address
    )
    open_or_later = and_(same, or_(o.lifted_at.is_(None), o.changed_at >= m.changed_at))
    query = (
        select(a.kind, a.person, m.address, m.changed_at)
        .select_from(audience_members)
        .join(addresses, and_(a.address == m.address, a.position >= 0))
        .outerjoin(table, open_or_later)
        .where(
            m.audience == audience,
            m.status == "unsubscribed",
            m.changed_at.is_not(None),
            o.person.is_(None),
        )
        .limit(_AT_ONCE)
    )
    return [
        Departure(
            person=PersonRef(PersonKind(row.kind), row.person),
            audience=audience,
            address=row.address,
            at=row.changed_at,
        )
        for row in connection.execute(query)
    ]


def opt_out(connection: Connection, left: Iterable[Departure], *, now: datetime) -> list[Departure]:
    """Put people into the opt-out group of their kind; return those who are new to it.

    The caller adds events for them (`gateway.documents.campaigns.opted_out_events`). What is
    already known changes nothing: once staff took a person out of the group, that lasts until the
    person leaves again.
    """
    latest = {
        (
            departure.person.kind.value,
            departure.person.crm_id,
            departure.audience,
            departure.address,
        ): departure
        for departure in sorted(left, key=lambda departure: departure.at)
    }
    known_rows: dict[tuple[str, str, str, str], Row[Any]] = {}
    audiences = {departure.audience for departure in latest.values()}
    for chunk in batched(sorted({departure.address for departure in latest.values()}), _AT_ONCE):
        is_meant = (table.c.audience.in_(audiences), table.c.address.in_(chunk))
        for row in connection.execute(select(table).where(*is_meant).order_by(table.c.at)):
            known_rows[row.kind, row.person, row.audience, row.address] = row  # the newest wins
    new = []
    for key, departure in latest.items():
        before = known_rows.get(key)
        if before is None or (before.lifted_at is not None and departure.at > before.changed_at):
            new.append(departure)
        elif before.lifted_at is None:
            _note(connection, before, departure)
    rows = [
        {
            "kind": departure.person.kind.value,
            "person": departure.person.crm_id,
            "audience": departure.audience,
            "address": departure.address,
            "at": departure.at,
            "changed_at": departure.at,
            "campaign": departure.campaign,
            "reason": departure.reason,
            "seen_at": now,
        }
        for departure in new
    ]
    if rows:
        connection.execute(insert(table), rows)
    opt_outs.join(connection, [departure.person for departure in new], now)
    return new


def _note(connection: Connection, row: Row[Any], departure: Departure) -> None:
    """Store what Mailchimp now says about an opt-out in force."""
    changed_at, campaign = max(row.changed_at, departure.at), row.campaign or departure.campaign
    reason = row.reason or departure.reason
    if (changed_at, campaign, reason) == (row.changed_at, row.campaign, row.reason):
        return
    c = table.c
    is_meant = (
        c.kind == row.kind,
        c.person == row.person,
        c.audience == row.audience,
        c.address == row.address,
        c.at == row.at,
    )
    values = {"changed_at": changed_at, "campaign": campaign, "reason": reason}
    connection.execute(update(table).where(*is_meant).values(values))


def lift(
    connection: Connection, people: Iterable[PersonRef], *, by: str, now: datetime
) -> list[PersonRef]:
    """Remove people from the opt-out group if Mailchimp put them there; return those removed."""
    c, m, own = table.c, audience_members.c, memberships.c
    left_at = (
        select(m.changed_at)
        .where(m.audience == c.audience, m.address == c.address, m.changed_at > c.changed_at)
        .scalar_subquery()
    )
    values = {"lifted_at": now, "lifted_by": by, "changed_at": func.coalesce(left_at, c.changed_at)}
    were_out = []
    for person in dict.fromkeys(people):
        kind, crm_id = person.kind.value, person.crm_id
        is_meant = (c.kind == kind, c.person == crm_id, c.lifted_at.is_(None))
        lifted = connection.execute(update(table).where(*is_meant).values(values)).rowcount
        tagged = select(groups.c.crm_id).where(groups.c.kind == kind, groups.c.tag == opt_outs.TAG)
        gone = connection.execute(
            delete(memberships).where(
                own.kind == kind,
                own.person == crm_id,
                own.source == opt_outs.SOURCE,
                own.group_id.in_(tagged),
            )
        ).rowcount
        if lifted or gone:
            were_out.append(person)
    return were_out
