"""Fields of records that could not be read, kept from the import that met them until they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from gateway.core.people.people import PersonRef
from gateway.core.triggers.occurrence import WAITS, OccurrenceState
from gateway.core.triggers.trigger import TriggerEvent
from gateway.core.triggers.unread_fields import (
    CANT_BE_READ,
    DECIDING,
    DELIVERIES,
    IN_ROWS,
    OF_RECIPIENT,
    PEOPLE,
    UnreadField,
)
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.layouts import TableLayout
from gateway.store.feed.staging import Stage
from gateway.store.schema import (
    closings,
    occurrences,
    open_references,
    people,
    statuses,
    unread_fields,
)
from gateway.store.schema.columns import UtcTime

_c = unread_fields.c
_KEYS = ("what", "kind", "key", "field")


def take_in(
    connection: Connection,
    stage: Stage,
    *,
    told: Sequence[str],
    source: str,
    file: str,
    now: datetime,
) -> None:
    """Note which fields of an import are unread, and forget those that it tells.

    Mail that waited for one of them is due again.
    """
    layout, staged, unread = stage.layout, stage.staged, stage.unread
    what, kind_and_key = layout.what, tuple_(_c.kind, _c.key)
    freed = 0
    known = set(connection.scalars(select(_c.field).where(_c.what == what).distinct()))
    for field in sorted(known.intersection(told)):
        is_unread = exists().where(unread.c.line == staged.c.line, unread.c.field == field)
        is_given = staged.c.gaps.bitwise_and(layout.bit(field)) == 0
        read_now = select(*_key(layout, staged)).where(~staged.c.kept, is_given, ~is_unread)
        mine = (_c.field == field, _c.what == what, kind_and_key.in_(read_now))
        freed += connection.execute(delete(unread_fields).where(*mine)).rowcount
    removed = select(*_key(layout, stage.removed))
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
    """Mark the people of whom it is unread whether they are active, and no others."""
    p = people.c
    unread = and_(_c.what == PEOPLE, _c.field == "active", _c.kind == p.kind, _c.key == p.crm_id)
    keys = select(_c.kind, _c.key).where(_c.what == PEOPLE, _c.field == "active")
    now_unread = tuple_(p.kind, p.crm_id).in_(keys)
    connection.execute(update(people).where(~p.doubtful, now_unread).values(doubtful=True))
    connection.execute(
        update(people).where(p.doubtful, ~exists().where(unread)).values(doubtful=False)
    )


def mark_statuses(connection: Connection) -> int:
    """Mark the people of whom nobody can say what status they have, with the time since when.

    Returns how many there are.

    It can't be read, or it is none of the statuses of their kind, of which some are known. Rows
    that say different things do that, and can be read: what they come to is known.
    """
    p, o, s = people.c, open_references.c, statuses.c
    is_unread = and_(
        _c.what == PEOPLE,
        _c.field == "status",
        or_(~_c.text.startswith(IN_ROWS), _c.text.contains(CANT_BE_READ)),
    )
    leads_nowhere = and_(o.reference == "people.status", exists().where(s.kind == o.kind))
    unread_ones = select(_c.kind, _c.key).where(is_unread)
    open_ones = select(o.kind, o.given).where(leads_nowhere)
    is_doubtful = or_(
        tuple_(p.kind, p.crm_id).in_(unread_ones), tuple_(p.kind, p.status).in_(open_ones)
    )
    marked = p.status_unread_since.is_not(None)
    connection.execute(update(people).where(marked, ~is_doubtful).values(status_unread_since=None))
    if not connection.scalar(select(or_(exists(unread_ones), exists(open_ones)))):
        return 0
    since = func.coalesce(
        select(_c.since).where(is_unread, _c.kind == p.kind, _c.key == p.crm_id).scalar_subquery(),
        select(o.since)
        .where(o.reference == "people.status", o.kind == p.kind, o.given == p.status)
        .scalar_subquery(),
    )
    connection.execute(update(people).where(~marked, is_doubtful).values(status_unread_since=since))
    return connection.scalar(select(func.count()).select_from(people).where(marked)) or 0


def _key(layout: TableLayout, table: Any) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Return what stands for kind and key of a layout's rows."""
    kind, key = ("", layout.keys[0]) if len(layout.keys) == 1 else layout.keys[:2]
    return (table.c[kind] if kind else literal("")), table.c[key]


