"""SQLAlchemy engines for the two kinds of store, and how each begins a transaction."""

import re
import sqlite3

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.engine.sqlite_file import SqliteFile

BUSY_SECONDS = 10  #: How long a connection to SQLite waits for its turn.
_CONNECT_SECONDS = 5
_SQLITE = "sqlite:///"
#: A server and its standbys, in PostgreSQL's own notation: `//USER@A:5432,B:5432/NAME`.
_SEVERAL = re.compile(r"(postgresql://(?:[^:/]*(?::[^@]*)?@)?)([^@/?]*,[^@/?]*)(.*)", re.DOTALL)
#: Notices within ten seconds that a server has vanished without a word.
_PATIENCE = {
    "connect_timeout": _CONNECT_SECONDS,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "client_encoding": "utf8",  # a database in SQL_ASCII would have none
}


def parse_url(text: str) -> URL:
    """Parse a store's URL; an SQLite path stays as written, with `%20` and `?`."""
    if text.startswith(_SQLITE):
        return URL.create("sqlite", database=text.removeprefix(_SQLITE))
    if several := _SEVERAL.fullmatch(text):
        user, hosts, rest = several.groups()
        return make_url(user + rest).update_query_pairs(
            (("host", host) for host in hosts.split(",")), append=True
        )
    return make_url(text)


def with_driver(url: URL) -> URL:
    """Return the URL with the driver used for PostgreSQL."""
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def sqlite_engine(file: SqliteFile) -> Engine:
    """Return an engine for a file; connections to a file that was moved away are not reused."""
    engine = create_engine(
        "sqlite:///file",
        creator=lambda: file.connect(BUSY_SECONDS),
        pool_size=6,
        pool_timeout=BUSY_SECONDS,
    )

    @event.listens_for(engine, "connect")
    def opened(_: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["file"] = file.identity()

    @event.listens_for(engine, "checkout")
    def still_there(_: sqlite3.Connection, entry: ConnectionPoolEntry, __: object) -> None:
        if entry.info["file"] != file.identity():
            raise DisconnectionError("the file was moved away")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A read that turns into a write fails at once if another writer was faster (K4).
        durable = connection.get_execution_options().get("durable")
        if durable is None:
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def postgres_engine(url: URL) -> Engine:
    """Return an engine for a server; `durable=False` doesn't wait for its disk."""
    engine = create_engine(
        url,
        pool_size=4,
        max_overflow=4,
        pool_pre_ping=True,
        pool_timeout=_CONNECT_SECONDS,
        connect_args=_PATIENCE,
        use_native_hstore=False,  # no table has this type, and each process would look for it
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("durable") is False:
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")

    return engine
