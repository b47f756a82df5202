"""What remains of erased people: suppressions and declined topics, by hashed address."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    insert,
    select,
    tuple_,
)

from gateway.core.batches import batched
from gateway.core.kinds import Scope
from gateway.core.people.erased_names import ErasedNames
from gateway.core.people.people import PersonRef, Standing, Suppression, SuppressionSource
from gateway.store.engine.database import VALUES_AT_ONCE
from gateway.store.people import erasure_keys
from gateway.store.people.erasure_subject import ErasureSubject
from gateway.store.people.suppression import Standings
from gateway.store.schema.feed import addresses
from gateway.store.schema.suppressions import suppressions, topic_opt_outs


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSuppression:
    """A suppression that an erased address keeps."""

    name: str  #: Its keyed hash.
    scope: Scope
    until: datetime | None
    source: str  #: What it was based on.


def kept_suppressions(
    connection: Connection, subject: ErasureSubject, standings: Standings, names: ErasedNames
) -> list[KeptSuppression]:
    """Return the suppressions to keep when the subject goes.

    They are those of each address that would end with it and that no other covers, in scope and
    duration.
    """
    by_address = standings.within(connection, [*subject.addresses, *subject.shared])
    going = frozenset((subject.ref,) if subject.ref else ())
    return kept_of(
        {address: _going_with(by_address[address], going) for address in by_address}, names
    )


def suppressed_of(
    connection: Connection,
    refs: Sequence[PersonRef],
    standings: Standings,
    before: Mapping[str, Sequence[Suppression]] | None,
) -> dict[str, list[Suppression]]:
    """Return which of their addresses people who are erased suppress, and how.

    Suppressions of an address itself stay as they are. `before` is the state a moment ago.
    """
    going, suppressed = frozenset(refs), {}
    a = addresses.c
    for chunk in batched(refs, VALUES_AT_ONCE):
        keys = [(ref.kind.value, ref.crm_id) for ref in chunk]
        their_addresses = connection.scalars(
            select(a.address).where(tuple_(a.kind, a.person).in_(keys)).distinct()
        )
        for address, standing in standings.within(connection, list(their_addresses)).items():
            entries = [entry for entry in _going_with(standing, going) if entry not in standing.own]
            all_entries = dict.fromkeys((*entries, *(before or {}).get(address, ())))
            if all_entries:
                suppressed[address] = list(all_entries)
    return suppressed


def kept_of(
    suppressed: Mapping[str, Iterable[Suppression]], names: ErasedNames
) -> list[KeptSuppression]:
    """Return the suppressions that addresses (in lookup form) keep, without their holders."""
    return [
        KeptSuppression(
            name=names.new_name(address),
            scope=entry.scope,
            until=entry.until,
            source=entry.source.value,
        )
        for address, entries in suppressed.items()
        for entry in _widest(entries)
    ]


def _going_with(standing: Standing, going: frozenset[PersonRef]) -> list[Suppression]:
    """Return which of an address's suppressions end with some people.

    If others have the address too, its own suppressions stay with them. If any of the others is
    active, what these people bring to it covers bulk mail at most from then on: it did not stop
    one-to-one mail to the others.
    """
    others = [holder for holder in standing.holders if holder.ref not in going]
    brought = [
        entry for holder in standing.holders if holder.ref in going for entry in holder.suppressions
    ]
    if not others:
        return [*standing.own, *brought]
    if not any(holder.active for holder in others):
        return brought
    return [
        replace(entry, scope=Scope.BULK) if entry.scope.includes(Scope.ALL) else entry
        for entry in brought
    ]


def _widest(entries: Iterable[Suppression]) -> list[Suppression]:
    """Return those that no other covers, without those already kept by their hash."""
    widest: list[Suppression] = []
    for entry in entries:
        if entry.source is SuppressionSource.ERASED:
            continue
        if any(_covers(other, entry) for other in widest):
            continue
        widest = [other for other in widest if not _covers(entry, other)] + [entry]
    return widest


def _covers(suppression: Suppression, other: Suppression) -> bool:
    lasts = suppression.until is None or (
        other.until is not None and suppression.until >= other.until
    )
    return lasts and suppression.scope.includes(other.scope)


def keep_suppressed(
    connection: Connection,
    entries: Sequence[KeptSuppression],
    *,
    key_mark: str,
    at: datetime,
    new_id: Callable[[], int],
) -> None:
    """Suppress addresses by their hashes; repeating it suppresses nothing further.

    `key_mark` is the mark of the key used for the hashes: from now on that key is required.
    """
    if entries:
        erasure_keys.note(connection, key_mark, at)
    c = suppressions.c
    for entry in entries:
        same = select(c.id).where(
            c.address == entry.name, c.scope == entry.scope.value, c.released_at.is_(None)
        )
        lasts: ColumnElement[bool] = c.until.is_(None)
        if entry.until is not None:
            lasts |= c.until >= entry.until
        if connection.scalar(same.where(lasts)) is not None:
            continue
        connection.execute(
            insert(suppressions).values(
                id=new_id(),
                address=entry.name,
                scope=entry.scope.value,
                source=SuppressionSource.ERASED.value,
                by=entry.source,
                since=at,
                until=entry.until,
            )
        )


def choices_of(subject: ErasureSubject) -> ColumnElement[bool]:
    """Return the condition that a topic was declined by somebody, or at their addresses."""
    t = topic_opt_outs.c
    of_subject: ColumnElement[bool] = t.address.in_(subject.addresses)
    if subject.ref is not None:
        of_subject |= (t.kind == subject.ref.kind.value) & (t.person == subject.ref.crm_id)
    return of_subject


def declined_topics(connection: Connection, subject: ErasureSubject) -> list[str]:
    """Return the topics somebody has declined and not asked for again."""
    t = topic_opt_outs.c
    declined = select(t.topic).where(choices_of(subject), t.released_at.is_(None)).distinct()
    return list(connection.scalars(declined.order_by(t.topic)))


def keep_declined(
    connection: Connection,
    topics: Sequence[str],
    names: Sequence[str],
    *,
    key_mark: str,
    at: datetime,
    new_id: Callable[[], int],
) -> None:
    """Keep topics declined for erased people, by the hashes of their addresses.

    Repeating it changes nothing.
    """
    if topics and names:
        erasure_keys.note(connection, key_mark, at)
    t = topic_opt_outs.c
    for topic in topics:
        same = select(t.address).where(t.topic == topic, t.address.in_(names))
        declined_names = set(connection.scalars(same.where(t.released_at.is_(None))))
        for name in names:
            if name not in declined_names:
                values = {"id": new_id(), "topic": topic, "kind": "erased", "address": name}
                connection.execute(insert(topic_opt_outs).values(values | {"since": at}))


def declined_of(
    connection: Connection, refs: Sequence[PersonRef]
) -> list[tuple[list[str], list[str]]]:
    """Return the topics and addresses of each person being erased who declined topics."""
    a, t = addresses.c, topic_opt_outs.c
    choices: dict[tuple[str, str], list[str]] = {}
    for chunk in batched(refs, VALUES_AT_ONCE):
        keys = [(ref.kind.value, ref.crm_id) for ref in chunk]
        query = select(t.kind, t.person, t.topic).where(
            tuple_(t.kind, t.person).in_(keys), t.released_at.is_(None)
        )
        for row in connection.execute(query.distinct()):
            choices.setdefault((row.kind, row.person), []).append(row.topic)
    return [
        (
            topics,
            list(connection.scalars(select(a.address).where(a.kind == kind, a.person == crm_id))),
        )
        for (kind, crm_id), topics in choices.items()
    ]
