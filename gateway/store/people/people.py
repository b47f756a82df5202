"""People as they are known now, found by their key or by an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from gateway.core.errors import GatewayError
from gateway.core.people.people import (
    Group,
    Person,
    PersonKind,
    PersonRef,
    Standing,
    Status,
    StatusKind,
    Suppression,
)
from gateway.store.feed.layouts import UNSURE
from gateway.store.schema import addresses, groups, memberships, people, statuses

_LOOKED_AT = 2_000  #: Keys compared with one that nobody has.


class PersonUnknown(GatewayError):
    """Nobody of that key is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A group a person is in."""

    group: Group  #: With its key alone where the group is not known yet.
    source: str  #: Who told.
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """A person with all that belongs to it."""

    person: Person
    source: str  #: Who told.
    addresses: tuple[str, ...]  #: In lookup form; the first is the primary one.
    #: In lookup form: what is like an address where it can't be told. Suppressed, never mailed.
    lookalikes: tuple[str, ...]
    status: Status | None  #: None where the person has none, or one not known yet.
    status_since: datetime | None
    groups: tuple[Joined, ...]

    @property
    def every_address(self) -> tuple[str, ...]:
        """All that what suppresses the person keeps mail away from."""
        return (*self.addresses, *self.lookalikes)


def find(connection: Connection, wanted: PersonRef | str) -> tuple[PersonRecord, ...]:
    """Return the people of that key, one at most, or with that address (in lookup form)."""
    refs = [wanted] if isinstance(wanted, PersonRef) else holders(connection, wanted)
    found = (_record(connection, ref) for ref in refs)
    return tuple(record for record in found if record is not None)


def holders(
    connection: Connection, address: str, *, plus_addresses: bool = False
) -> tuple[PersonRef, ...]:
    """Return who has an address (in lookup form)."""
    lowest = -1 if plus_addresses else 0
    has_it = (addresses.c.address == address, addresses.c.position >= lowest)
    rows = connection.execute(select(addresses.c.kind, addresses.c.person).where(*has_it))
    return tuple(sorted(PersonRef(PersonKind(kind), crm_id) for kind, crm_id in rows))


def known(connection: Connection, ref: PersonRef) -> PersonRecord:
    """Return the person of a key; `PersonUnknown` names those whose keys are nearest."""
    for record in find(connection, ref):
        return record
    near = [f"{one.ref} {one.name}".strip() for one in _near(connection, ref)]
    hint = f"; near are {', '.join(near)}" if near else ""
    raise PersonUnknown(f"nobody known as {ref}{hint}")


def _near(connection: Connection, ref: PersonRef) -> list[Person]:
    """Return three people whose keys are most like one; of very many, those of its length."""
    c, key = people.c, ref.crm_id
    alike = (
        or_(
            c.crm_id.startswith(key[:2], autoescape=True),
            c.crm_id.endswith(key[-2:], autoescape=True),
        ),
        func.length(c.crm_id).between(len(key) - 1, len(key) + 1),
    )
    keys: list[str] = []
    for which in alike:
        known = connection.scalars(select(c.crm_id).where(which).limit(_LOOKED_AT))
        keys += get_close_matches(key, dict.fromkeys(known), 3, 0.4)
    rows = connection.execute(select(people).where(c.crm_id.in_(keys))).all()
    ranked = sorted(rows, key=lambda row: (row.kind != ref.kind, keys.index(row.crm_id)))
    return [from_row(PersonRef(PersonKind(row.kind), row.crm_id), row) for row in ranked[:3]]


def suppressions_of(
    record: PersonRecord, standings: Mapping[str, Standing]
) -> tuple[Suppression, ...]:
    """Return what suppresses a person, given the standings of the person's addresses."""
    standing = [standings[each] for each in record.every_address if each in standings]
    own = (entry for one in standing for entry in one.own)
    brought = (
        entry
        for one in standing
        for holder in one.holders
        if holder.ref == record.person.ref
        for entry in holder.suppressions
    )
    return tuple(dict.fromkeys([*own, *brought]))


def _record(connection: Connection, ref: PersonRef) -> PersonRecord | None:
    key = (people.c.kind == ref.kind.value, people.c.crm_id == ref.crm_id)
    row = connection.execute(select(people).where(*key)).first()
    if row is None:
        return None
    positions = _addresses(connection, ref)
    return PersonRecord(
        person=from_row(ref, row),
        source=row.source,
        addresses=tuple(one for one, position in positions if position < UNSURE),
        lookalikes=tuple(one for one, position in positions if position >= UNSURE),
        status=_status(connection, ref.kind, row.status),
        status_since=row.status_since,
        groups=_groups(connection, ref),
    )


def from_row(ref: PersonRef, row: Row[Any]) -> Person:
    """Return the person a row of the table is."""
    return Person(
        ref=ref,
        first_name=row.first_name,
        last_name=row.last_name,
        emails=tuple(filter(None, row.emails.split(";"))),
        unusable=tuple(filter(None, row.unusable.split(";"))),
        status=row.status,
        finance_status=row.finance_status,
        owner=row.owner,
        language=row.language,
        birthday=row.birthday,
        consent_email=row.consent_email,
        mail_on_set_date=row.mail_on_set_date,
        mail_after_first_delivery=row.mail_after_first_delivery,
        active=row.active,
    )


def _addresses(connection: Connection, ref: PersonRef) -> list[tuple[str, int]]:
    c = addresses.c
    rows = select(c.address, c.position).where(
        c.kind == ref.kind.value, c.person == ref.crm_id, c.position >= 0
    )
    return [(row.address, row.position) for row in connection.execute(rows.order_by(c.position))]


def _status(connection: Connection, kind: PersonKind, crm_id: str) -> Status | None:
    key = (statuses.c.kind == kind.value, statuses.c.crm_id == crm_id)
    row = connection.execute(select(statuses).where(*key)).first()
    if row is None:
        return None
    return Status(
        kind=StatusKind(row.kind),
        crm_id=row.crm_id,
        name=row.name,
        tag=row.tag,
        initial=row.initial,
        closed=row.closed,
    )


def _groups(connection: Connection, ref: PersonRef) -> tuple[Joined, ...]:
    member, same = memberships.c, memberships.c.kind == groups.c.kind
    rows = connection.execute(
        select(member.group_id, member.source.label("told_by"), member.since, *groups.c)
        .select_from(memberships.outerjoin(groups, same & (member.group_id == groups.c.crm_id)))
        .where(member.kind == ref.kind.value, member.person == ref.crm_id)
        .order_by(member.group_id, member.source)
    )
    return tuple(
        Joined(group=_group(ref.kind, row), source=row.told_by, since=row.since) for row in rows
    )


def _group(kind: PersonKind, row: Row[Any]) -> Group:
    if row.crm_id is None:
        return Group(kind=kind, crm_id=row.group_id)
    return Group(kind=kind, crm_id=row.crm_id, name=row.name, tag=row.tag, active=row.active)
