"""Fields that could not be read, kept until an import can read them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from gateway.core.feed.unread_fields import (
    CANT_BE_READ,
    COUNTS_AS_ACTIVE,
    DELIVERIES,
    IN_ROWS,
    MEMBERSHIPS,
    OF_RECIPIENT,
    PEOPLE,
    UnreadField,
)
from gateway.core.people.people import PersonRef
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.reasons import WAITS
from gateway.core.triggers.trigger import TriggerEvent
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.layouts import TableLayout
from gateway.store.feed.staging import StagingTables
from gateway.store.schema.columns import UtcTime
from gateway.store.schema.feed import closings, people, unread_fields
from gateway.store.schema.triggers import occurrences

_c = unread_fields.c
_KEYS = ("what", "kind", "key", "field")
#: A query of the columns that have unread fields; made once, as every import needs it.
_UNREAD_COLUMNS = select(_c.field).where(_c.what == bindparam("of_kind")).distinct()


def take_in(
    connection: Connection,
    stage: StagingTables,
    *,
    columns: Sequence[str],
    source: str,
    file: str,
    now: datetime,
) -> None:
    """Note which fields of an import are unread, and forget those that it could read.

    Mail that waited for one of those is due again.
    """
    layout, staged, unread = stage.layout, stage.staged, stage.unread
    what, kind_and_key = layout.what, tuple_(_c.kind, _c.key)
    freed = 0
    unread_columns = set(connection.scalars(_UNREAD_COLUMNS, {"of_kind": what}))
    for field in sorted(unread_columns.intersection(columns)):
        is_given = staged.c.gaps.bitwise_and(layout.bit(field)) == 0
        read_now = select(*_key(layout, staged)).where(~staged.c.kept, is_given)
        if stage.has_unread:
            is_unread = exists().where(unread.c.line == staged.c.line, unread.c.field == field)
            read_now = read_now.where(~is_unread)
        of_field = (_c.field == field, _c.what == what, kind_and_key.in_(read_now))
        freed += connection.execute(delete(unread_fields).where(*of_field)).rowcount
    if unread_columns and stage.counts.removed:
        removed = select(*_key(layout, stage.removed))
        if what == MEMBERSHIPS:  # Only their group can be unread.
            removed = removed.where(stage.removed.c.group_id == "")
        of_removed = (_c.what == what, kind_and_key.in_(removed))
        freed += connection.execute(delete(unread_fields).where(*of_removed)).rowcount
    if stage.has_unread:
        kind, key = _key(layout, staged)
        at = literal(now, UtcTime())
        names = (*_KEYS, "text", "source", "file", "line", "since", "at")
        rows = (
            select(
                *(literal(what), kind, key, unread.c.field, unread.c.text),
                *(literal(source), literal(file), func.abs(unread.c.line), at, at),
            )
            .join_from(unread, staged, staged.c.line == unread.c.line)
            .order_by(kind, key, unread.c.field)
        )
        statement = insert_into(connection, unread_fields).from_select(names, rows)
        newer = {name: statement.excluded[name] for name in names if name not in (*_KEYS, "since")}
        connection.execute(statement.on_conflict_do_update(index_elements=_KEYS, set_=newer))
    if what == PEOPLE and (stage.has_unread or freed):
        mark_doubtful(connection)
    if freed:
        _wake(connection)


def mark_doubtful(connection: Connection) -> None:
    """Mark the people whose `active` could not be read, and no others."""
    p = people.c
    unread = and_(_c.what == PEOPLE, _c.field == "active", _c.kind == p.kind, _c.key == p.crm_id)
    keys = select(_c.kind, _c.key).where(_c.what == PEOPLE, _c.field == "active")
    now_unread = tuple_(p.kind, p.crm_id).in_(keys)
    connection.execute(update(people).where(~p.doubtful, now_unread).values(doubtful=True))
    connection.execute(
        update(people).where(p.doubtful, ~exists().where(unread)).values(doubtful=False)
    )


def is_undecided(text: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that nothing is known of a field, by what is wrong with it.

    Rows that merely contradict each other can be read, and it is known which of them count.
    """
    return or_(~text.startswith(IN_ROWS), text.contains(CANT_BE_READ))


def count_as_active(stage: StagingTables) -> None:
    """Make groups whose `active` can't be read count as active, so that their tags have effect.

    If such a group was inactive when it was read last, the unread field says so. An import that
    reads it as inactive again then lifts nothing that somebody asked for.
    """
    staged, unread, table = stage.staged, stage.unread, stage.layout.table
    is_active_unread = and_(unread.c.field == "active", is_undecided(unread.c.text))
    lines = select(unread.c.line).where(is_active_unread)
    was_counted_so = exists().where(
        _c.what == table.name,
        _c.kind == table.c.kind,
        _c.key == table.c.crm_id,
        _c.field == "active",
        _c.text.endswith(COUNTS_AS_ACTIVE),
    )
    inactive = (
        select(staged.c.line)
        .join_from(staged, table, stage.same_key(staged, table))
        .where(or_(~table.c.active, was_counted_so))
    )
    gaps = staged.c.gaps.bitwise_and(~stage.layout.bit("active"))
    with stage.connection.begin():
        stage.connection.execute(
            update(staged).where(staged.c.line.in_(lines)).values(active=True, gaps=gaps)
        )
        stage.connection.execute(
            update(unread)
            .where(is_active_unread, unread.c.line.in_(inactive))
            .values(text=unread.c.text + COUNTS_AS_ACTIVE)
        )


def _key(layout: TableLayout, table: Any) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Return the kind and key of a layout's rows; the kind is empty if they have none."""
    kind, key = ("", layout.keys[0]) if len(layout.keys) == 1 else layout.keys[:2]
    return (table.c[kind] if kind else literal("")), table.c[key]


