"""The way to the store: writers in turn, and a store that goes away and comes back."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, insert, select, text, update
from sqlalchemy.pool import StaticPool

from gateway.store.engine import database as module
from gateway.store.engine import quick_reader
from gateway.store.engine.database import (
    AnotherStore,
    Database,
    RowRefused,
    StoreUnavailable,
    WrongSchema,
)
from gateway.store.engine.quick_reader import QuickReader
from gateway.store.engine.suitability import shares_sessions
from gateway.store.schema.host import pauses, schema_version
from gateway.store.schema.journal import relay_offers
from tests.rig.faultproxy import Cut, FaultProxy
from tests.rig.postgres import OwnPostgres, Postgres
from tests.rig.process import needs
from tests.rig.tmpfs import small_disk
from tests.store.feeding import NOW

WRITERS, ROUNDS = 4, 40

#: Adds one to a number as many times as there are rounds, reading it first.
ADDER = f"""\
import sys
from sqlalchemy import select, update
from gateway.store.engine.database import Database
from gateway.store.schema.host import leases

database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range({ROUNDS}):
    with database.writing() as connection:
        count = connection.scalar(select(leases.c.holder).with_for_update())
        connection.execute(update(leases).values(holder=str(int(count) + 1)))
database.close()
"""


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Database]:
    """An empty store in a file."""
    database = fresh(f"sqlite:///{tmp_path}/gateway.db")
    yield database
    database.close()


@pytest.fixture
def cluster(postgres: Postgres) -> OwnPostgres:
    """A server that may be stopped."""
    if not isinstance(postgres, OwnPostgres):
        needs("postgresql", "a server of TEST_DATABASE_URL can't be stopped")
        raise AssertionError
    return postgres


def fresh(url: str) -> Database:
    database = Database(url)
    database.prepare()
    return database


def write(
    database: Database, what: str = "bulk", *, then: Callable[[], object] = lambda: None
) -> None:
    with database.writing() as connection:
        connection.execute(insert(pauses).values(what=what, since=NOW, by="ops"))
        then()


def paused(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(select(pauses.c.what).order_by(pauses.c.what)))


def path_of(database: Database) -> Path:
    return Path(str(database.url.database))


# K4: writers beside each other


def test_K4_four_writers_lose_no_update(store_url: str, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO leases (name, holder, until) VALUES ('n', '0', 0)"))
    command = [sys.executable, "-c", ADDER, store_url]
    pipe = subprocess.PIPE
    adders = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(WRITERS)]
    for adder in adders:
        assert adder.stdout is not None
        adder.stdout.readline()
    ends = [adder.communicate(b"go\n") and adder.returncode for adder in adders]
    with database.reading() as connection:
        count = connection.scalar(text("SELECT holder FROM leases"))

    assert ([0] * WRITERS, str(WRITERS * ROUNDS)) == (ends, count)


def test_K4_a_writer_waits_for_a_stranger_that_holds_the_file(file_store: Database) -> None:
    stranger = sqlite3.connect(path_of(file_store), isolation_level=None, check_same_thread=False)
    stranger.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: stranger.execute("COMMIT"))
    timer.start()
    write(file_store)
    timer.join()
    stranger.close()

    assert ["bulk"] == paused(file_store)


def test_K4_a_transaction_that_reads_first_can_still_write(file_store: Database) -> None:
    other = Database(str(file_store.url))
    thread = threading.Thread(target=write, args=(other, "all"))
    with file_store.writing() as connection:
        before = list(connection.scalars(select(pauses.c.what)))
        thread.start()  # would have its turn between our read and our write
        thread.join(0.1)
        connection.execute(insert(pauses).values(what="bulk", since=NOW, by="ops"))
    thread.join()
    other.close()

    assert ([], ["all", "bulk"]) == (before, paused(file_store))


# K3: the disk


@pytest.mark.system
def test_K3_a_full_disk_is_an_error_that_leaves_nothing_and_passes(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        database = fresh(f"sqlite:///{disk.folder}/gateway.db")
        disk.fill()
        with pytest.raises(StoreUnavailable, match=r"full|disk I/O"):
            write(database)
        disk.free()
        write(database)
        found = paused(database)
        database.close()

    assert ["bulk"] == found


@pytest.mark.system
def test_K3_a_read_only_disk_is_an_error_that_passes(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        url = f"sqlite:///{disk.folder}/gateway.db"
        fresh(url).close()
        disk.protect()
        database = Database(url)
        with pytest.raises(StoreUnavailable):
            write(database)
        disk.unprotect()
        write(database)
        found = paused(database)
        database.close()

    assert ["bulk"] == found


# A file that is not where it was


def test_nothing_is_written_to_a_file_that_was_moved_away(file_store: Database) -> None:
    path = path_of(file_store)
    write(file_store)
    path.rename(path.with_suffix(".away"))
    with pytest.raises(StoreUnavailable, match="unable to open"):
        write(file_store, "all")
    with pytest.raises(StoreUnavailable):
        paused(file_store)
    assert not path.exists()
    path.with_suffix(".away").rename(path)
    write(file_store, "all")

    assert ["all", "bulk"] == paused(file_store)


async def test_quick_reads_notice_that_the_file_was_moved_away(
    file_store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick_reader, "_LOOK_SECONDS", -1.0)
    path = path_of(file_store)
    reader = QuickReader(file_store)
    write(file_store)
    query = "SELECT what FROM pauses"
    before = await reader.rows(query, ())
    path.rename(path.with_suffix(".away"))
    with pytest.raises(StoreUnavailable, match="unable to open"):
        await reader.rows(query, ())
    path.with_suffix(".away").rename(path)
    after = await reader.rows(query, ())
    reader.close()

    assert [("bulk",)] == before == after


def test_a_copy_put_in_the_place_of_the_file_is_used(file_store: Database) -> None:
    path = path_of(file_store)
    copy = path.with_suffix(".copy")
    with sqlite3.connect(path) as connection:
        connection.execute(f"VACUUM INTO '{copy}'")
    connection.close()
    write(file_store)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    copy.rename(path)

    assert [] == paused(file_store)


def test_a_deleted_file_is_not_replaced_by_an_empty_store(file_store: Database) -> None:
    path = path_of(file_store)
    path.unlink()
    with pytest.raises(StoreUnavailable, match="is gone: put it back"):
        Database(str(file_store.url)).prepare()
    was_left_alone = not path.exists()
    Path(f"{path}.lock").unlink()
    anew = fresh(str(file_store.url))
    found = paused(anew)
    anew.close()

    assert (True, []) == (was_left_alone, found)


def test_who_had_a_store_makes_no_other_though_nothing_of_it_is_left(file_store: Database) -> None:
    path = path_of(file_store)
    for left in path.parent.glob("gateway.db*"):
        left.unlink()
    with pytest.raises(StoreUnavailable, match="is gone: put it back"):
        file_store.prepare()
    path.touch()
    with pytest.raises(StoreUnavailable):
        file_store.prepare()
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()

    assert [] == tables


def test_a_store_that_was_put_in_the_place_of_another_is_not_used(file_store: Database) -> None:
    path = path_of(file_store)
    write(file_store)
    reader = QuickReader(file_store)
    away = move_all(path, path.parent / "away")
    other = fresh(str(file_store.url))
    other.close()
    for use in (file_store.prepare, lambda: paused(file_store), lambda: write(file_store, "all")):
        with pytest.raises(AnotherStore, match="put that back"):
            use()
    with pytest.raises(AnotherStore):
        reader.rows_now("SELECT what FROM pauses", ())
    move_all(path, path.parent / "other")
    move_all(away, path.parent)

    assert ["bulk"] == paused(file_store)


def move_all(file: Path, folder: Path) -> Path:
    """Move the file of a store, and what SQLite and the gateway have beside it, to a folder."""
    folder.mkdir(exist_ok=True)
    for one in file.parent.glob(f"{file.name}*"):
        one.rename(folder / one.name)
    return folder / file.name


def test_the_process_of_a_role_makes_no_store(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    database = Database(f"sqlite:///{path}", makes=False)
    with pytest.raises(StoreUnavailable, match="is gone"):
        database.prepare()
    database.close()

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("is_empty_file", [False, True])
def test_a_host_that_remembers_a_store_makes_none_unless_told_to(
    tmp_path: Path, is_empty_file: bool
) -> None:
    url, outage = f"sqlite:///{tmp_path}/gateway.db", tmp_path / "outage"
    first = Database(url, outage=outage)
    first.prepare()
    first.remember()
    first.close()
    for left in tmp_path.glob("gateway.db*"):
        left.unlink()
    if is_empty_file:
        (tmp_path / "gateway.db").touch()
    later = Database(url, outage=outage)
    with pytest.raises(StoreUnavailable, match=r"gateway db upgrade --new"):
        later.prepare()
    later.prepare(anew=True)
    found = paused(later)
    later.close()

    assert [] == found


def test_another_store_than_the_one_remembered_is_made(tmp_path: Path) -> None:
    outage = tmp_path / "outage"
    first = Database(f"sqlite:///{tmp_path}/first.db", outage=outage)
    first.prepare()
    first.remember()
    first.close()
    second = Database(f"sqlite:///{tmp_path}/second.db", outage=outage)
    second.prepare()
    found = paused(second)
    second.close()

    assert [] == found


def test_a_server_whose_database_was_emptied_is_away_and_stays_so(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    database = fresh(url)
    write(database)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    with pytest.raises(StoreUnavailable):
        paused(database)
    with pytest.raises(StoreUnavailable, match="is empty: put it back"):
        database.prepare()
    other = fresh(url)
    other.close()
    with pytest.raises(AnotherStore):
        database.prepare()
    with pytest.raises(AnotherStore):
        paused(database)
    database.close()


@pytest.mark.parametrize("name", ["a b", "100%", "a%20b", "what?", "#1", "ä"])
def test_the_store_is_in_the_file_that_the_config_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    database = Database(f"sqlite:///{tmp_path}/{name}/{name}.db")
    database.prepare()
    write(database)
    database.close()

    assert (tmp_path / name / f"{name}.db").is_file()
    assert [tmp_path / name] == list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_a_store_that_is_away(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing/gateway.db")
    with pytest.raises(StoreUnavailable, match="No such file"):
        database.prepare()
    with pytest.raises(StoreUnavailable, match=r"gateway\.db\.lock: No such file"):
        write(database)
    database.close()


# K5: the server


@pytest.mark.system
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_K5_a_restarted_server_is_used_again(cluster: OwnPostgres, mode: str) -> None:
    database = fresh(cluster.fresh_database())
    write(database)
    with cluster.stopped("fast" if mode == "fast" else "immediate"):
        with pytest.raises(StoreUnavailable):
            write(database, "all")
        with pytest.raises(StoreUnavailable):
            paused(database)
    write(database, "all")
    found = paused(database)
    database.close()

    assert ["all", "bulk"] == found


@pytest.mark.system
def test_K5_a_terminated_backend_fails_one_transaction_only(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    database = fresh(url)
    with pytest.raises(StoreUnavailable):
        write(database, then=lambda: postgres.terminate_backends(url))
    write(database, "all")
    found = paused(database)
    database.close()

    assert ["all"] == found


@pytest.mark.system
def test_K5_a_server_that_became_read_only_is_away_until_it_is_not(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    database = fresh(url)
    name = url.rpartition("/")[2]
    for setting, is_away in (("on", True), ("off", False)):
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            alter = f"ALTER DATABASE {name} SET default_transaction_read_only = {setting}"
            connection.execute(alter.encode())
        postgres.terminate_backends(url)
        if is_away:
            with pytest.raises(StoreUnavailable, match="read-only"):
                write(database)
    write(database)
    found = paused(database)
    database.close()

    assert ["bulk"] == found


@pytest.mark.system
def test_K5_a_store_that_can_only_be_read_is_told_from_one_that_works(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    database = fresh(url)
    name = url.rpartition("/")[2]
    with database.reading() as connection:
        database.ensure_writable(connection)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        alter = f"ALTER DATABASE {name} SET default_transaction_read_only = on"
        connection.execute(alter.encode())
    postgres.terminate_backends(url)

    with suppress(StoreUnavailable):
        paused(database)  # finds a connection that has ended
    with (
        pytest.raises(StoreUnavailable, match="is read-only: it is a standby"),
        database.reading() as connection,
    ):
        database.ensure_writable(connection)
    database.close()


@pytest.mark.system
def test_a_user_who_may_not_write_is_named(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    database = fresh(url)
    reader = f"reader_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {reader} LOGIN PASSWORD 'x'".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}".encode())
        connection.execute(f"GRANT INSERT ON pauses TO {reader}".encode())
    as_reader = Database(
        database.url.set(drivername="postgresql", username=reader, password="x").render_as_string(
            hide_password=False
        )
    )
    try:
        with (
            pytest.raises(StoreUnavailable, match=rf"{reader} may not write to \d+ tables"),
            as_reader.reading() as connection,
        ):
            as_reader.ensure_writable(connection)
    finally:
        as_reader.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {reader}; DROP ROLE {reader}".encode())
        database.close()


@pytest.mark.system
def test_connections_that_a_pooler_makes_one_session_are_noticed(postgres: Postgres) -> None:
    database = fresh(postgres.fresh_database())
    pooled = create_engine(database.url, poolclass=StaticPool)

    told = [database.shares_sessions(), shares_sessions(pooled)]
    pooled.dispose()
    database.close()

    assert [False, True] == told


@pytest.mark.system
def test_of_several_servers_the_one_that_answers_is_the_store(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    database = fresh(url)
    write(database)
    database.close()
    host = f"{database.url.host}:{database.url.port}"
    several = Database(
        f"{url.replace(host, f'127.0.0.1:1,{host}')}?target_session_attrs=read-write"
    )
    several.prepare()

    assert ["bulk"] == paused(several)
    several.close()


@pytest.mark.system
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_can_not_hold_every_name_is_refused_with_the_cure(
    postgres: Postgres, encoding: str
) -> None:
    name = f"encoded_{encoding.lower()}_{os.getpid()}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0"
            " LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
        database = Database(f"{postgres.url.rpartition('/')[0]}/{name}")
        with pytest.raises(WrongSchema, match=f"encoding {encoding}.*ENCODING 'UTF8'"):
            database.prepare()
        assert database.version() is None
        database.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_database_with_tables_of_others_is_left_alone(bare_store_url: str) -> None:
    database = Database(bare_store_url)
    if database.file is not None:
        database.file.make()
    with database.writing_without_ids() as connection:
        connection.execute(text("CREATE TABLE people (name VARCHAR(9))"))
    with pytest.raises(WrongSchema, match=r"tables that are not the gateway's \(people\): give"):
        database.prepare()

    assert database.version() is None
    database.close()


@pytest.mark.system
async def test_K5_a_server_that_hangs_is_away(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.fresh_database()
    port = Database(url).url.port
    assert port is not None
    async with await FaultProxy.start(port) as proxy:
        proxied = url.replace(f":{port}/", f":{proxy.port}/")
        database = Database(proxied)
        await asyncio.to_thread(database.prepare)
        proxy.cut_all(Cut.BLACKHOLE)
        with monkeypatch.context() as patched:
            patched.setattr(module, "_READ_SECONDS", 0.2)
            with pytest.raises(StoreUnavailable, match="no answer"):
                await database.read(lambda connection: connection.scalar(select(pauses.c.what)))
        proxy.cut_all()
        found = await database.read(lambda connection: connection.scalars(select(pauses)).all())
        # The read that was given up connects anew, through this loop: it must not be blocked.
        await asyncio.to_thread(database.close)

    assert [] == found


# What the store doesn't take


def test_a_row_the_store_refuses_is_told_from_a_store_that_is_away(database: Database) -> None:
    write(database)
    with pytest.raises(RowRefused, match="refuses a row"):
        write(database)


def test_an_error_in_a_transaction_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        write(database, then=lambda: 1 // 0)

    assert [] == paused(database)


# K9: the schema


def test_K9_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(update(schema_version).values(version="9999"))
    with pytest.raises(WrongSchema, match="newer than this gateway"):
        database.prepare()

    assert "9999" == database.version()


def test_K9_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(os.urandom(8192))
    database = Database(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match="not a database"):
        database.prepare()
    database.close()


def test_two_processes_may_make_the_schema_at_once(store_url: str) -> None:
    stores = [Database(store_url) for _ in range(2)]
    errors: list[StoreUnavailable] = []

    def prepare(store: Database) -> None:
        try:
            store.prepare()
        except StoreUnavailable as error:  # the other was faster: next time it is there
            errors.append(error)
            store.prepare()

    threads = [threading.Thread(target=prepare, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].reading() as connection:
        offers = connection.execute(select(relay_offers)).all()
    for store in stores:
        store.close()

    assert ([], True) == (offers, len(errors) < 2)


def test_a_python_whose_sqlite_has_no_full_text_search_is_told_with_the_cure(
    tmp_path: Path,
) -> None:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    no_module = text("CREATE VIRTUAL TABLE words USING fts5_away(words)")

    with (
        pytest.raises(StoreUnavailable, match=r"search \(FTS5\).*: use a Python whose SQLite has"),
        database.writing() as connection,
    ):
        connection.execute(no_module)
    database.close()


def test_other_users_of_the_machine_may_not_read_the_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    files = {file.name: file.stat().st_mode & 0o007 for file in tmp_path.iterdir()}
    database.close()

    assert {"gateway.db", "gateway.db-wal"} <= set(files)
    assert {0} == set(files.values())
