"""Opt-outs from mailings on one topic; all other mail continues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, tuple_, update

from gateway.core.people.people import PersonKind, PersonRef, RefOrAddress
from gateway.store.schema.feed import addresses
from gateway.store.schema.suppressions import topic_opt_outs as table


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOptOut:
    """A choice of a person, or of whoever has an address (in lookup form)."""

    id: int
    topic: str
    ref_or_address: RefOrAddress
    remark: str  #: The text of the choice as displayed.
    since: datetime
    released_at: datetime | None = None
    released_by: str = ""


def add(connection: Connection, opt_out: TopicOptOut) -> None:
    """Store a choice."""
    row = {
        "id": opt_out.id,
        "topic": opt_out.topic,
        "remark": opt_out.remark,
        "since": opt_out.since,
        **_columns(opt_out.ref_or_address),
    }
    connection.execute(insert(table).values(row))


def is_declined(
    connection: Connection,
    topic: str,
    ref: PersonRef | None,
    address: str,
    *,
    erased: Sequence[str] = (),
) -> bool:
    """Whether a person, or anybody who has the address, wants no mailings of a topic.

    `erased` are the names under which the address may be known, if its person was erased.
    """
    a = addresses.c
    holders = select(a.kind, a.person).where(a.address == address, a.position >= 0)
    of_holders = tuple_(table.c.kind, table.c.person).in_(holders)
    of_person_or_address = [
        _is_of(address, erased),
        of_holders,
        *([] if ref is None else [_is_of(ref)]),
    ]
    query = select(table.c.topic).where(or_(*of_person_or_address), table.c.released_at.is_(None))
    folded_topic = topic.casefold()
    return any(declined.casefold() == folded_topic for declined in connection.scalars(query))


@dataclass(frozen=True, slots=True)
class Decliners:
    """All opt-outs from a topic, for when many people are mailed at once."""

    people: frozenset[PersonRef] = frozenset()
    addresses: frozenset[str] = frozenset()  #: Theirs, and those that declined; in lookup form.
    erased: frozenset[str] = frozenset()  #: The names of erased addresses.

    def has(self, ref: PersonRef, address: str) -> bool:
        """Whether a person, or anybody with the address, is among them, leaving `erased` aside."""
        return address in self.addresses or ref in self.people


def decliners(connection: Connection, topic: str) -> Decliners:
    """Return everybody who wants no mailings of a topic; agrees with `is_declined`."""
    holds = table.c.released_at.is_(None)
    topics = connection.scalars(select(table.c.topic).where(holds).distinct())
    spelled = [name for name in topics if name.casefold() == topic.casefold()]
    if not spelled:
        return Decliners()
    of_topic = (holds, table.c.topic.in_(spelled))
    people, own, erased = set[PersonRef](), set[str](), set[str]()
    query = select(table.c.kind, table.c.person, table.c.address).where(*of_topic)
    for kind, person, address in connection.execute(query):
        if person:
            people.add(PersonRef(PersonKind(kind), person))
        else:
            (erased if kind == "erased" else own).add(address)
    a = addresses.c
    same = (a.kind == table.c.kind) & (a.person == table.c.person)
    held = select(a.address).join(table, same).where(*of_topic, a.position >= 0)
    own.update(connection.scalars(held))
    return Decliners(frozenset(people), frozenset(own), frozenset(erased))


def history(
    connection: Connection, ref_or_address: RefOrAddress, *, erased: Sequence[str] = ()
) -> tuple[TopicOptOut, ...]:
    """Return all choices of a person or an address (in lookup form), newest first."""
    rows = connection.execute(
        select(table).where(_is_of(ref_or_address, erased)).order_by(table.c.id.desc())
    )
    return tuple(_read(row) for row in rows)


def release(
    connection: Connection,
    ref_or_address: RefOrAddress,
    *,
    by: str,
    at: datetime,
    erased: Sequence[str] = (),
) -> int:
    """Undo the choices of a person or an address, keeping them on record; return their number."""
    statement = update(table).where(_is_of(ref_or_address, erased), table.c.released_at.is_(None))
    return connection.execute(statement.values(released_at=at, released_by=by)).rowcount


def _columns(ref_or_address: RefOrAddress) -> dict[str, str]:
    if isinstance(ref_or_address, PersonRef):
        return {"kind": ref_or_address.kind.value, "person": ref_or_address.crm_id, "address": ""}
    return {"kind": "", "person": "", "address": ref_or_address}


def _is_of(ref_or_address: RefOrAddress, erased: Sequence[str] = ()) -> ColumnElement[bool]:
    if isinstance(ref_or_address, PersonRef):
        return (table.c.kind == ref_or_address.kind.value) & (
            table.c.person == ref_or_address.crm_id
        )
    # A person's choices have no address.
    return (table.c.person == "") & table.c.address.in_((ref_or_address, *erased))


def _read(row: Row[Any]) -> TopicOptOut:
    values = dict(row._mapping)
    kind, person, address = values.pop("kind"), values.pop("person"), values.pop("address")
    return TopicOptOut(
        ref_or_address=PersonRef(PersonKind(kind), person) if person else address, **values
    )