def _wake(connection: Connection) -> None:
    """Make mail due again that waits for a field that could not be read."""
    o = occurrences.c
    waiting = (o.state == OccurrenceState.DUE, o.holder == "", o.reason.startswith(WAITS))
    connection.execute(update(occurrences).where(*waiting).values(next_at=o.due_at))


def forget(connection: Connection, what: str, key: str, field: str) -> None:
    """Forget that a field of a record without a kind is unread, as its value is now known."""
    of_field = (_c.what == what, _c.kind == "", _c.key == key, _c.field == field)
    if connection.execute(delete(unread_fields).where(*of_field)).rowcount:
        _wake(connection)


def list_unread_fields(connection: Connection, *, deciding: bool = False) -> list[UnreadField]:
    """Return all unread fields, by record; `deciding`: only those that mail on events waits for."""
    query = select(unread_fields).order_by(*(_c[name] for name in _KEYS))
    all_unread = map(_row, connection.execute(query))
    if not deciding:
        return list(all_unread)
    deciding_fields = {(PEOPLE, field) for field in OF_RECIPIENT}
    deciding_fields |= {
        (what, field)
        for event in EVENTS.values()
        for what, fields in event.deciding.items()
        for field in fields
    }
    return [unread for unread in all_unread if (unread.what, unread.field) in deciding_fields]


def count(connection: Connection) -> Mapping[str, int]:
    """Return how many fields are unread, by kind of record."""
    query = select(_c.what, func.count()).group_by(_c.what).order_by(_c.what)
    return {row[0]: row[1] for row in connection.execute(query)}


def unread_since(connection: Connection) -> datetime | None:
    """Return since when the oldest unread field has been unread."""
    oldest: datetime | None = connection.scalar(select(func.min(_c.since)))
    return oldest


def oldest(connection: Connection) -> dict[str, list[str]]:
    """Return three unread fields of each kind of record, as `candidate:17 birthday`, oldest first.

    `4711 submitted_at` where the key has no kind.
    """
    keys = [_c[name] for name in _KEYS]
    place = func.row_number().over(partition_by=_c.what, order_by=[_c.since, *keys]).label("place")
    placed = select(*keys, place).subquery()
    first = select(placed).where(placed.c.place <= 3).order_by(placed.c.what, placed.c.place)
    by_kind: dict[str, list[str]] = {}
    for row in connection.execute(first):
        record = f"{row.kind}:{row.key}" if row.kind else row.key
        by_kind.setdefault(row.what, []).append(f"{record} {row.field}")
    return by_kind


def of_people(
    connection: Connection, refs: Collection[PersonRef]
) -> dict[PersonRef, tuple[UnreadField, ...]]:
    """Return the unread fields of people and their memberships; people without any are left out."""
    of_people: dict[PersonRef, list[UnreadField]] = {}
    for kind in {ref.kind for ref in refs}:
        keys = [ref.crm_id for ref in refs if ref.kind is kind]
        of_kind = (_c.what.in_((PEOPLE, MEMBERSHIPS)), _c.kind == kind.value, _c.key.in_(keys))
        for field in _unread_fields(connection, *of_kind):
            of_people.setdefault(PersonRef(kind, field.key), []).append(field)
    return {ref: tuple(fields) for ref, fields in of_people.items()}


def of_record(connection: Connection, what: str, key: str) -> tuple[UnreadField, ...]:
    """Return the unread fields of a record that has no kind in its key."""
    return _unread_fields(connection, _c.what == what, _c.kind == "", _c.key == key)


def of_closings(connection: Connection, ref: PersonRef) -> tuple[UnreadField, ...]:
    """Return the unread fields of a person's closings."""
    closing_ids = select(closings.c.crm_id).where(
        closings.c.kind == ref.kind.value, closings.c.person == ref.crm_id
    )
    return _unread_fields(connection, _c.what == DELIVERIES, _c.kind == "", _c.key.in_(closing_ids))


def is_any(connection: Connection, what: str, field: str) -> bool:
    """Whether a field is unread in some record of a kind."""
    of_field = select(_c.key).where(_c.what == what, _c.field == field).limit(1)
    return connection.scalar(of_field) is not None


class EventFields:
    """The unread fields that decide about an event, of all records at once."""

    def __init__(self, connection: Connection, event: TriggerEvent) -> None:
        decided = {**event.deciding}
        decided[PEOPLE] = decided.get(PEOPLE, frozenset()) | OF_RECIPIENT
        is_deciding = or_(
            *(and_(_c.what == what, _c.field.in_(fields)) for what, fields in decided.items())
        )
        self._of: dict[tuple[str, str, str], list[UnreadField]] = {}
        for field in _unread_fields(connection, is_deciding):
            self._of.setdefault((field.what, field.kind, field.key), []).append(field)
        self._connection = connection

    def of(self, ref: PersonRef, what: str = "", key: str = "") -> tuple[UnreadField, ...]:
        """Return the unread fields of a person, and of one more record."""
        if not self._of:
            return ()
        fields = self._of.get((PEOPLE, ref.kind.value, ref.crm_id), [])
        if what == DELIVERIES:
            return (*fields, *of_closings(self._connection, ref))
        return (*fields, *self._of.get((what, "", key), ()))


def _unread_fields(
    connection: Connection, *conditions: ColumnElement[bool]
) -> tuple[UnreadField, ...]:
    query = select(unread_fields).where(*conditions).order_by(*(_c[name] for name in _KEYS))
    return tuple(map(_row, connection.execute(query)))


def _row(row: Any) -> UnreadField:
    return UnreadField(**row._mapping)
