"""Health and metrics, asked over HTTP."""

import asyncio
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.api.application import application
from gateway.api.health import Health
from gateway.api.recent import RecentAnswer
from tests.conftest import StartGateway
from tests.rig.gateway import GatewayProcess
from tests.rig.postgres import Postgres
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.sink import RawSink

WELL = Health(
    store=True,
    relays={"relay": "up", "other": "unknown"},
    roles={"smtp": {"wanted": 2, "ready": 1, "restarts": 3}},
    feeds={"crm": 60},
    mailboxes={"replies": "up", "new": "unknown"},
    kinds={"crm": {"people": {"age_seconds": 60, "state": "partly", "problems": 2}}},
    references={"people.status": 3},
    unread={"people": 1},
)


async def ask(health: Health, path: str = "/health", method: str = "GET") -> httpx.Response:
    """Ask an application of which this is the health."""

    async def tell() -> Health:
        return health

    async def count() -> bytes:
        return b"gateway_x 1.0\n"

    app = application(health=tell, metrics=count, metrics_type="text/plain; version=0.0.4")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.request(method, path)


async def test_a_gateway_that_works_says_so() -> None:
    answer = await ask(WELL)

    assert 200 == answer.status_code
    assert {
        "status": "ok",
        "store": "ok",
        "relays": {"relay": "up", "other": "unknown"},
        "mailboxes": {"replies": "up", "new": "unknown"},
        "mailchimp": None,
        "roles": {"smtp": {"wanted": 2, "ready": 1, "restarts": 3}},
        "feed_age_seconds": {"crm": 60},
        "feeds": {"crm": {"people": {"age_seconds": 60, "state": "partly", "problems": 2}}},
        "references_to_nothing": {"people.status": 3},
        "unread_fields": {"people": 1},
        "comes_back": "unknown",
        "paused": [],
    } == answer.json()


@pytest.mark.parametrize(
    "ill",
    [
        Health(store=False, relays={}, roles={}, feeds={}),
        Health(store=True, relays={"a": "up", "b": "down"}, roles={}, feeds={}),
        Health(store=True, relays={"a": "our_fault"}, roles={}, feeds={}),
        Health(store=True, relays={}, roles={"smtp": {"wanted": 2, "ready": 0}}, feeds={}),
        Health(store=True, relays={}, roles={}, feeds={}, mailboxes={"replies": "down"}),
    ],
)
async def test_H8_health_fails_with_the_store_a_relay_a_mailbox_or_a_role(ill: Health) -> None:
    answer = await ask(ill)

    assert (503, "failing") == (answer.status_code, answer.json()["status"])


async def test_metrics_have_the_type_prometheus_reads() -> None:
    answer = await ask(WELL, "/metrics")

    assert "text/plain; version=0.0.4" == answer.headers["content-type"]
    assert b"gateway_x 1.0\n" == answer.content


@pytest.mark.parametrize(
    ("path", "method", "code"),
    [
        ("/", "GET", 404),
        ("/health", "POST", 405),
        ("/health/%2e%2e/etc/passwd", "GET", 404),
    ],
)
async def test_nothing_else_is_told(path: str, method: str, code: int) -> None:
    assert code == (await ask(WELL, path, method)).status_code


async def test_an_answer_serves_everyone_who_asks_within_a_time() -> None:
    asked = 0

    async def work_out() -> int:
        nonlocal asked
        await asyncio.sleep(0)
        asked += 1
        return asked

    kept, fresh = RecentAnswer(work_out, timedelta(hours=1)), RecentAnswer(work_out, timedelta(0))

    assert [1] * 5 == await asyncio.gather(*(kept.get() for _ in range(5)))
    assert [2, 3] == [await fresh.get(), await fresh.get()]


# A whole gateway.


def get(port: int, path: str) -> tuple[int, str]:
    """Ask a running gateway; code 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


async def heard(gateway: GatewayProcess, path: str, holds: Callable[[int, str], bool]) -> str:
    """Ask until the answer is as it should be, and return it."""
    last = ""

    async def asked() -> bool:
        nonlocal last
        code, last = await asyncio.to_thread(get, gateway.api_port, path)
        return holds(code, last)

    try:
        await wait_until(asked, f"the right answer at {path}", 20)
    except AssertionError as error:
        raise AssertionError(f"{error}; the last one was {last}") from None
    return last


def value(text: str, name: str, **labels: str) -> float:
    """Return one sample of metrics in text form; 0 if it isn't there."""
    samples = (one for family in text_string_to_metric_families(text) for one in family.samples)
    return sum(one.value for one in samples if one.name == name and one.labels == labels)


