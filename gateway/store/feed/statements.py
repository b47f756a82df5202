"""Statements that every import runs, made once for each kind of record and kept.

For an import of a few rows, making them would take longer than running them.
"""

from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Delete,
    Insert,
    Select,
    Table,
    Update,
    and_,
    case,
    delete,
    exists,
    func,
    select,
    true,
    tuple_,
    union_all,
    update,
)

from gateway.core.people.people import SuppressionSource
from gateway.store.engine.upsert import insert_for
from gateway.store.feed.layouts import PEOPLE, UNSURE, TableLayout
from gateway.store.feed.staging_tables import staging_tables
from gateway.store.schema.feed import addresses, feeds
from gateway.store.schema.suppressions import person_suppressions, topic_opt_outs


@cache
def counting(staged: Table, changes: Table, removed: Table, *, has_kept: bool) -> Select[Any]:
    """Return a query of how many records are staged, and how many are new, changed or removed."""
    count, is_new = select(func.count()), changes.c.is_new
    records = count.select_from(staged)
    of_changes = select(func.count(case((is_new, 1))), func.count(case((~is_new, 1))))
    added, changed = of_changes.select_from(changes).subquery().c
    return select(
        (records.where(~staged.c.kept) if has_kept else records).scalar_subquery().label("staged"),
        added.label("added"),
        changed.label("changed"),
        count.select_from(removed).scalar_subquery().label("removed"),
    )


@lru_cache(256)  # one for each set of columns
def writing_rows(dialect: str, layout: TableLayout, columns: frozenset[str]) -> Insert:
    """Return the statement that writes new and changed rows; of known rows, these columns."""
    changes = staging_tables(layout)["changes"]
    names = [column.name for column in layout.table.columns]
    rows = select(*(changes.c[name] for name in names)).where(true())
    order = [changes.c[name] for name in layout.keys]
    statement = insert_for(dialect, layout.table).from_select(names, rows.order_by(*order))
    if layout.has_owner_in_key:
        return statement.on_conflict_do_nothing()
    written = {*columns, "source"} | ({"status_since"} & set(names))
    values = {name: statement.excluded[name] for name in names if name in written}
    return statement.on_conflict_do_update(index_elements=list(layout.keys), set_=values)


@cache
def unsubscribed_people(changes: Table) -> CompoundSelect[Any]:
    """Return a query of the addresses of people who unsubscribed, each with its person."""
    a = addresses.c
    queries = []
    for table in (person_suppressions, topic_opt_outs):
        whose = and_(table.c.kind == a.kind, table.c.person == a.person)
        query = (
            select(a.address, a.kind, a.person)
            .join_from(
                changes,
                table,
                and_(table.c.kind == changes.c.kind, table.c.person == changes.c.crm_id),
            )
            .join(addresses, whose)
            .where(changes.c.is_moved, table.c.released_at.is_(None), a.position >= 0)
        )
        if table is person_suppressions:
            query = query.where(table.c.source == SuppressionSource.UNSUBSCRIBE.value)
        queries.append(query)
    return union_all(*queries)


@cache
def changes_of_addresses(dialect: str) -> tuple[tuple[Delete, Update], Delete, Insert]:
    """Return the statements for addresses: of known people, of removed people, and for new ones."""
    tables = staging_tables(PEOPLE)
    changes, staged, removed = tables["changes"], tables["staged_addresses"], tables["removed"]
    key = tuple_(addresses.c.kind, addresses.c.person)
    moved = select(changes.c.kind, changes.c.crm_id).where(changes.c.is_moved, ~changes.c.is_new)
    replaced = delete(addresses).where(key.in_(moved.where(~changes.c.adds_addresses)))
    gone = delete(addresses).where(key.in_(select(removed.c.kind, removed.c.crm_id)))
    is_mailed = exists().where(
        staged.c.line == changes.c.line, staged.c.position.between(0, UNSURE - 1)
    )
    added_to = moved.where(changes.c.adds_addresses, is_mailed)
    put_behind = (
        update(addresses)
        .values(position=addresses.c.position + UNSURE)
        .where(addresses.c.position.between(0, UNSURE - 1), key.in_(added_to))
    )
    rows = (
        select(staged.c.address, changes.c.kind, changes.c.crm_id, staged.c.position)
        .join_from(changes, staged, staged.c.line == changes.c.line)
        .where(changes.c.is_moved)
        .order_by(staged.c.address)
    )
    names = ["address", "kind", "person", "position"]
    statement = insert_for(dialect, addresses).from_select(names, rows)
    keys, position = ["address", "kind", "person"], statement.excluded.position
    is_surer = and_(position.between(0, UNSURE - 1), ~addresses.c.position.between(0, UNSURE - 1))
    added = statement.on_conflict_do_update(
        index_elements=keys, set_={"position": position}, where=is_surer
    )
    return (replaced, put_behind), gone, added


@cache
def noting_file(dialect: str, staged: Table, renewed: frozenset[str]) -> Insert:
    """Return the statement that notes a file; if one was noted before, it updates `renewed`."""
    records = select(func.count()).select_from(staged).scalar_subquery()
    statement = insert_for(dialect, feeds).values(records=records)
    values = {name: statement.excluded[name] for name in sorted(renewed)}
    return statement.on_conflict_do_update(index_elements=["source", "what"], set_=values)
