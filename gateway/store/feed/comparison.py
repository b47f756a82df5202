"""Which staged records are new, or differ from what is known."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    tuple_,
)

from gateway.core.people.people import PersonKind
from gateway.store.feed.layouts import MEMBERSHIPS, PEOPLE, TableLayout
from gateway.store.feed.staging import StagingTables
from gateway.store.feed.staging_tables import staging_tables
from gateway.store.schema.columns import UtcTime
from gateway.store.schema.feed import addresses, memberships


def compare(
    stage: StagingTables, *, source: str, columns: Sequence[str], now: datetime, replace: bool
) -> None:
    """Fill `changes` and, with `replace`, `removed`; run within a transaction."""
    differing = differing_rows(stage.layout, frozenset(columns), stage.in_gaps)
    stage.connection.execute(differing, {"told_by": source, "told_at": now})
    if replace:
        _remove(stage, source, _is_missing)
    elif stage.layout is MEMBERSHIPS and not stage.cut_off:
        _remove(stage, source, _has_group_now)


def look_for_kept(stage: StagingTables, *, source: str) -> None:
    """Fill `removed` with the source's rows whose keys were noted; within a transaction."""
    _remove(stage, source, _is_staged)


def _is_staged(layout: TableLayout) -> ColumnElement[bool]:
    # A few rows among many: look each one up instead of scanning them all.
    staged = staging_tables(layout)["staged"]
    key = tuple_(*(layout.table.c[name] for name in layout.keys))
    return key.in_(select(*(staged.c[name] for name in layout.keys)))


def _is_missing(layout: TableLayout) -> ColumnElement[bool]:
    return ~exists().where(layout.same_key(layout.table, staging_tables(layout)["staged"]))


def _has_group_now(layout: TableLayout) -> ColumnElement[bool]:
    """Return the condition that a membership whose group couldn't be read is corrected now.

    This holds if the file has a new group for the person, and no more group that can't be read.
    """
    tables = staging_tables(layout)
    member, staged, changes = memberships.c, tables["staged"], tables["changes"]
    same = (staged.c.kind == member.kind, staged.c.person == member.person)
    is_unread_still = exists().where(*same, staged.c.group_id == "")
    is_mended = exists().where(
        *same,
        *(staged.c.group_id != "", ~staged.c.adds_only),
        *(changes.c.line == staged.c.line, changes.c.is_new),
    )
    # SQLite has an index by kind and group.
    has_none = and_(member.kind.in_([kind.value for kind in PersonKind]), member.group_id == "")
    return and_(has_none, is_mended, ~is_unread_still)


_Condition = Callable[[TableLayout], ColumnElement[bool]]


def _remove(stage: StagingTables, source: str, which: _Condition) -> None:
    stage.connection.execute(_noting_removed(stage.layout, which), {"told_by": source})


# Statements are kept: making one takes longer than running it for a few rows.
@cache
def _noting_removed(layout: TableLayout, which: _Condition) -> Insert:
    table, source = layout.table, bindparam("told_by", type_=Text)
    gone = select(*(table.c[name] for name in layout.keys)).where(
        table.c.source == source, which(layout)
    )
    if table.name == "groups":
        # A group with members from another source stays: their opt-outs must remain in force.
        of_it = and_(memberships.c.kind == table.c.kind, memberships.c.group_id == table.c.crm_id)
        gone = gone.where(~exists().where(of_it, memberships.c.source != source))
    return insert(staging_tables(layout)["removed"]).from_select(layout.keys, gone)


@lru_cache(256)  # one for each set of columns
def differing_rows(layout: TableLayout, columns: frozenset[str], in_gaps: int) -> Insert:
    """Return the statement that fills `changes`; for its parameters see `Comparison`."""
    changes = staging_tables(layout)["changes"]
    rows = Comparison(layout, columns, in_gaps).select()
    return insert(changes).from_select(list(changes.columns), rows)


class Comparison:
    """A query of the rows that are new or differ, with their new values.

    Its parameters are the source `told_by` and the time `told_at`. `in_gaps` has the bits of the
    values that are missing in some rows.
    """

    def __init__(self, layout: TableLayout, columns: frozenset[str], in_gaps: int) -> None:
        self._layout = layout
        tables = staging_tables(layout)
        self._staged, self._staged_addresses = tables["staged"], tables["staged_addresses"]
        self._table = layout.table
        self._columns = columns
        self._in_gaps = in_gaps
        self._source = bindparam("told_by", type_=Text)
        self._now = bindparam("told_at", type_=UtcTime())
        self._is_new = self._table.c[layout.keys[0]].is_(None)

    def select(self) -> Select[Any]:
        """Return the rows for `changes`."""
        staged, table = self._staged, self._table
        same = self._layout.same_key(staged, table)
        if self._layout.has_owner_in_key:
            same = and_(same, table.c.source == self._source)
        is_taken_over = table.c.source != self._source
        is_added_to = self._is_added_to()
        is_moved = or_(self._is_new, self._differs("emails"), is_added_to)
        values = [self._value(column.name) for column in table.columns]
        differs = or_(
            self._is_new,
            is_taken_over,
            is_added_to,
            *map(self._differs, sorted(self._columns)),
        )
        return (
            select(staged.c.line, self._is_new, is_moved, staged.c.adds_addresses, *values)
            .select_from(staged.outerjoin(table, same))
            .where(staged.c.kept == false(), differs)
        )

    def _value(self, name: str) -> ColumnElement[Any]:
        match name:
            case "source":
                return self._source
            case "since":
                return self._now
            case "doubtful":  # `unread.take_in` sets it afterwards.
                return func.coalesce(self._table.c[name], false())
            case "status_unread_since":  # `people_in_doubt.mark_people` does.
                return self._table.c[name]
            case "status_since":
                return case(
                    (self._is_new | self._differs("status"), self._now), else_=self._table.c[name]
                )
        staged = self._staged.c[name]
        if name in self._layout.keys:
            return staged
        if name in self._columns:
            is_said = self._is_said(name)
            if is_said is None:
                return staged
            return case((self._is_new | is_said, staged), else_=self._table.c[name])
        return case((self._is_new, staged), else_=self._table.c[name])

    def _differs(self, name: str) -> ColumnElement[bool]:
        if name not in self._columns:
            return false()
        differs = self._staged.c[name].is_distinct_from(self._table.c[name])
        is_said = self._is_said(name)
        return differs if is_said is None else differs & is_said

    def _is_said(self, name: str) -> ColumnElement[bool] | None:
        """Return the condition that the file has a value for a row; None if it has all of them."""
        bit = self._layout.bit(name)
        if not self._in_gaps & bit:
            return None
        return self._staged.c.gaps.bitwise_and(bit) == 0

    def _is_added_to(self) -> ColumnElement[bool]:
        """Return the condition that a row that only adds addresses has one the person lacks."""
        if self._layout is not PEOPLE:
            return false()
        staged_addresses, stored_addresses = self._staged_addresses, addresses
        same = and_(
            stored_addresses.c.address == staged_addresses.c.address,
            stored_addresses.c.kind == self._staged.c.kind,
            stored_addresses.c.person == self._staged.c.crm_id,
        )
        is_unknown = exists().where(
            staged_addresses.c.line == self._staged.c.line, ~exists().where(same)
        )
        return and_(self._staged.c.adds_addresses, is_unknown)
