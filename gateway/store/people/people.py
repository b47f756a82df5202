"""People as currently known, found by key or address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, or_, select

from gateway.core.errors import GatewayError
from gateway.core.people.people import (
    Group,
    Person,
    PersonKind,
    PersonRef,
    RefOrAddress,
    Standing,
    Status,
    StatusKind,
    Suppression,
)
from gateway.store.feed.layouts import UNSURE
from gateway.store.schema.feed import addresses, groups, memberships, people, statuses

_LOOKED_AT = 2_000  #: Keys compared with one nobody has.

#: Built once: every mail runs these, and building one takes longer than running it.
_KIND: BindParameter[str] = bindparam("wanted_kind")
_KEY: BindParameter[str] = bindparam("wanted")
_PERSON = select(people).where(people.c.kind == _KIND, people.c.crm_id == _KEY)
_ADDRESSES = (
    select(addresses.c.address, addresses.c.position)
    .where(addresses.c.kind == _KIND, addresses.c.person == _KEY, addresses.c.position >= 0)
    .order_by(addresses.c.position)
)
_STATUS = select(statuses).where(statuses.c.kind == _KIND, statuses.c.crm_id == _KEY)
_MEMBERSHIPS = (
    select(
        memberships.c.group_id,
        memberships.c.source.label("told_by"),
        memberships.c.since,
        *groups.c,
    )
    .select_from(
        memberships.outerjoin(
            groups,
            (memberships.c.kind == groups.c.kind) & (memberships.c.group_id == groups.c.crm_id),
        )
    )
    .where(memberships.c.kind == _KIND, memberships.c.person == _KEY)
    .order_by(memberships.c.group_id, memberships.c.source)
)


class PersonUnknown(GatewayError):
    """There is no person with this key."""

    cure = "gateway person find NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedGroup:
    """A group a person is in."""

    group: Group  #: Only its key, if the group is not known yet.
    source: str  #: Where this comes from.
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """A person with all related records."""

    person: Person
    source: str  #: Where this comes from.
    addresses: tuple[str, ...]  #: In lookup form, primary first.
    #: In lookup form: what resembles an address if none can be made out. Suppressed, never mailed.
    lookalikes: tuple[str, ...]
    status: Status | None  #: None if the person has none, or one not known yet.
    status_since: datetime | None
    groups: tuple[JoinedGroup, ...]

    @property
    def every_address(self) -> tuple[str, ...]:
        """All addresses that suppressions of the person apply to."""
        return (*self.addresses, *self.lookalikes)


def find(connection: Connection, ref_or_address: RefOrAddress) -> tuple[PersonRecord, ...]:
    """Return the person with that key, or the people with that address (in lookup form)."""
    refs = (
        [ref_or_address]
        if isinstance(ref_or_address, PersonRef)
        else holders(connection, ref_or_address)
    )
    records = (_record(connection, ref) for ref in refs)
    return tuple(record for record in records if record is not None)


def holders(connection: Connection, address: str) -> tuple[PersonRef, ...]:
    """Return the people who have an address (in lookup form)."""
    has_it = (addresses.c.address == address, addresses.c.position >= 0)
    rows = connection.execute(select(addresses.c.kind, addresses.c.person).where(*has_it))
    return tuple(sorted(PersonRef(PersonKind(kind), crm_id) for kind, crm_id in rows))


def known_person(connection: Connection, ref: PersonRef) -> PersonRecord:
    """Return the person with a key; `PersonUnknown` names those with the most similar keys."""
    for record in find(connection, ref):
        return record
    near = [f"{person.ref} {person.name}".strip() for person in _similar_people(connection, ref)]
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise PersonUnknown(f"nobody known as {ref}{hint}")


def _similar_people(connection: Connection, ref: PersonRef) -> list[Person]:
    """Return the three people with the most similar keys, as far as they are compared.

    That is at most `_LOOKED_AT` of those that begin or end alike, and of those of about its length.
    """
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
        crm_ids = connection.scalars(select(c.crm_id).where(which).limit(_LOOKED_AT))
        keys += get_close_matches(key, dict.fromkeys(crm_ids), 3, 0.4)
    rows = connection.execute(select(people).where(c.crm_id.in_(keys))).all()
    ranked = sorted(rows, key=lambda row: (row.kind != ref.kind, keys.index(row.crm_id)))
    return [from_row(PersonRef(PersonKind(row.kind), row.crm_id), row) for row in ranked[:3]]


def suppressions_of(
    record: PersonRecord, standings: Mapping[str, Standing]
) -> tuple[Suppression, ...]:
    """Return what suppresses a person, given the standings of the person's addresses."""
    standing = [standings[address] for address in record.every_address if address in standings]
    own = (entry for standing_of_address in standing for entry in standing_of_address.own)
    brought = (
        entry
        for standing_of_address in standing
        for holder in standing_of_address.holders
        if holder.ref == record.person.ref
        for entry in holder.suppressions
    )
    return tuple(dict.fromkeys([*own, *brought]))


def _record(connection: Connection, ref: PersonRef) -> PersonRecord | None:
    key = {"wanted_kind": ref.kind.value, "wanted": ref.crm_id}
    row = connection.execute(_PERSON, key).first()
    if row is None:
        return None
    positions = connection.execute(_ADDRESSES, key).all()
    joined = connection.execute(_MEMBERSHIPS, key)
    status = None
    if row.status:
        its_status = {"wanted_kind": ref.kind.value, "wanted": row.status}
        status = connection.execute(_STATUS, its_status).first()
    return PersonRecord(
        person=from_row(ref, row),
        source=row.source,
        addresses=tuple(address for address, position in positions if position < UNSURE),
        lookalikes=tuple(address for address, position in positions if position >= UNSURE),
        status=None
        if status is None
        else Status(
            kind=StatusKind(status.kind),
            crm_id=status.crm_id,
            name=status.name,
            tag=status.tag,
            initial=status.initial,
            closed=status.closed,
        ),
        status_since=row.status_since,
        groups=tuple(
            JoinedGroup(
                group=Group(kind=ref.kind, crm_id=group.group_id)
                if group.crm_id is None
                else Group(
                    kind=ref.kind,
                    crm_id=group.crm_id,
                    name=group.name,
                    tag=group.tag,
                    active=group.active,
                ),
                source=group.told_by,
                since=group.since,
            )
            for group in joined
        ),
    )


def from_row(ref: PersonRef, row: Row[Any]) -> Person:
    """Return a row of the table as a person."""
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
