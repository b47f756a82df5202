"""The way to the store: short transactions, on threads of their own.

Work is a function that takes a `Connection` and returns a value: it can't use the network in the
middle of a transaction, and the same function serves SQLite and PostgreSQL.
"""

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.core.errors import GatewayError
from gateway.store.schema import VERSION, metadata, schema_version

T = TypeVar("T")
_BUSY_SECONDS = 10
_CONNECT_SECONDS = 5


class StoreUnavailable(GatewayError):
    """The store can't be read or written just now; nothing was changed."""


class WrongSchema(GatewayError):
    """The store has another version than this gateway; it is left as it is."""


class Database:
    """One store, opened by URL: `sqlite:///path` or `postgresql://user:password@host/name`."""

    def __init__(self, url: str) -> None:
        self.url = _with_driver(make_url(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url)
        self._lock = HostLock(Path(f"{self.url.database}.lock")) if self.is_sqlite else None
        self._readers = ThreadPoolExecutor(4, "store-read")
        self._writer = ThreadPoolExecutor(1, "store-write")

    @property
    def engine(self) -> Engine:
        """The engine, for the modules of this package."""
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read transaction: everything seen in it is of one moment."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open a transaction that is committed when the block ends without an error.

        A commit that is not durable survives a killed process, but not a power cut.
        """
        with (
            _translated(),
            self._turn(),
            self._engine.connect() as connection,
            connection.execution_options(durable=durable).begin(),
        ):
            yield connection

    @contextmanager
    def private(self) -> Iterator[Connection]:
        """Lend a connection that ends with the block, and its temporary tables with it."""
        with _translated(), self._engine.connect() as connection:
            connection.detach()
            yield connection

    @contextmanager
    def writing_on(self, connection: Connection) -> Iterator[None]:
        """Open a durable transaction on a private connection."""
        with _translated(), self._turn(), connection.execution_options(durable=True).begin():
            yield

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in a read transaction on a thread."""
        return await _on(self._readers, self.reading, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in a durable transaction on a thread; an error leaves nothing behind."""
        return await _on(self._writer, self.writing, work)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        with self._lock:
            yield

    def prepare(self) -> None:
        """Create a missing schema; raise `WrongSchema` for one of another version."""
        with self.reading() as connection:
            version = _version(connection)
        if version is None:
            self._create()
        elif version != VERSION:
            raise WrongSchema(_advice(version))

    def version(self) -> str | None:
        """Return the schema's version; None for an empty store."""
        with self.reading() as connection:
            return _version(connection)

    def _create(self) -> None:
        with self.writing() as connection:
            if _version(connection) is None:
                metadata.create_all(connection)
                connection.execute(insert(schema_version).values(version=VERSION))

    def close(self) -> None:
        """End the threads and close every connection."""
        self._readers.shutdown()
        self._writer.shutdown()
        self._engine.dispose()


async def _on(
    pool: ThreadPoolExecutor,
    transaction: Callable[[], AbstractContextManager[Connection]],
    work: Callable[[Connection], T],
) -> T:
    def run() -> T:
        with transaction() as connection:
            return work(connection)

    return await asyncio.get_running_loop().run_in_executor(pool, run)


class HostLock:
    """The turn of one writer on this machine: SQLite's own waiting would let some starve."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.Lock()
        self._file: int | None = None

    def __enter__(self) -> None:
        self._thread.acquire()
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            self._thread.release()
            raise StoreUnavailable(f"{self._path}: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._thread.release()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailable(f"the store failed: {_first_line(error.orig)}") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreUnavailable(f"the store failed: {_first_line(error)}") from error


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0]


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.scalar(select(schema_version.c.version))


def _advice(version: str) -> str:
    if version > VERSION:
        return f"the store is at version {version}, newer than this gateway ({VERSION}): update it"
    return f"the store is at version {version}, this gateway needs {VERSION}: gateway db upgrade"


def _with_driver(url: URL) -> URL:
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        pool_size=6,
        pool_timeout=_BUSY_SECONDS,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        set_pragmas(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A read that turns into a write fails at once when another writer was faster (K4).
        durable = connection.get_execution_options().get("durable")
        if durable is None:
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def set_pragmas(connection: sqlite3.Connection) -> None:
    """Make a connection durable at COMMIT, and leave transactions to us (no implicit BEGIN)."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=4,
        max_overflow=4,
        pool_pre_ping=True,
        pool_timeout=_CONNECT_SECONDS,
        connect_args={"connect_timeout": _CONNECT_SECONDS},
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("durable") is False:
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")

    return engine
