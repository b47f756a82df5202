"""Who left an audience, and is in the opt-out group for it until staff undo it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from gateway.core import ids
from gateway.core.campaigns.membership import KnownContact
from gateway.core.moments import in_utc
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.sending.event import Event, EventType
from gateway.store.campaigns import audiences, opt_outs
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.schema import addresses, audience_members, campaigns, groups, memberships
from gateway.store.schema import opt_outs as table
from gateway.store.schema.columns import microseconds
from gateway.store.sending import events

_AT_ONCE = 500
_TOLD = ("email", "email_id", "contact_id", "status", "changed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A person's address left an audience."""

    person: PersonRef
    audience: str
    address: str  #: In lookup form.
    at: datetime  #: As Mailchimp tells.
    campaign: int | None = None  #: Through which, where that is known.
    reason: str = ""


def take_in(
    connection: Connection, audience: str, left: Sequence[KnownContact], *, now: datetime
) -> int:
    """Keep what Mailchimp tells of who left, and of the same contact's former addresses.

    Older news than is known change nothing (M6); those without a time, which the contract allows,
    are of when they were met first. Returns how many were news.
    """
    rows = {one.address: one for one in left if one.address}
    before = _known(connection, audience, rows)
    rows = {
        address: one if one.changed_at else replace(one, changed_at=_met(one, before, now))
        for address, one in rows.items()
    }
    news = [one for one in rows.values() if before.get(one.address) != (one.status, one.changed_at)]
    insert_rows(
        connection,
        audience_members,
        ("audience", "address", *_TOLD),
        [(audience, one.address, *(_plain(getattr(one, name)) for name in _TOLD)) for one in news],
        conflict=(
            "(audience, address) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in _TOLD)
            + f" WHERE {audiences.IS_NO_OLDER}"
        ),
    )
    _follow_contacts(connection, audience, news)
    return len(news)


def _met(
    one: KnownContact, before: Mapping[str, tuple[str, datetime | None]], now: datetime
) -> datetime:
    status, at = before.get(one.address, ("", None))
    return at if at and status == one.status else now


def _known(
    connection: Connection, audience: str, wanted: Iterable[str]
) -> dict[str, tuple[str, datetime | None]]:
    c, found = audience_members.c, dict[str, tuple[str, datetime | None]]()
    for some in _in_parts(sorted(wanted)):
        mine = (c.audience == audience, c.address.in_(some))
        rows = connection.execute(select(c.address, c.status, c.changed_at).where(*mine))
        found |= {row.address: (row.status, row.changed_at) for row in rows}
    return found


def _follow_contacts(connection: Connection, audience: str, news: Sequence[KnownContact]) -> None:
    """Let the addresses a contact had before leave with it: the CRM may know no other (M7)."""
    c = audience_members.c
    now = {one.contact_id: one for one in news if one.contact_id}
    for some in _in_parts(sorted(now)):
        same = (c.audience == audience, c.contact_id.in_(some))
        for contact, address in connection.execute(select(c.contact_id, c.address).where(*same)):
            one = now[contact]
            if address != one.address:
                values = {"status": one.status, "changed_at": one.changed_at}
                mine = (c.audience == audience, c.address == address)
                connection.execute(update(audience_members).where(*mine).values(values))


def pending(connection: Connection, audience: str, limit: int = _AT_ONCE) -> list[Leaving]:
    """Return people with an address that left whom that has not reached yet.

    Who got the address only later is among them; whom staff took out of the group is not, unless
    the address left anew.
    """
    m, a, o = audience_members.c, addresses.c, table.c
    same = and_(
        o.kind == a.kind, o.person == a.person, o.audience == m.audience, o.address == m.address
    )
    open_or_told = and_(same, or_(o.lifted_at.is_(None), o.changed_at >= m.changed_at))
    query = (
        select(a.kind, a.person, m.address, m.changed_at)
        .select_from(audience_members)
        .join(addresses, and_(a.address == m.address, a.position >= 0))
        .outerjoin(table, open_or_told)
        .where(
            m.audience == audience,
            m.status == "unsubscribed",
            m.changed_at.is_not(None),
            o.person.is_(None),
        )
        .limit(limit)
    )
    return [
        Leaving(
            person=PersonRef(PersonKind(row.kind), row.person),
            audience=audience,
            address=row.address,
            at=row.changed_at,
        )
        for row in connection.execute(query)
    ]


