"""INSERT for either database that handles keys that already exist."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.sql.dml import ReturningInsert


def insert_into(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_for(connection.dialect.name, table)


def insert_new(
    connection: Connection, table: Table, values: Mapping[str, object], *, key: tuple[str, ...]
) -> bool:
    """Insert a row with an `id`; False, inserting nothing, if its key already exists."""
    query = _insert_new(connection.dialect.name, table, key)
    return connection.scalar(query, values) is not None


@cache  # Every mail needs some: building one takes as long as running it.
def _insert_new(dialect: str, table: Table, key: tuple[str, ...]) -> "ReturningInsert[tuple[int]]":
    query = insert_for(dialect, table)
    return query.on_conflict_do_nothing(index_elements=[table.c[name] for name in key]).returning(
        table.c.id
    )


def insert_for(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return such an INSERT for a kind of database, for statements built once and kept."""
    # Each dialect is loaded only when needed: PostgreSQL's alone takes as long as a command may.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite

        return insert_sqlite(table)
    from sqlalchemy.dialects.postgresql import insert as insert_postgresql

    return insert_postgresql(table)
