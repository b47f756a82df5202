"""A PostgreSQL cluster for the tests of one process."""

import contextlib
import itertools
import os
import shlex
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.rig.kept_connections import KEPT
from tests.rig.memory import memory_folder
from tests.rig.process import LOOPBACK, Guard, free_port, needs

SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
shared_buffers = 16MB
max_connections = 200
timezone = 'UTC'
fsync = off
full_page_writes = off
autovacuum = off
jit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 64MB
"""
#: Shows whether a test has changed more of a database than its rows.
SHAPE = """\
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
    AND NOT a.attisdropped
UNION ALL SELECT 'schema_version', version FROM schema_version ORDER BY 1, 2
"""
OTHERS_END = """\
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)
"""
#: How many tests may use a database before its leftovers are vacuumed. An import creates temporary
#: tables: after 240 tests with three imports each, the catalogue of columns had 16 MB, and the
#: server took half as long again.
SWEPT_AFTER = 30
USER = "gateway"
PASSWORD = "s3cret"


class Postgres:
    """A server that hands out empty databases."""

    def __init__(self, url: str) -> None:
        self.url = url  #: Of a database to connect to for creating others.
        self._numbers = itertools.count(1)
        self._databases: list[str] = []
        self._spare: list[str] = []  # prepared databases not in use
        self._shape: list[tuple[str, str]] = []  # of a prepared database
        #: By URL: an idle connection of ours to each prepared database.
        self._emptying: dict[str, psycopg.Connection] = {}
        self._lent: Counter[str] = Counter()  # use count, by URL

    def fresh_database(self) -> str:
        """Create an empty database and return its URL, `postgresql://user:pw@host:port/name`."""
        name = f"gateway_test_{os.getpid()}_{next(self._numbers)}"
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._databases.append(name)
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    @contextlib.contextmanager
    def prepared_database(self, prepare: Callable[[str], None]) -> Iterator[str]:
        """Lend a database with an empty schema; it is emptied for the next test."""
        if self._spare:
            url = self._spare.pop()
        else:
            url = self.fresh_database()
            prepare(url)
            self._shape = _shape(url)
        KEPT.databases.add(urlsplit(url).path[1:])
        yield url
        if self._emptied(url):
            self._spare.append(url)

    def _emptied(self, url: str) -> bool:
        """End all other connections and delete all rows, if its schema is still as prepared."""
        tables = {table for table, _ in self._shape} - {"schema_version"}
        deletions = [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in tables]
        try:
            if url not in self._emptying:
                self._emptying[url] = psycopg.connect(url, autocommit=True)
            connection = self._emptying[url]
            connection.execute(OTHERS_END, [KEPT.process_ids()])
            if connection.execute(SHAPE).fetchall() != self._shape:
                return False
            connection.execute(sql.SQL(";").join(deletions))
            self._lent[url] += 1
            if self._lent[url] % SWEPT_AFTER == 0:
                connection.execute("VACUUM")
        except psycopg.Error:  # The server was stopped, or nobody can log in any more.
            if url in self._emptying:
                self._emptying.pop(url).close()
            return False
        return True

    def terminate_backends(self, url: str) -> int:
        """End every connection to that database, wait for that, and return their number."""
        name = urlsplit(url).path[1:]
        query = sql.SQL(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
            " WHERE datname = {} AND pid <> pg_backend_pid()"
        )
        with self._connection() as connection:
            row = connection.execute(query.format(sql.Literal(name))).fetchone()
        assert row is not None
        return int(row[0])

    def drop_databases(self) -> None:
        """Drop the databases made by `fresh_database`."""
        self._disconnect()
        for name in self._databases:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            self._run(drop.format(sql.Identifier(name)))
        self._databases.clear()

    def _disconnect(self) -> None:
        KEPT.close()
        for connection in self._emptying.values():
            connection.close()
        self._emptying.clear()

    def _run(self, statement: sql.Composed) -> None:
        with self._connection() as connection:
            connection.execute(statement)

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=10)

    def close(self) -> None:
        """Leave the server as it was."""
        self.drop_databases()


def _shape(url: str) -> list[tuple[str, str]]:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute(SHAPE).fetchall()
    except psycopg.Error:
        return []


class OwnPostgres(Postgres):
    """A cluster in a temporary folder that tests can stop and start.

    `start`, `stop` and `restart` block for about 0.2 s; with traffic running, call them through
    `asyncio.to_thread`.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        # Tables come and go by the thousand: on a disk that is half of the server's work.
        self._folder = Path(tempfile.mkdtemp(prefix="gateway-postgres-", dir=memory_folder()))
        self._data = self._folder / "data"
        self.port = free_port()
        super().__init__(f"postgresql://{USER}:{PASSWORD}@{LOOPBACK}:{self.port}/postgres")
        self._make()
        stop = self._command("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        folder = shlex.quote(str(self._folder))
        self._guard = Guard(f"{shlex.join(stop)}; rm -rf {folder}")
        self.start()

    def _make(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
            shutil.chown(password, "postgres")
        access = ("--auth-local=trust", "--auth-host=md5", f"--pwfile={password}")
        options = ("--no-sync", "--locale=C", "--encoding=UTF8", f"--username={USER}")
        self._do("initdb", "-D", self._data, *access, *options)
        settings = SETTINGS.format(port=self.port, folder=self._folder)
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(settings)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        log = self._folder / "log"
        self._do("pg_ctl", "-D", self._data, "-l", log, "-w", "-t", "60", "start")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server; `immediate` is a crash."""
        self._do("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start the server on the same port."""
        self.stop(mode)
        self.start()

    @contextlib.contextmanager
    def stopped(self, mode: Literal["fast", "immediate"] = "fast") -> Iterator[None]:
        """Keep the server down during the block."""
        self.stop(mode)
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        """End the server and remove its folder."""
        self._disconnect()
        self.stop("immediate")
        self._guard.release()
        shutil.rmtree(self._folder)

    def _do(self, program: str, *arguments: str | Path) -> None:
        command = self._command(program, *arguments)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, cwd=self._folder, check=False
        )
        text = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == 0, f"{shlex.join(command)}: {text}"

    def _command(self, program: str, *arguments: str | Path) -> list[str]:
        command = [str(self._programs / program), *map(str, arguments)]
        if os.geteuid() != 0:
            return command
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if not found:
        needs("postgresql", "no initdb below /usr/lib/postgresql, and TEST_DATABASE_URL is not set")
    return found[-1].parent


def _version(initdb: Path) -> int:
    return int(initdb.parts[-3])


def open_postgres() -> Postgres:
    """Use the server of TEST_DATABASE_URL, else start a cluster, else skip."""
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        return Postgres(url.replace("+psycopg", "", 1))
    return OwnPostgres()