def _wake(connection: Connection) -> None:
    """Look again at mail that waits for a field that could not be read."""
    o = occurrences.c
    waiting = (o.state == OccurrenceState.DUE, o.holder == "", o.reason.startswith(WAITS))
    connection.execute(update(occurrences).where(*waiting).values(next_at=o.due_at))


def forget(connection: Connection, what: str, key: str, field: str) -> None:
    """Forget that a field of a record without a kind is unread: it was told otherwise."""
    mine = (_c.what == what, _c.kind == "", _c.key == key, _c.field == field)
    if connection.execute(delete(unread_fields).where(*mine)).rowcount:
        _wake(connection)


def listed(connection: Connection, *, deciding: bool = False) -> list[UnreadField]:
    """Return all of them, by record; `deciding`: only those that mail on events waits for."""
    query = select(unread_fields).order_by(*(_c[name] for name in _KEYS))
    found = map(_row, connection.execute(query))
    if not deciding:
        return list(found)
    wanted = {(PEOPLE, field) for field in OF_RECIPIENT}
    wanted |= {
        (what, field)
        for kinds in DECIDING.values()
        for what, fields in kinds.items()
        for field in fields
    }
    return [one for one in found if (one.what, one.field) in wanted]


def count(connection: Connection) -> Mapping[str, int]:
    """Return how many fields are unread of each kind of record."""
    query = select(_c.what, func.count()).group_by(_c.what).order_by(_c.what)
    return {row[0]: row[1] for row in connection.execute(query)}


def since(connection: Connection) -> datetime | None:
    """Return since when the oldest unread field is so."""
    oldest: datetime | None = connection.scalar(select(func.min(_c.since)))
    return oldest


def of_person(connection: Connection, ref: PersonRef) -> tuple[UnreadField, ...]:
    """Return the unread fields of a person."""
    mine = (_c.what == PEOPLE, _c.kind == ref.kind.value, _c.key == ref.crm_id)
    return _found(connection, *mine)


def of_record(connection: Connection, what: str, key: str) -> tuple[UnreadField, ...]:
    """Return the unread fields of a record that has no kind in its key."""
    return _found(connection, _c.what == what, _c.kind == "", _c.key == key)


def of_closings(connection: Connection, ref: PersonRef) -> tuple[UnreadField, ...]:
    """Return the unread fields of a person's closings."""
    theirs = select(closings.c.crm_id).where(
        closings.c.kind == ref.kind.value, closings.c.person == ref.crm_id
    )
    return _found(connection, _c.what == DELIVERIES, _c.kind == "", _c.key.in_(theirs))


def is_any(connection: Connection, what: str, field: str) -> bool:
    """Whether a field is unread in some record of a kind."""
    mine = select(_c.key).where(_c.what == what, _c.field == field).limit(1)
    return connection.scalar(mine) is not None


class EventFields:
    """The unread fields that decide about an event, of all records at once."""

    def __init__(self, connection: Connection, event: TriggerEvent) -> None:
        decided = {**DECIDING[event]}
        decided[PEOPLE] = decided.get(PEOPLE, frozenset()) | OF_RECIPIENT
        wanted = or_(
            *(and_(_c.what == what, _c.field.in_(fields)) for what, fields in decided.items())
        )
        self._of: dict[tuple[str, str, str], list[UnreadField]] = {}
        for one in _found(connection, wanted):
            self._of.setdefault((one.what, one.kind, one.key), []).append(one)
        self._connection = connection

    def of(self, ref: PersonRef, what: str = "", key: str = "") -> tuple[UnreadField, ...]:
        """Return those of a person and of one more record."""
        if not self._of:
            return ()
        fields = self._of.get((PEOPLE, ref.kind.value, ref.crm_id), [])
        if what == DELIVERIES:
            return (*fields, *of_closings(self._connection, ref))
        return (*fields, *self._of.get((what, "", key), ()))


def _found(connection: Connection, *wanted: ColumnElement[bool]) -> tuple[UnreadField, ...]:
    query = select(unread_fields).where(*wanted).order_by(*(_c[name] for name in _KEYS))
    return tuple(map(_row, connection.execute(query)))


def _row(row: Any) -> UnreadField:
    return UnreadField(**row._mapping)
