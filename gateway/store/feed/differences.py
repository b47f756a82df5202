"""The differences of an import, written: rows, addresses, and which file brought them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Delete,
    Insert,
    Table,
    Update,
    and_,
    delete,
    exists,
    func,
    select,
    text,
    true,
    tuple_,
    union_all,
    update,
)

from gateway.core.people.people import PersonKind, PersonRef, SuppressionSource
from gateway.store.engine.upsert import insert_for
from gateway.store.feed.layouts import PEOPLE, UNSURE, TableLayout
from gateway.store.feed.staging import StagingTables
from gateway.store.feed.staging_tables import has_rows, staging_tables
from gateway.store.schema.feed import addresses, feeds
from gateway.store.schema.suppressions import person_suppressions, topic_opt_outs


def write_rows(connection: Connection, stage: StagingTables, columns: Sequence[str]) -> None:
    """Write the rows that are new or differ; of those known, the values that were told."""
    statement = _writing(connection.dialect.name, stage.layout, frozenset(columns))
    with _indexed_afterwards(connection, stage.layout.table):
        connection.execute(statement)


# Statements are kept: to make one takes longer than to run it for a few rows.
@lru_cache(256)  # so many sets of columns
def _writing(dialect: str, layout: TableLayout, columns: frozenset[str]) -> Insert:
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


@contextmanager
def _indexed_afterwards(connection: Connection, table: Table) -> Iterator[None]:
    """Have SQLite build the indexes of a table that is empty once it is filled.

    Entry by entry, in the order of the rows, takes it three times as long. Whoever reads meanwhile
    has the table as it was; on PostgreSQL they would have to wait.
    """
    if connection.dialect.name != "sqlite" or has_rows(connection, table):
        yield
        return
    named = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table")
    indexes = connection.execute(named, {"table": table.name}).all()
    made_by = {name: statement for name, statement in indexes if statement}  # Not those of keys.
    for name in made_by:
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    yield
    for statement in made_by.values():
        connection.exec_driver_sql(statement)


def unsubscribed_addresses(
    connection: Connection, stage: StagingTables
) -> set[tuple[str, PersonRef]]:
    """Return by which addresses people are known whose row changes them and who unsubscribed.

    From all mailings, or from some topic.
    """
    rows = connection.execute(_unsubscribed(stage.changes))
    return {(row.address, PersonRef(PersonKind(row.kind), row.person)) for row in rows}


@cache
def _unsubscribed(changes: Table) -> CompoundSelect[Any]:
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


def write_addresses(connection: Connection, stage: StagingTables) -> None:
    """Write by which addresses people are found whose rows are new, differ or go.

    A row that only adds addresses takes none away: what the person was known by stands behind
    what the row has, where it has some that are mailed.
    """
    replacing, deleting, adding = _changes_of_addresses(connection.dialect.name)
    for statement in replacing if stage.counts.changed else ():
        connection.execute(statement)
    if stage.counts.removed:
        connection.execute(deleting)
    if stage.counts.has_changes:
        with _indexed_afterwards(connection, addresses):
            connection.execute(adding)


@cache
def _changes_of_addresses(dialect: str) -> tuple[tuple[Delete, Update], Delete, Insert]:
    """Return what takes away those of known people, those of people who go, and adds new ones."""
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
    keys, given = ["address", "kind", "person"], statement.excluded.position
    is_surer = and_(given.between(0, UNSURE - 1), ~addresses.c.position.between(0, UNSURE - 1))
    added = statement.on_conflict_do_update(
        index_elements=keys, set_={"position": given}, where=is_surer
    )
    return (replaced, put_behind), gone, added


def delete_rows(connection: Connection, stage: StagingTables, source: str) -> None:
    """Delete what the source brought and doesn't tell any more."""
    table, names = stage.layout.table, stage.layout.keys
    gone = select(*(stage.removed.c[name] for name in names))
    is_gone = tuple_(*(table.c[name] for name in names)).in_(gone)
    connection.execute(delete(table).where(is_gone, table.c.source == source))


def note_file(
    connection: Connection,
    stage: StagingTables,
    *,
    source: str,
    now: datetime,
    file: str,
    is_listing: bool,
) -> None:
    """Record when the source last told of this kind of record, and with which file.

    Of a listing it is noted how many records it had, which the next one is compared with.
    """
    renewed = {"at"} | ({"file"} if file else set()) | ({"records"} if is_listing else set())
    statement = _noting(connection.dialect.name, stage.staged, frozenset(renewed))
    of_file = {"source": source, "what": stage.layout.what, "at": now, "file": file}
    connection.execute(statement, of_file)


@cache
def _noting(dialect: str, staged: Table, renewed: frozenset[str]) -> Insert:
    records = select(func.count()).select_from(staged).scalar_subquery()
    statement = insert_for(dialect, feeds).values(records=records)
    values = {name: statement.excluded[name] for name in sorted(renewed)}
    return statement.on_conflict_do_update(index_elements=["source", "what"], set_=values)
