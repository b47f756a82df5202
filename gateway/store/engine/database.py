"""Access to the store: short transactions on dedicated threads.

Work is a function that takes a `StoreTransaction` and returns a value, so it can't use the network
in the middle of a transaction, and the same function runs on SQLite and PostgreSQL.
"""

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine, event, insert, inspect, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
)

from gateway.core.errors import GatewayError
from gateway.store.engine.engines import (
    BUSY_SECONDS,
    parse_url,
    postgres_engine,
    sqlite_engine,
    with_driver,
)
from gateway.store.engine.had_store import HadStore
from gateway.store.engine.sqlite_file import SqliteFile
from gateway.store.engine.suitability import (
    shares_sessions,
    tables_of_others,
    why_read_only,
    wrong_encoding,
)
from gateway.store.schema import FIRST_NUMBER, VERSION
from gateway.store.schema.columns import create_all
from gateway.store.schema.host import new_identity, schema_version, store_identity

#: An open transaction, as work receives it; code above `store` passes it on to store functions.
StoreTransaction = Connection
P = ParamSpec("P")
T = TypeVar("T")
#: The most values in an IN, or rows in a statement: databases accept only a few thousand.
VALUES_AT_ONCE = 500
_READ_SECONDS = 10.0  #: A store that doesn't respond for this long counts as away.
_PRIVATE_CACHE = 32_768  #: Kilobytes of SQLite pages cached by a private connection.


class StoreUnavailable(GatewayError):
    """The store can't be read or written right now; nothing was changed."""


class RowRefused(StoreUnavailable):
    """The store rejects the values it was given; nothing was changed."""


class AnotherStore(StoreUnavailable):
    """The store was replaced by another one after this process first used it; it is not used."""


class WrongSchema(GatewayError):
    """The store has another version than this gateway; it is left unchanged."""


class IdMaker(Protocol):
    """Makes ids under a number leased in the store (`runtime/process_ids.py`)."""

    def ready(self) -> None:
        """Make sure there is a number; called before each write transaction."""

    def give_back(self) -> None:
        """Release the number; called before the store is closed."""