async def send(port: int, recipient: str, *, bulk: bool) -> bytes:
    """Send a small mail and return the reply after its content."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    head = "Precedence: bulk\r\n" if bulk else ""
    reply = await reader.readline()
    for line in ("HELO crm", "MAIL FROM:<crm@example.org>", f"RCPT TO:<{recipient}>", "DATA"):
        writer.write(f"{line}\r\n".encode())
        reply = await reader.readline()
    writer.write(f"{head}Subject: x\r\n\r\nx\r\n.\r\n".encode())
    reply = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return reply


@pytest.mark.system
async def test_metrics_add_up_over_all_workers_also_after_one_has_died(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes={"smtp": {"workers": 2}}, roles=())
    await gateway.do("suppress", "add", "ann@example.org")
    await gateway.wait_for_log("ready", timeout=30)

    sent = [await send(gateway.port, "ben@example.org", bulk=False) for _ in range(20)]
    failed = await send(gateway.port, "ann@example.org", bulk=True)
    relayed = {"kind": "individual", "state": "relayed", "by": "relay"}
    name = "gateway_deliveries_total"
    text = await heard(gateway, "/metrics", lambda _, t: value(t, name, **relayed) == 20)

    assert {b"250"} == {reply[:3] for reply in sent}
    assert b"550" == failed[:3]
    assert 1 == value(text, name, kind="bulk", state="send_failed", by="gateway")
    assert 1 == value(text, "gateway_relay_health", relay="relay")
    assert 21 == value(text, "gateway_journal_messages_total")
    assert 2 == value(text, "gateway_processes_ready", role="smtp")
    assert 1 == value(text, "gateway_store_up", store="main")

    dead = next(line["pid"] for line in gateway.log_lines("process_started"))
    os.kill(dead, signal.SIGKILL)
    restarts = ("gateway_processes_restarts_total", "smtp")
    after = await heard(
        gateway, "/metrics", lambda _, t: value(t, restarts[0], role=restarts[1]) == 1
    )
    assert 20 == value(after, name, **relayed)


@pytest.mark.system
async def test_H8_health_turns_red_when_the_relay_is_gone_and_green_when_it_is_back(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=())
    await gateway.wait_for_log("ready", timeout=30)
    await send(gateway.port, "ben@example.org", bulk=False)
    await heard(gateway, "/health", lambda code, text: code == 200 and '"up"' in text)

    await sink.close()
    await send(gateway.port, "ben@example.org", bulk=False)
    red = await heard(gateway, "/health", lambda code, _: code == 503)
    await sink.listen()
    await send(gateway.port, "ben@example.org", bulk=False)
    await heard(gateway, "/health", lambda code, _: code == 200)
    await sink.close()
    await heard(gateway, "/health", lambda code, _: code == 503)  # without any mail
    await sink.listen()
    await heard(gateway, "/health", lambda code, _: code == 200)
    state = await heard(gateway, "/metrics", lambda code, _: code == 200)

    assert '"relays":{"relay":"down"}' in red
    assert 1 == value(state, "gateway_relay_health", relay="relay")
    assert "ben" not in red
    assert str(sink.port) not in red


@pytest.mark.system
async def test_H8_health_turns_red_when_the_store_is_gone(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("api",))
    await heard(gateway, "/health", lambda code, _: code == 200)

    store = Path(gateway.folder, "gateway.db")
    store.rename(store.with_suffix(".away"))
    red = await heard(gateway, "/health", lambda code, _: code == 503)
    store.with_suffix(".away").rename(store)
    await heard(gateway, "/health", lambda code, _: code == 200)

    assert '"store":"unavailable"' in red
    assert str(gateway.folder) not in red


@pytest.mark.system
async def test_K5_health_turns_red_while_the_store_may_only_be_read(
    start_gateway: StartGateway, sink: RawSink, postgres: Postgres
) -> None:
    url = postgres.fresh_database()
    gateway = await start_gateway(sink.port, roles=("api",), store_url=url)
    await heard(gateway, "/health", lambda code, _: code == 200)

    await asyncio.to_thread(_let_read_only, postgres, url, "on")
    red = await heard(gateway, "/health", lambda code, _: code == 503)
    told = await gateway.cli("check")
    await asyncio.to_thread(_let_read_only, postgres, url, "off")
    await heard(gateway, "/health", lambda code, _: code == 200)

    assert '"store":"unavailable"' in red
    assert "the database is read-only: it is a standby" in " ".join(told.stdout.split())


def _let_read_only(postgres: Postgres, url: str, setting: str) -> None:
    name = url.rpartition("/")[2]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        alter = f"ALTER DATABASE {name} SET default_transaction_read_only = {setting}"
        connection.execute(alter.encode())
    postgres.terminate_backends(url)
