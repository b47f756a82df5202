"""The rig's real servers and proxy do what tests that use them rely on."""

import asyncio
import subprocess
import sys
import tomllib
from pathlib import Path

import psycopg
import pytest

from gateway.store.engine.database import Database
from tests.conftest import Connect, StartPostfix, StartProxy
from tests.rig.client import ConnectionGone, NothingCame, RawClient
from tests.rig.faultproxy import Cut, Flow, HangingPort
from tests.rig.logfile import LogFile
from tests.rig.postfix import Postfix
from tests.rig.postgres import OwnPostgres, Postgres
from tests.rig.prepared import prepare
from tests.rig.process import Guard, free_port, program, run, wait_until
from tests.rig.sink import RawSink
from tests.rig.toml import merge, write_toml
from tests.rig.tools import smtp_source, swaks

# The fault proxy


async def test_the_proxy_passes_everything_on(
    sink: RawSink, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = await start_proxy(sink.port)
    proxy.to_server = Flow(is_chopped=True, delay=0.01)
    client = await connect(proxy.port)
    await client.transaction(b"a@x", [b"b@x"], b"Subject: x\r\n\r\n.dot\r\n")
    await client.quit()

    assert b"Subject: x\r\n\r\n.dot\r\n" == sink.messages[0].content
    await wait_until(lambda: proxy.open_connections == 0, "the proxy to let go")


@pytest.mark.parametrize("cut", [Cut.CLOSE, Cut.RESET])
async def test_the_proxy_cuts_behind_a_match(
    sink: RawSink, start_proxy: StartProxy, connect: Connect, cut: Cut
) -> None:
    proxy = await start_proxy(sink.port)
    proxy.to_server = Flow(cut_on=b"\r\n.\r\n", cut=cut, times=1)
    client = await connect(proxy.port)

    with pytest.raises(ConnectionGone):
        await client.transaction(b"a@x", [b"b@x"], b"x")

    again = await connect(proxy.port)
    assert 250 == (await again.transaction(b"a@x", [b"b@x"], b"x")).end.code


async def test_the_proxy_cuts_before_a_match_and_after_octets(
    sink: RawSink, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = await start_proxy(sink.port)
    proxy.to_server = Flow(cut_on=b"\r\n.\r\n", keeps_match=False, times=1)
    client = await connect(proxy.port)
    with pytest.raises(ConnectionGone):
        await client.transaction(b"a@x", [b"b@x"], b"x")
    proxy.to_server = Flow(cut_after=9)
    again = await connect(proxy.port)
    await again.send(b"NOOP\r\nNOOP\r\n")

    assert b"250 2.0.0 ok\r\n".startswith(await again.rest())
    assert [] == sink.messages


async def test_a_black_hole_keeps_the_connection(
    sink: RawSink, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = await start_proxy(sink.port)
    client = await connect(proxy.port)
    proxy.cut_all(Cut.BLACKHOLE)
    await client.send(b"NOOP\r\n")

    assert await client.is_silent(0.1)
    assert 1 == sink.open_connections


async def test_the_proxy_keeps_to_its_rate(
    sink: RawSink, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = await start_proxy(sink.port)
    proxy.to_server = Flow(rate=1000)
    client = await connect(proxy.port)
    begin = asyncio.get_running_loop().time()
    await client.command(b"NOOP " + b"x" * 194)

    assert asyncio.get_running_loop().time() - begin >= 0.19


async def test_connecting_to_a_hanging_port_hangs() -> None:
    with HangingPort() as hanging, pytest.raises(NothingCame, match="a connection"):
        await RawClient.connect(hanging.port, timeout=0.2)


# Real servers


@pytest.mark.system
async def test_mail_goes_through_the_crms_postfix_to_the_sink(
    sink: RawSink, start_postfix: StartPostfix
) -> None:
    crm = await start_postfix(Postfix.forwarding(sink.port))
    await smtp_source(crm.port, messages=20, sessions=2)
    await crm.wait_for(20)
    await wait_until(lambda: crm.queue_length() == 0, "an empty queue")

    assert 20 == len(sink.accepted)
    assert {"sent": 20} == crm.counts()


@pytest.mark.system
async def test_a_discarding_postfix_counts_recipients(start_postfix: StartPostfix) -> None:
    relay = await start_postfix(Postfix.discarding())
    done = await swaks(relay.port, to="bob@example.org,eve@example.org", data=b"Subject: x\n\nx\n")
    await relay.wait_for(2)

    assert 0 == done.returncode
    recipients = {delivery.recipient for delivery in relay.deliveries("sent")}
    assert {"bob@example.org", "eve@example.org"} == recipients


@pytest.mark.system
def test_a_fresh_database_is_empty_and_outlives_a_restart(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    if isinstance(postgres, OwnPostgres):
        postgres.restart("immediate")
    with psycopg.connect(url) as connection, psycopg.connect(postgres.fresh_database()) as other:
        tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"
        counts = [one.execute(tables).fetchone() for one in (connection, other)]

    assert [(1,), (0,)] == counts


@pytest.mark.system
def test_terminated_backends_are_gone(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    connection = psycopg.connect(url)

    assert 1 == postgres.terminate_backends(url)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


@pytest.mark.system
def test_a_connection_goes_to_the_next_store_as_good_as_new(postgres: Postgres) -> None:
    asked = (
        "SELECT pg_backend_pid(), to_regclass('pg_temp.left_over'), current_setting('lock_timeout')"
    )
    seen = []
    for _ in range(10):  # Several may be kept: any of them may be lent.
        with postgres.prepared_database(prepare) as url:
            database = Database(url)
            with database.private() as connection:
                seen.append(tuple(connection.exec_driver_sql(asked).one()))
                connection.exec_driver_sql("CREATE TEMPORARY TABLE left_over (n int)")
                connection.exec_driver_sql("SET lock_timeout TO '7s'")
                connection.commit()
            database.close()

    assert len({process for process, *_ in seen}) < len(seen)
    assert {(None, "0")} == {(left_over, timeout) for _, left_over, timeout in seen}


@pytest.mark.system
def test_a_connection_that_the_server_has_ended_goes_to_nobody(postgres: Postgres) -> None:
    with postgres.prepared_database(prepare) as url:
        answers = []
        for _ in range(2):
            database = Database(url)
            with database.reading() as connection:
                answers.append(connection.exec_driver_sql("SELECT 1").scalar())
            database.close()
            ended = postgres.terminate_backends(url)

    assert ended > 0
    assert [1, 1] == answers


def test_a_store_is_there_in_both_kinds(store_url: str) -> None:
    assert store_url.startswith(("sqlite:///", "postgresql://"))


# Small parts


def test_toml_is_written_as_it_is_read() -> None:
    document = {
        "a": 1,
        "text": 'quote " \\ \n ü \x7f',
        "list": ["a", 2, True],
        "empty": [],
        "table": {"x y": 1.5, "inner": {"yes": True}},
        "rows": [{"n": 1, "match": {"login": "x"}}, {"n": 2}],
    }

    assert document == tomllib.loads(write_toml(document))


def test_changes_are_laid_over_a_config() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": [1]}

    assert {"a": {"x": 1, "y": 3}, "b": [2]} == merge(base, {"a": {"y": 3}, "b": [2]})


def test_a_missing_part_skips_and_under_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs nothing: no-such-tool"):
        program("no-such-tool", "nothing")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs nothing: no-such-tool"):
        program("no-such-tool", "nothing")


def test_a_log_is_read_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(path)
    seen = [list(log.lines())]
    for text in ("one\ntw", "o\n\nthree"):
        with path.open("a") as file:
            file.write(text)
        seen.append(list(log.lines()))

    assert [[], ["one"], ["one", "two", ""]] == seen


def test_free_ports_differ() -> None:
    assert 50 == len({free_port() for _ in range(50)})


async def test_a_guard_acts_when_the_tests_die(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    Guard(f"touch {trace}-released").release()
    code = f"from tests.rig.process import Guard; import os; Guard('touch {trace}'); os._exit(1)"
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False)
    await wait_until(trace.exists, "the guard to act")

    assert not Path(f"{trace}-released").exists()


DYING_TESTS = """
import os, pathlib
from tests.rig.prepared import prepare
from tests.rig.process import Guard, launch
process = launch(["sleep", "100"], pathlib.Path(os.devnull))
Guard.of_group(process.pid)
print(process.pid, flush=True)
os._exit(1)
"""


async def test_a_guarded_process_dies_with_the_tests() -> None:
    done = await run(sys.executable, "-c", DYING_TESTS)
    stat = Path(f"/proc/{int(done.stdout)}/stat")

    await wait_until(lambda: not stat.exists() or ") Z " in stat.read_text(), "its end")
