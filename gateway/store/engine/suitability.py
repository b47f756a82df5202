"""Whether a database can be the store: its encoding, tables of others in it, write access."""

import os

from sqlalchemy import Connection, Engine, inspect, text

from gateway.store.engine.sqlite_file import SqliteFile
from gateway.store.schema.columns import metadata

_ENCODING = text("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = "
                 "current_database()")  # fmt: skip
_READ_ONLY = text("SELECT current_setting('transaction_read_only') = 'on'")
_FORBIDDEN = text(
    "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
    " AND tablename = ANY(:tables) AND NOT (has_table_privilege(quote_ident(tablename), 'SELECT')"
    " AND has_table_privilege(quote_ident(tablename), 'INSERT')"
    " AND has_table_privilege(quote_ident(tablename), 'UPDATE')"
    " AND has_table_privilege(quote_ident(tablename), 'DELETE'))"
)


def wrong_encoding(connection: Connection) -> str:
    """Return what is wrong with the encoding of a server's database; empty if it is fine."""
    if connection.dialect.name != "postgresql":
        return ""
    encoding = connection.scalar(_ENCODING)
    if encoding == "UTF8":
        return ""
    return (
        f"the database has the encoding {encoding}, which can't hold every name and subject: make "
        "one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )


def shares_sessions(engine: Engine) -> bool:
    """Whether two connections to a server share a session, as behind a pooler in transaction mode.

    Then one sees what the other has set for its session, even its staged rows of the feed.
    """
    if engine.dialect.name != "postgresql":
        return False
    with engine.connect() as connection, engine.connect() as other:
        connection.execute(text("SET SESSION gateway.mark TO 'shared'"))
        connection.commit()
        mark = other.scalar(text("SELECT current_setting('gateway.mark', true)"))
    return bool(mark == "shared")


def tables_of_others(connection: Connection) -> list[str]:
    """Return the tables of a database without a store whose names are those of our tables."""
    return sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))


def why_read_only(connection: Connection, file: SqliteFile | None) -> str:
    """Return why a readable store can't be written; empty if it can.

    `file` is the path of an SQLite store.
    """
    if file is not None:
        return "" if os.access(file.path, os.W_OK) else f"{file.path} is read-only"
    if connection.scalar(_READ_ONLY):
        return "the database is read-only: it is a standby, or default_transaction_read_only is on"
    forbidden = connection.scalar(_FORBIDDEN, {"tables": list(metadata.tables)})
    user = connection.engine.url.username
    return f"the database's user {user} may not write to {forbidden} tables" if forbidden else ""
