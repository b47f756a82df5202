"""Writes the differences of an import: rows, addresses, and which file brought them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import (
    Connection,
    Table,
    delete,
    select,
    text,
    tuple_,
)

from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.feed import statements
from gateway.store.feed.staging import StagingTables
from gateway.store.feed.staging_tables import has_rows
from gateway.store.schema.feed import addresses


def write_rows(connection: Connection, stage: StagingTables, columns: Sequence[str]) -> None:
    """Write the rows that are new or differ; of known rows, only the values in the file."""
    statement = statements.writing_rows(connection.dialect.name, stage.layout, frozenset(columns))
    with _indexed_afterwards(connection, stage.layout.table):
        connection.execute(statement)


@contextmanager
def _indexed_afterwards(connection: Connection, table: Table) -> Iterator[None]:
    """Have SQLite build the indexes of an empty table only after it was filled.

    Adding each row to the indexes would take three times as long. Readers see the table as it was
    meanwhile; on PostgreSQL they would have to wait.
    """
    if connection.dialect.name != "sqlite" or has_rows(connection, table):
        yield
        return
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table")
    indexes = connection.execute(query, {"table": table.name}).all()
    # Indexes of keys have no statement, and stay.
    made_by = {name: statement for name, statement in indexes if statement}
    for name in made_by:
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    yield
    for statement in made_by.values():
        connection.exec_driver_sql(statement)


def unsubscribed_addresses(
    connection: Connection, stage: StagingTables
) -> set[tuple[str, PersonRef]]:
    """Return the addresses of people who unsubscribed, if the import changes their addresses.

    They may have unsubscribed from all mailings or from a topic.
    """
    rows = connection.execute(statements.unsubscribed_people(stage.changes))
    return {(row.address, PersonRef(PersonKind(row.kind), row.person)) for row in rows}


def write_addresses(connection: Connection, stage: StagingTables) -> None:
    """Write the addresses by which people are found, where rows are new, differ or are removed.

    A row that only adds addresses takes none away: if it has addresses to mail, the ones known
    before come after them.
    """
    replacing, deleting, adding = statements.changes_of_addresses(connection.dialect.name)
    for statement in replacing if stage.counts.changed else ():
        connection.execute(statement)
    if stage.counts.removed:
        connection.execute(deleting)
    if stage.counts.has_changes:
        with _indexed_afterwards(connection, addresses):
            connection.execute(adding)


def delete_rows(connection: Connection, stage: StagingTables, source: str) -> None:
    """Delete what the source had before but doesn't have any more."""
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
    """Record when the source last brought this kind of record, and in which file.

    For a listing, also record its number of records, to compare with the next one.
    """
    renewed = {"at"} | ({"file"} if file else set()) | ({"records"} if is_listing else set())
    statement = statements.noting_file(connection.dialect.name, stage.staged, frozenset(renewed))
    of_file = {"source": source, "what": stage.layout.what, "at": now, "file": file}
    connection.execute(statement, of_file)
