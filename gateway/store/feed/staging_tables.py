"""The temporary tables of an import, and the fastest way to fill them."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.schema import CreateTable

from gateway.store.engine.database import RowRefused, StoreUnavailable
from gateway.store.feed.layouts import TableRow


@cache
def staging_tables(
    table: Table, columns: tuple[str, ...], keys: tuple[str, ...]
) -> Mapping[str, Table]:
    """Return the temporary tables for records of a table that tell these of its columns.

    The same ones for every import: SQLAlchemy compiles a statement once for the tables it names.
    """
    metadata = MetaData()
    staged = Table(
        "staged",
        metadata,
        # below zero: a second record of that line, or of none
        Column("line", Integer, nullable=False),
        Column("kept", Boolean, nullable=False),
        Column("gaps", Integer, nullable=False),  # a bit for each value the row doesn't say
        Column("adds_addresses", Boolean, nullable=False),
        Column("adds_only", Boolean, nullable=False),  # may not be whole
        *(Column(name, table.c[name].type) for name in columns),
        prefixes=["TEMPORARY"],
    )
    Index("ix_staged", *(staged.c[name] for name in keys), staged.c.line)
    unread = Table(
        "staged_unread",
        metadata,
        Column("line", Integer, nullable=False),
        Column("field", Text, nullable=False),
        Column("text", Text, nullable=False),
        prefixes=["TEMPORARY"],
    )
    Index("ix_staged_unread_line", unread.c.line)
    line = Column("line", Integer, primary_key=True, autoincrement=False)
    Table("picked_lines", metadata, line, prefixes=["TEMPORARY"])
    mailed = Table(
        "staged_addresses",
        metadata,
        Column("line", Integer, nullable=False),
        Column("address", Text, nullable=False),
        Column("position", SmallInteger, nullable=False),
        prefixes=["TEMPORARY"],
    )
    Index("ix_staged_line", mailed.c.line)
    Table(
        "changes",
        metadata,
        Column("line", Integer, primary_key=True, autoincrement=False),
        Column("is_new", Boolean, nullable=False),
        Column("is_moved", Boolean, nullable=False),  # has other addresses than before
        Column("adds_addresses", Boolean, nullable=False),
        *(Column(column.name, column.type) for column in table.columns),
        prefixes=["TEMPORARY"],
    )
    Table(
        "removed",
        metadata,
        *(Column(name, table.c[name].type, primary_key=True) for name in keys),
        prefixes=["TEMPORARY"],
    )
    return {temporary.name: temporary for temporary in metadata.sorted_tables}


def make(connection: Connection, *tables: Table) -> None:
    """Create temporary tables that aren't there yet, without their indexes.

    For PostgreSQL a table with a key and texts is four files, which takes it as long as many
    queries: so each is made when there is something to put into it.
    """
    creations = [
        str(CreateTable(table, if_not_exists=True).compile(dialect=connection.dialect))
        for table in tables
    ]
    together = [";".join(creations)] if connection.dialect.name == "postgresql" else creations
    for creation in together:
        connection.exec_driver_sql(creation)


def load(connection: Connection, table: Table, rows: Sequence[TableRow]) -> None:
    """Put many rows into a temporary table, the fastest way the driver knows."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(rows[0]))
        connection.exec_driver_sql(f'INSERT INTO "{table.name}" VALUES ({marks})', list(rows))  # noqa: S608
        return
    import psycopg

    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(f'COPY "{table.name}" FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        reason = str(error).partition("\n")[0]
        if isinstance(error, psycopg.DataError):
            raise RowRefused(f"the store refuses a row: {reason}") from error
        raise StoreUnavailable(f"the store failed: {reason}") from error
