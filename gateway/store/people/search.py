"""Finds people by what somebody knows about them: a key, an address, a reference, a name."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select, tuple_

from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.engine.any_case import reads_as
from gateway.store.feed.layouts import UNSURE
from gateway.store.schema.feed import addresses, applications, people, statuses

_MOST_WORDS = 5
_SHORTEST_START = 3  #: Letters: too many addresses begin with fewer.
_MOST_BY_ADDRESS = 50
_LAST = "\U0010ffff"  #: Sorts after every text with that beginning.


class MatchedBy(StrEnum):
    """How a person was found."""

    KEY = "key"
    ADDRESS = "address"
    REFERENCE = "reference"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatch:
    """A person as shown in a list."""

    ref: PersonRef
    name: str
    active: bool
    status: str  #: Its name, or its crm_id if it has none.
    addresses: tuple[str, ...]  #: In lookup form, the primary one first.
    by: MatchedBy


def search(
    connection: Connection,
    text: str,
    *,
    address: str,
    limit: int,
    after: PersonRef | None = None,
) -> tuple[list[PersonMatch], PersonRef | None]:
    """Return people matching a text, and the last of them if there are more (else None).

    `address` is the text in the lookup form of addresses. People with this key, application number
    or address, or with an address that starts with it, come first; then, by key, people whose names
    contain each of its words. An empty text matches everybody.
    """
    text = text.strip()
    matched = _known_by(connection, text, address) if text else {}
    matched_refs, start, behind = list(matched), 0, after
    if after in matched:
        start, behind = matched_refs.index(after) + 1, None
    elif after is not None:
        start = len(matched_refs)
    first = matched_refs[start : start + limit]
    # One extra row shows whether there is another page; those already found may come again.
    rows = connection.execute(
        select(people.c.kind, people.c.crm_id)
        .where(*_has_words(connection, text), *_after_person(behind))
        .order_by(people.c.kind, people.c.crm_id)
        .limit(limit + 1 + len(matched_refs))
    ).all()
    named_refs = [PersonRef(PersonKind(row.kind), row.crm_id) for row in rows]
    others = [ref for ref in named_refs if ref not in matched]
    page = [*first, *others[: limit - len(first)]]
    is_all = len(matched_refs) - start + len(others) <= limit
    by = {ref: matched.get(ref, MatchedBy.NAME) for ref in page}
    return _matches(connection, by), None if is_all or not page else page[-1]


def _known_by(connection: Connection, text: str, address: str) -> dict[PersonRef, MatchedBy]:
    """Return people with this key or application number, or an address that starts so."""
    matched: dict[PersonRef, MatchedBy] = {}

    def add(rows: Iterable[Any], by: MatchedBy) -> None:
        for row in rows:
            matched.setdefault(PersonRef(PersonKind(row[0]), row[1]), by)

    p, a, c = people.c, addresses.c, applications.c
    keys = [(kind.value, text) for kind in PersonKind]
    try:
        ref = PersonRef.parse(text)
        keys.append((ref.kind.value, ref.crm_id))
    except ValueError:
        pass
    is_key = tuple_(p.kind, p.crm_id).in_(keys)
    add(connection.execute(select(p.kind, p.crm_id).where(is_key)), MatchedBy.KEY)
    if " " not in text or "@" in text:  # `"ann lee"@example.org` has one, a name has no @.
        begins = a.address == address
        if len(text) >= _SHORTEST_START:
            # By index on either database: PostgreSQL sorts letters by language.
            is_sqlite = connection.dialect.name == "sqlite"
            between = and_(a.address >= address, a.address < address + _LAST)
            begins = or_(
                begins, between if is_sqlite else a.address.startswith(address, autoescape=True)
            )
        has_it = select(a.kind, a.person).where(begins, a.position >= 0)
        order = (a.address, a.kind, a.person)
        rows = connection.execute(has_it.order_by(*order).limit(_MOST_BY_ADDRESS))
        add(rows, MatchedBy.ADDRESS)
    of_number = select(c.kind, c.person).where(c.reference == text)
    add(connection.execute(of_number), MatchedBy.REFERENCE)
    return matched


def _has_words(connection: Connection, text: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a person's names contain each word of a text."""
    names = (people.c.first_name, people.c.last_name)
    return [
        or_(*(reads_as(connection, name, word) for name in names))
        for word in text.split()[:_MOST_WORDS]
    ]


def _after_person(after: PersonRef | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    p = people.c
    return [
        or_(p.kind > after.kind.value, and_(p.kind == after.kind.value, p.crm_id > after.crm_id))
    ]


def _matches(connection: Connection, by: dict[PersonRef, MatchedBy]) -> list[PersonMatch]:
    """Return people as shown in a list, in the order given, leaving out unknown ones."""
    keys = [(ref.kind.value, ref.crm_id) for ref in by]
    if not keys:
        return []
    p, a = people.c, addresses.c
    its_status = (statuses.c.kind == p.kind) & (statuses.c.crm_id == p.status)
    rows = {
        PersonRef(PersonKind(row.kind), row.crm_id): row
        for row in connection.execute(
            select(p.kind, p.crm_id, p.first_name, p.last_name, p.active, p.status, statuses.c.name)
            .select_from(people.outerjoin(statuses, its_status))
            .where(tuple_(p.kind, p.crm_id).in_(keys))
        )
    }
    of_people = select(a.kind, a.person, a.address).where(
        tuple_(a.kind, a.person).in_(keys), a.position.between(0, UNSURE - 1)
    )
    addresses_of: defaultdict[PersonRef, list[str]] = defaultdict(list)
    for kind, crm_id, address in connection.execute(of_people.order_by(a.position)):
        addresses_of[PersonRef(PersonKind(kind), crm_id)].append(address)
    return [
        PersonMatch(
            ref=ref,
            name=f"{row.first_name} {row.last_name}".strip(),
            active=row.active,
            status=row.name or row.status,
            addresses=tuple(addresses_of[ref]),
            by=matched_by,
        )
        for ref, matched_by in by.items()
        if (row := rows.get(ref)) is not None
    ]
