"""The differences of an import, written: rows, addresses, and which file brought them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import (
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    literal,
    select,
    text,
    true,
    tuple_,
    update,
)

from gateway.core.people.people import PersonKind, PersonRef, SuppressionSource
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.layouts import UNSURE
from gateway.store.feed.staging import StagingTables
from gateway.store.schema.feed import addresses, feeds
from gateway.store.schema.suppressions import person_suppressions, topic_opt_outs


def write_rows(connection: Connection, stage: StagingTables, columns: Sequence[str]) -> None:
    """Write the rows that are new or differ; of those known, the values that were told."""
    layout, changes = stage.layout, stage.changes
    names = [column.name for column in layout.table.columns]
    rows = select(*(changes.c[name] for name in names)).where(true())
    order = [changes.c[name] for name in layout.keys]
    statement = insert_into(connection, layout.table).from_select(names, rows.order_by(*order))
    if layout.has_owner_in_key:
        with _indexed_afterwards(connection, layout.table):
            connection.execute(statement.on_conflict_do_nothing())
        return
    written = {*columns, "source"} | ({"status_since"} & set(names))
    values = {name: statement.excluded[name] for name in names if name in written}
    statement = statement.on_conflict_do_update(index_elements=list(layout.keys), set_=values)
    with _indexed_afterwards(connection, layout.table):
        connection.execute(statement)


@contextmanager
def _indexed_afterwards(connection: Connection, table: Table) -> Iterator[None]:
    """Have SQLite build the indexes of a table that is empty once it is filled.

    Entry by entry, in the order of the rows, takes it three times as long. Whoever reads meanwhile
    has the table as it was; on PostgreSQL they would have to wait.
    """
    has_rows = select(literal(1)).select_from(table).limit(1)
    if connection.dialect.name != "sqlite" or connection.scalar(has_rows) is not None:
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
    changes, a = stage.changes, addresses.c
    unsubscribed = set()
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
        for row in connection.execute(query):
            unsubscribed.add((row.address, PersonRef(PersonKind(row.kind), row.person)))
    return unsubscribed


def write_addresses(connection: Connection, stage: StagingTables) -> None:
    """Write by which addresses people are found whose rows are new, differ or go.

    A row that only adds addresses takes none away: what the person was known by stands behind
    what the row has, where it has some that are mailed.
    """
    changes, staged = stage.changes, stage.addresses
    key = tuple_(addresses.c.kind, addresses.c.person)
    moved = select(changes.c.kind, changes.c.crm_id).where(changes.c.is_moved, ~changes.c.is_new)
    for gone in (
        moved.where(~changes.c.adds_addresses),
        select(stage.removed.c.kind, stage.removed.c.crm_id),
    ):
        connection.execute(delete(addresses).where(key.in_(gone)))
    is_mailed = exists().where(
        staged.c.line == changes.c.line, staged.c.position.between(0, UNSURE - 1)
    )
    added_to = moved.where(changes.c.adds_addresses, is_mailed)
    connection.execute(
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
    statement = insert_into(connection, addresses).from_select(names, rows)
    keys, given = ["address", "kind", "person"], statement.excluded.position
    is_surer = and_(given.between(0, UNSURE - 1), ~addresses.c.position.between(0, UNSURE - 1))
    statement = statement.on_conflict_do_update(
        index_elements=keys, set_={"position": given}, where=is_surer
    )
    with _indexed_afterwards(connection, addresses):
        connection.execute(statement)


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
    staged = select(stage.staged).subquery()
    statement = insert_into(connection, feeds).values(
        source=source,
        what=stage.layout.what,
        at=now,
        records=select(func.count()).select_from(staged).scalar_subquery(),
        file=file,
    )
    renewed = {"at"} | ({"file"} if file else set()) | ({"records"} if is_listing else set())
    values = {name: statement.excluded[name] for name in renewed}
    keys = ["source", "what"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))
