"""The temporary tables of an import, and the fastest way to fill them."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    Select,
    SmallInteger,
    Table,
    Text,
    bindparam,
    false,
    literal,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.store.engine.database import RowRefused, StoreUnavailable
from gateway.store.feed.layouts import TableLayout, TableRow


@cache
def staging_tables(layout: TableLayout) -> Mapping[str, Table]:
    """Return the temporary tables for records of a kind, by their names.

    The same ones for every import: SQLAlchemy compiles a statement once for the tables it names.
    """
    table, keys = layout.table, layout.keys
    metadata = MetaData()
    staged = Table(
        "staged",
        metadata,
        # negative: a second record of that line, or one without a line
        Column("line", Integer, nullable=False),
        Column("kept", Boolean, nullable=False, server_default=false()),
        Column("gaps", Integer, nullable=False),  # a bit for each value the row lacks
        Column("adds_addresses", Boolean, nullable=False, server_default=false()),
        Column("adds_only", Boolean, nullable=False, server_default=false()),  # may be incomplete
        *(Column(name, table.c[name].type) for name in layout.columns),
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


def has_rows(connection: Connection, table: Table, kind: str | None = None) -> bool:
    """Whether there is anything in a table; with `kind`, anything of that kind."""
    values = {} if kind is None else {"wanted": kind}
    return connection.scalar(_one_row(table, of_kind=kind is not None), values) is not None


@cache
def _one_row(table: Table, *, of_kind: bool) -> Select[int]:
    row = select(literal(1)).select_from(table).limit(1)
    return row.where(table.c.kind == bindparam("wanted")) if of_kind else row


def make(connection: Connection, *tables: Table) -> None:
    """Create temporary tables that don't exist yet, without their indexes.

    For PostgreSQL, a table with a key and texts is four files, and making it takes as long as many
    queries, so each table is made only when there is something to put into it.
    """
    _create(connection, tables)


def make_indexes(connection: Connection, *tables: Table) -> None:
    """Create the indexes of temporary tables that have been filled."""
    _create(connection, [index for table in tables for index in table.indexes])


def _create(connection: Connection, tables_or_indexes: Sequence[Table | Index]) -> None:
    creations = [_creation(made, connection.dialect) for made in tables_or_indexes]
    together = [";".join(creations)] if connection.dialect.name == "postgresql" else creations
    for creation in together:
        connection.exec_driver_sql(creation)


#: Statements by what they create, and for which database: writing one takes longer than running it.
_CREATIONS: dict[tuple[Table | Index, str], str] = {}


def _creation(made: Table | Index, dialect: Dialect) -> str:
    key = (made, dialect.name)
    if key not in _CREATIONS:
        create = (
            CreateIndex(made) if isinstance(made, Index) else CreateTable(made, if_not_exists=True)
        )
        _CREATIONS[key] = str(create.compile(dialect=dialect))
    return _CREATIONS[key]


def load(
    connection: Connection,
    table: Table,
    rows: Sequence[TableRow],
    columns: Sequence[str] | None = None,
) -> None:
    """Put many rows into a temporary table, the fastest way the driver knows.

    They have a value for each of these columns; None: for all of the table's, in their order.
    """
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns or table.columns.keys())
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(rows[0]))
        insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608
        connection.exec_driver_sql(insert, list(rows))
        return
    import psycopg

    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        reason = str(error).partition("\n")[0]
        if isinstance(error, psycopg.DataError):
            raise RowRefused(f"the store refuses a row: {reason}") from error
        raise StoreUnavailable(f"the store failed: {reason}") from error