class Database:
    """One store, opened by URL: `sqlite:///path` or `postgresql://user:password@host/name`.

    Once it has been seen, no other is accepted: a replacement counts as a store that is away. An
    empty one would let every mail through.
    """

    def __init__(
        self, url: str, *, outage: Path | None = None, identity: str = "", makes: bool = True
    ) -> None:
        """`outage` is the folder in which this host records that it had the store, if any.

        `identity` is that of the store expected here, if known. Without `makes`, no store is
        created: whoever started this process has done that.
        """
        parsed = parse_url(url)
        self.url = with_driver(parsed)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.file = SqliteFile(self.url.database or "") if self.is_sqlite else None
        self._had = None if outage is None else HadStore(outage, parsed)
        self._identity = identity
        self._makes = makes
        engine = sqlite_engine(self.file) if self.file else postgres_engine(self.url)
        event.listen(engine, "connect", lambda opened, _: self.check_identity(opened))
        self._engine = engine
        self._lock = HostLock(Path(f"{self.url.database}.lock")) if self.is_sqlite else None
        self._readers = ThreadPoolExecutor(4, "store-read")
        self._writer = ThreadPoolExecutor(1, "store-write")
        self.id_makers: list[IdMaker] = []  #: Those that make ids in write transactions.
        self._thread = threading.local()  # `is_writing`: this thread has a write transaction open

    @property
    def engine(self) -> Engine:
        """The engine, for modules of this package."""
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read transaction: all reads in it see the store as of one moment."""
        with _translating_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open a transaction that is committed when the block ends without an error.

        A commit that is not durable survives a killed process but not a power failure.
        """
        self._make_ready()
        with self.writing_without_ids(durable=durable) as connection:
            yield connection

    @contextmanager
    def writing_without_ids(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open such a transaction to get a number for ids, or for work that makes no ids."""
        with (
            _translating_errors(),
            self._turn(),
            self._engine.connect() as connection,
            connection.execution_options(durable=durable).begin(),
            self._marking_thread(),
        ):
            yield connection

    def _make_ready(self) -> None:
        for maker in self.id_makers:
            maker.ready()

    @contextmanager
    def _marking_thread(self) -> Iterator[None]:
        self._thread.is_writing = True
        try:
            yield
        finally:
            self._thread.is_writing = False

    @property
    def is_writing(self) -> bool:
        """Whether this thread has a write transaction open."""
        return getattr(self._thread, "is_writing", False)

    @contextmanager
    def private(self) -> Iterator[Connection]:
        """Lend a connection that is closed, with its temporary tables, when the block ends."""
        with _translating_errors(), self._engine.connect() as connection:
            connection.detach()
            if self.is_sqlite:
                # Much is written in a different order from the indexes, which needs the cache.
                _run(connection, f"PRAGMA cache_size = -{_PRIVATE_CACHE}")
                _run(connection, "PRAGMA wal_autocheckpoint = 0")
            yield connection

    @contextmanager
    def writing_on(self, connection: Connection) -> Iterator[None]:
        """Open a durable transaction on a private connection."""
        self._make_ready()
        options = connection.execution_options(durable=True)
        with _translating_errors(), self._turn(), options.begin(), self._marking_thread():
            yield
        if self.is_sqlite:
            # Checkpointing here lets others write meanwhile; SQLite itself would do it in the
            # commit, while they wait for their turn. If it fails, a later commit does it: this one
            # is durable.
            with suppress(sqlite3.Error):
                _run(connection, "PRAGMA wal_checkpoint(PASSIVE)")

    def sweep_out(self) -> None:
        """Remove deleted data from SQLite's file for good; a server manages its own files.

        Every page is rewritten: a gigabyte takes a few seconds, during which nobody else can write.
        """
        if self.file is None:
            return
        with _translating_errors(), self._turn():
            connection = self.file.connect(BUSY_SECONDS)
            try:
                # Words deleted from the index remain in its older segments until these are merged.
                connection.execute("INSERT INTO message_search(message_search) VALUES ('optimize')")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run work in a read transaction on a thread; give up on a store that hangs.

        >>> await database.read(inbox.list_inbox, states=states, limit=50)
        """
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await _run_on(self._readers, self.reading, work, *args, **kwargs)
        except TimeoutError as error:
            raise StoreUnavailable(f"the store gave no answer in {_READ_SECONDS:.0f} s") from error

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run work in a write transaction on a thread; an error rolls it back."""
        return await _run_on(self._writer, self.writing, work, *args, **kwargs)

    async def write_without_sync(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run work in a write transaction that isn't durable: a power failure may undo it."""
        transaction = partial(self.writing, durable=False)
        return await _run_on(self._writer, transaction, work, *args, **kwargs)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        with self._lock:
            yield

    @property
    def identity(self) -> str:
        """What identifies this store, shared only with its copies; empty if not seen yet."""
        return self._identity

    def prepare(self, *, anew: bool = False) -> None:
        """Create a missing schema; raise `WrongSchema` if there is one of another version.

        If there was a store before, none is created unless `anew` (`StoreUnavailable`); nor is one
        created in a database that can't hold one or has other tables (`WrongSchema`). Raises
        `AnotherStore` if this isn't the store that was here.
        """
        if self.file is not None and self.file.identity() is None:
            try:
                was_there = self.was_there or (self._lock is not None and self._lock.path.exists())
                # Another process may have created it just now.
                if was_there and not anew and self.file.identity() is None:
                    raise self._unavailable("is gone")
                self.file.make()
            except OSError as error:
                raise StoreUnavailable(
                    f"{self.url.database}: {error.strerror}: make its folder one of the gateway's "
                    "user, or set store.url"
                ) from error

        version = self.version()
        if version is None:
            with self.writing_without_ids() as connection:
                # Checked before the version: another process may be creating the schema right now.
                others = tables_of_others(connection)
                if _version(connection) is None:
                    if self.was_there and not anew:
                        raise self._unavailable("is empty")
                    if others:
                        raise WrongSchema(
                            f"{self.place} has tables that are not the gateway's "
                            f"({', '.join(others)}): give it a database of its own"
                        )
                    if fault := wrong_encoding(connection):
                        raise WrongSchema(f"{self.place}: {fault}")
                    create_all(connection)
                    connection.execute(insert(schema_version).values(version=VERSION))
                    connection.execute(insert(store_identity).values(id=new_identity()))
        elif version != VERSION:
            raise WrongSchema(version_advice(version, self.place))

        # Read and remember the store's identity, and check that it is the one that was here.
        with self.reading() as connection:
            identity = connection.scalar(select(store_identity.c.id)) or ""
        if not self._identity:
            self._identity = identity
            return
        try:
            self._compare(identity)
        except AnotherStore:
            self._engine.dispose()  # Every connection from now on is checked.
            raise

    def remember(self) -> None:
        """Record on this host that it had a store; OSError if that can't be written."""
        if self._had is not None:
            self._had.remember()

    def check_identity(self, connection: DBAPIConnection | sqlite3.Connection) -> None:
        """Raise `AnotherStore` if a new connection leads to a store other than the known one."""
        if not self._identity:
            return
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT id FROM store_identity")
            row = cursor.fetchone()
            cursor.close()
            connection.rollback()  # The driver's connection has no transaction open here.
        except Exception as error:  # Each driver has its own errors.
            connection.close()
            raise StoreUnavailable(
                f"there is no store, or it failed: {_first_line(error)}"
            ) from error
        try:
            self._compare(str(row[0]) if row else "")
        except AnotherStore:
            connection.close()
            raise

    def _compare(self, identity: str) -> None:
        if identity != self._identity:
            raise AnotherStore(
                f"{self.place} holds another store than the one this gateway had: put that back; "
                "to go on with this one, restart the gateway"
            )

    def ensure_writable(self, connection: Connection) -> None:
        """Raise `StoreUnavailable` if the store can be read, as here, but not written."""
        if why := why_read_only(connection, self.file):
            raise StoreUnavailable(why)

    def shares_sessions(self) -> bool:
        """Whether a pooler makes our connections share one session of the server."""
        with _translating_errors():
            return shares_sessions(self._engine)

    def version(self) -> str | None:
        """Return the schema's version; None for an empty store."""
        with self.reading() as connection:
            return _version(connection)

    @property
    def place(self) -> str:
        """The path of an SQLite store, or the database name on a server."""
        return str(self.url.database)

    @property
    def was_there(self) -> bool:
        """Whether there was a store before, as far as this process or host knows."""
        return bool(not self._makes or self._identity or self._had)

    def _unavailable(self, what: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self.place} {what}: put it back; to begin with an empty store, stop the gateway, "
            "then: gateway db upgrade --new"
        )

    def close(self) -> None:
        """Release the numbers for ids, end the threads and close all connections."""
        for maker in self.id_makers:
            maker.give_back()
        self._readers.shutdown()
        self._writer.shutdown()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()