def opt_out(
    connection: Connection, left: Iterable[Leaving], *, now: datetime, new_id: Callable[[], int]
) -> list[Leaving]:
    """Put people into the opt-out group of their kind, tell of it, return for whom it is new.

    What is known already changes nothing, so that staff who took a person out of the group have
    the last word until the person leaves anew.
    """
    latest = {_key(one): one for one in sorted(left, key=lambda one: one.at)}
    known = dict(_known_opt_outs(connection, latest))
    new = [one for key, one in latest.items() if _is_new(one, known.get(key))]
    for key, one in latest.items():
        row = known.get(key)
        if row is not None and row.lifted_at is None:
            _note(connection, row, one)
    _insert(connection, new, now)
    opt_outs.join(connection, [one.person for one in new], now)
    events.put(connection, _events(connection, new, new_id))
    return new


def _key(one: Leaving) -> tuple[str, str, str, str]:
    return one.person.kind.value, one.person.crm_id, one.audience, one.address


def _known_opt_outs(
    connection: Connection, wanted: Mapping[tuple[str, str, str, str], Leaving]
) -> Iterator[tuple[tuple[str, str, str, str], Row[Any]]]:
    """Yield the rows of these people and addresses, the newest last."""
    there = {one.audience for one in wanted.values()}
    for some in _in_parts(sorted({one.address for one in wanted.values()})):
        mine = (table.c.audience.in_(there), table.c.address.in_(some))
        rows = connection.execute(select(table).where(*mine).order_by(table.c.at))
        for row in rows:
            yield (row.kind, row.person, row.audience, row.address), row


def _is_new(one: Leaving, known: Row[Any] | None) -> bool:
    return known is None or (known.lifted_at is not None and one.at > known.changed_at)


def _note(connection: Connection, known: Row[Any], told: Leaving) -> None:
    """Keep what is told anew of an opt-out in force."""
    changed_at, campaign = max(known.changed_at, told.at), known.campaign or told.campaign
    reason = known.reason or told.reason
    if (changed_at, campaign, reason) == (known.changed_at, known.campaign, known.reason):
        return
    c = table.c
    mine = (
        c.kind == known.kind,
        c.person == known.person,
        c.audience == known.audience,
        c.address == known.address,
        c.at == known.at,
    )
    values = {"changed_at": changed_at, "campaign": campaign, "reason": reason}
    connection.execute(update(table).where(*mine).values(values))


def _insert(connection: Connection, new: Sequence[Leaving], now: datetime) -> None:
    rows = [
        {
            "kind": one.person.kind.value,
            "person": one.person.crm_id,
            "audience": one.audience,
            "address": one.address,
            "at": one.at,
            "changed_at": one.at,
            "campaign": one.campaign,
            "reason": one.reason,
            "seen_at": now,
        }
        for one in new
    ]
    if rows:
        connection.execute(insert(table), rows)


def _events(
    connection: Connection, new: Sequence[Leaving], new_id: Callable[[], int]
) -> Iterator[Event]:
    titles = _titles(connection, {one.campaign for one in new if one.campaign is not None})
    for one in new:
        yield Event(
            id=new_id(),
            type=EventType.OPTED_OUT,
            person=one.person,
            data={
                "address": one.address,
                "at": in_utc(one.at),
                "source": opt_outs.SOURCE,
                "campaign": None if one.campaign is None else ids.show(one.campaign),
                "title": titles.get(one.campaign or 0),
                "reason": one.reason or None,
            },
        )


def _titles(connection: Connection, wanted: Iterable[int]) -> dict[int, str]:
    query = select(campaigns.c.id, campaigns.c.name).where(campaigns.c.id.in_(list(wanted)))
    return {row.id: row.name for row in connection.execute(query)}


def lift(
    connection: Connection, people: Iterable[PersonRef], *, by: str, now: datetime
) -> list[PersonRef]:
    """Take people out of the opt-out group as far as Mailchimp put them in; return who was."""
    return [person for person in dict.fromkeys(people) if _lift(connection, person, by, now)]


def _lift(connection: Connection, person: PersonRef, by: str, now: datetime) -> bool:
    c, m = table.c, audience_members.c
    mine = (c.kind == person.kind.value, c.person == person.crm_id, c.lifted_at.is_(None))
    told = (
        select(m.changed_at)
        .where(m.audience == c.audience, m.address == c.address, m.changed_at > c.changed_at)
        .scalar_subquery()
    )
    values = {"lifted_at": now, "lifted_by": by, "changed_at": func.coalesce(told, c.changed_at)}
    lifted = connection.execute(update(table).where(*mine).values(values)).rowcount
    own = memberships.c
    tagged = select(groups.c.crm_id).where(
        groups.c.kind == person.kind.value, groups.c.tag == opt_outs.TAG
    )
    gone = connection.execute(
        delete(memberships).where(
            own.kind == person.kind.value,
            own.person == person.crm_id,
            own.source == opt_outs.SOURCE,
            own.group_id.in_(tagged),
        )
    ).rowcount
    return bool(lifted or gone)


def _plain(value: object) -> object:
    return microseconds(value) if isinstance(value, datetime) else value


def _in_parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