async def _run_on(
    pool: ThreadPoolExecutor,
    transaction: Callable[[], AbstractContextManager[Connection]],
    work: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    def run() -> T:
        with transaction() as connection:
            return work(connection, *args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(pool, run)


#: The error for an SQLite library compiled without it, as in some small containers.
NO_FTS5 = (
    f"SQLite {sqlite3.sqlite_version} of this Python has no full-text search (FTS5), which the "
    "journal's search needs: use a Python whose SQLite has it (as Debian's and python.org's have), "
    "or PostgreSQL as [store] url"
)


class HostLock:
    """Queues the writers on this machine: SQLite's own waiting would starve some of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = threading.Lock()
        self._file: int | None = None

    def __enter__(self) -> None:
        self._thread.acquire()
        try:
            if self._file is None:
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            self._thread.release()
            raise StoreUnavailable(f"{self.path}: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._thread.release()

    def close(self) -> None:
        """Close the file; the next turn reopens it."""
        with self._thread:
            if self._file is not None:
                os.close(self._file)
                self._file = None


@contextmanager
def _translating_errors() -> Iterator[None]:
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise RowRefused(f"the store refuses a row: {_first_line(error.orig)}") from error
    except DBAPIError as error:
        raise StoreUnavailable(_failure(error.orig)) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreUnavailable(_failure(error)) from error


def _run(connection: Connection, statement: str) -> None:
    """Run a statement outside any transaction."""
    cursor = connection.connection.cursor()
    cursor.execute(statement)
    cursor.close()


def _failure(error: object) -> str:
    text = _first_line(error)
    return NO_FTS5 if text.startswith("no such module: fts5") else f"the store failed: {text}"


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0]


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.scalar(select(schema_version.c.version))


def number_of(version: str) -> str:
    """Return the newest migration of a version: `0200` of `0200-45f895`."""
    return version.partition("-")[0]


def is_upgradable(version: str) -> bool:
    """Whether migrations lead from a store's version to this gateway's."""
    return FIRST_NUMBER <= number_of(version) < number_of(VERSION)


def version_advice(version: str, place: str) -> str:
    """Say what to do about a store of another version than this gateway; `place` is its path.

    `/var/lib/gateway/gateway.db: the store is at version 0200-45f895, this gateway needs
    0201-9c1d20: gateway db upgrade`
    """
    what = f"{place}: the store is at version {version}"
    if number_of(version) > number_of(VERSION):
        return f"{what}, newer than this gateway ({VERSION}): update it"
    if is_upgradable(version):
        return f"{what}, this gateway needs {VERSION}: gateway db upgrade"
    return (
        f"{what}, of a build before any release, and can't be upgraded to {VERSION}; it is left as "
        "it is. List with that build who is suppressed (gateway suppress list --csv), to add them "
        "again (gateway suppress add) before mail flows; put the store away, then: "
        "gateway db upgrade --new"
    )
