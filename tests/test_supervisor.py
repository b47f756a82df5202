"""The supervisor: real processes, killed, reloaded and stopped."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.supervisor.listening import CantListen, bound_sockets
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.worker import Role, RoleProcess, RunConfig, Timing
from tests.conftest import StartGateway
from tests.rig.gateway import GatewayProcess, role_of
from tests.rig.process import LOOPBACK, free_port, has_banner, parent_of, wait_until
from tests.rig.sink import RawSink

QUICK = Timing(first_wait=timedelta(milliseconds=10), longest_wait=timedelta(milliseconds=40))


def health(port: int) -> tuple[int, dict[str, object]]:
    """Ask for the health; status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, {}


async def answers(port: int) -> bool:
    return (await asyncio.to_thread(health, port))[0] != 0


async def started(gateway: GatewayProcess) -> None:
    await gateway.wait_for_log("ready", timeout=30)


@pytest.mark.system
async def test_a_process_that_dies_is_started_again_and_the_others_do_not_notice(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes={"smtp": {"workers": 2}}, roles=())
    await started(gateway)
    first, second = gateway.processes_of("smtp")
    sender, api = gateway.processes_of("sender"), gateway.processes_of("api")

    os.kill(first, signal.SIGKILL)
    still_greets = [await has_banner(gateway.port) for _ in range(5)]
    await gateway.wait_for_log("process_died")
    await gateway.wait_for_log("started", 7, timeout=30)

    now = gateway.processes_of("smtp")
    assert all(still_greets)
    assert second in now
    assert first not in now
    assert 2 == len(now)
    assert (sender, api) == (gateway.processes_of("sender"), gateway.processes_of("api"))
    _, told = await asyncio.to_thread(health, gateway.api_port)
    assert {"wanted": 2, "ready": 2, "restarts": 1} == told["roles"]["smtp"]  # type: ignore[index]


@pytest.mark.system
async def test_without_the_fork_server_all_goes_on_and_what_dies_is_started_again(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes={"smtp": {"workers": 2}}, roles=("smtp",))
    await started(gateway)
    first, second = gateway.processes_of("smtp")
    server = parent_of(first)

    os.kill(server, signal.SIGKILL)
    await gateway.wait_for_log("fork_server_gone")
    os.kill(first, signal.SIGKILL)
    await gateway.wait_for_log("process_died")
    greets = await has_banner(gateway.port)
    await gateway.wait_for_log("started", 3, timeout=30)
    [anew] = gateway.processes_of("smtp")  # The other's parent is the system now.
    others_role = role_of(second)
    is_supervisor = server == gateway.pid
    code = await gateway.stop()

    assert not is_supervisor
    assert greets
    assert anew not in (first, second)
    assert "smtp" == others_role
    # What was forked ends in order, too.
    assert (0, 2) == (code, len(gateway.log_lines("ended")))


@pytest.mark.system
async def test_K2_sigterm_ends_every_process_in_order(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=())
    await started(gateway)
    family = gateway.processes()
    roles = {role_of(pid) for pid in family} - {""}

    code = await gateway.stop()

    assert 0 == code
    assert {"smtp", "inbound", "sync", "sender", "api"} == roles
    assert not [pid for pid in family if role_of(pid)]


@pytest.mark.system
async def test_processes_end_by_themselves_when_the_supervisor_is_killed(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=())
    await started(gateway)
    children = gateway.processes()[1:]

    os.kill(gateway.pid, signal.SIGKILL)

    await wait_until(lambda: not any(map(role_of, children)), "the end of all children", 30)
    assert 5 == len(gateway.log_lines("ended"))


@pytest.mark.system
async def test_a_bad_config_is_refused_at_reload_and_the_old_one_stays(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("smtp", "api"))
    await started(gateway)
    before = gateway.processes()

    gateway.configure("[smtp]\nworkers = -1\n")
    gateway.reload()
    await gateway.wait_for_log("reload_refused")

    [refusal] = gateway.log_lines("reload_refused")
    assert "smtp.workers: must be at least 1" in refusal["reason"]
    assert before == gateway.processes()
    assert await has_banner(gateway.port)


@pytest.mark.system
async def test_a_reload_moves_listeners_and_changes_the_number_of_workers(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("smtp", "api"))
    await started(gateway)
    old_api, old_smtp, api = gateway.api_port, gateway.port, gateway.processes_of("api")

    listener = {"name": "crm", "bind": f"{LOOPBACK}:{free_port()}"}
    gateway.change({"smtp": {"workers": 2, "listeners": [listener]}})
    gateway.reload()
    await gateway.wait_for_log("reloaded", 2, timeout=40)

    assert await has_banner(gateway.port)
    assert not await has_banner(old_smtp)
    assert 2 == len(gateway.processes_of("smtp"))
    assert api == gateway.processes_of("api")
    assert await answers(old_api)


@pytest.mark.system
async def test_an_address_in_use_stops_a_reload_but_not_the_gateway(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("smtp",))
    await started(gateway)

    port, free = gateway.port, free_port()
    listeners = [
        {"name": "crm", "bind": f"{LOOPBACK}:{port}"},
        {"name": "free", "bind": f"{LOOPBACK}:{free}"},
        {"name": "taken", "bind": f"localhost:{sink.port}"},
    ]
    gateway.change({"smtp": {"listeners": listeners}})
    gateway.reload()
    await gateway.wait_for_log("reload_refused")

    assert await has_banner(port)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, free)


@pytest.mark.system
async def test_an_address_in_use_stops_the_start_with_a_line_that_says_so(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    listener = {"name": "crm", "bind": f"{LOOPBACK}:{sink.port}"}
    gateway = await start_gateway(
        sink.port, changes={"smtp": {"listeners": [listener]}}, is_started=False
    )

    done = await gateway.cli("run", "smtp")

    line = (
        f"gateway: can't listen at {LOOPBACK}:{sink.port}: another program listens there already: "
        f"give smtp.listeners[0].bind in {gateway.file} another address or port"
    )
    assert (1, line) == (done.returncode, done.stderr.strip().splitlines()[-1])


@pytest.mark.system
async def test_a_role_that_does_not_exist_is_wrong_use(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, is_started=False)

    done = await gateway.cli("run", "postman")

    assert 2 == done.returncode
    assert "no role is called postman (known: smtp, inbound, sync, sender, api)" in done.stderr


@pytest.mark.system
async def test_systemd_hears_of_ready_watchdog_and_stopping(
    start_gateway: StartGateway, sink: RawSink, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        gateway = await start_gateway(sink.port, roles=("smtp",), environment=environment)
        loop = asyncio.get_running_loop()
        heard = [await asyncio.wait_for(loop.sock_recv(channel, 100), 20) for _ in range(3)]
        await gateway.stop()
        while heard[-1] != b"STOPPING=1":
            heard.append(await asyncio.wait_for(loop.sock_recv(channel, 100), 20))

    assert [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"] == heard[:3]


@pytest.mark.system
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("UPDATE schema_version SET version = '9999'", "newer than this gateway"),
        ("UPDATE schema_version SET version = '0032'", "gateway db upgrade --new"),
        ("DROP TABLE deliveries", "it lacks the table deliveries"),
        ("ALTER TABLE messages DROP COLUMN rule", "it lacks the column messages.rule"),
        (None, "the store failed: file is not a database"),
    ],
)
async def test_K9_a_store_that_does_not_fit_is_refused_with_a_message(
    start_gateway: StartGateway, sink: RawSink, damage: str | None, complaint: str
) -> None:
    gateway = await start_gateway(sink.port, is_started=False)
    await gateway.do("messages", "list")
    file = gateway.folder / "gateway.db"
    if damage is None:
        file.write_bytes(b"This is no database." * 1000)
    else:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(damage)

    done = await gateway.cli("run", "smtp")

    assert 1 == done.returncode
    assert complaint in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


#: What some role or command has a use for: each process pays for it with memory, all the time.
LIBRARIES = {
    "aioimaplib",
    "aiosmtpd",
    "alembic",
    "dns",
    "fastapi",
    "gateway.cli",
    "httpx",
    "mailchimp_marketing",
    "mailparser",
    "pygments",
    "requests",
    "rich.console",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
    "typer",
    "uvicorn",
}


@pytest.mark.parametrize(
    ("role", "own"),
    [
        ("smtp", {"aiosmtpd"}),
        ("inbound", {"aioimaplib"}),  # the process that reads has mailparser
        ("sync", set[str]()),
        ("sender", set[str]()),
        ("api", {"fastapi", "uvicorn"}),
    ],
)
def test_a_role_loads_only_what_it_has_a_use_for(role: str, own: set[str]) -> None:
    program = (
        f"import sys, gateway.app.__main__, gateway.app.roles.{role}\n"
        "print(*(name for name, loaded in sys.modules.items() if loaded))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert own == LIBRARIES.intersection(done.stdout.split())


def test_what_processes_of_all_roles_share_is_loaded_before_they_are_forked() -> None:
    program = (
        "import sys\n"
        "from gateway.app.roles import role_process, run\n"
        "role_process.load_roles(run.ROLES)\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    shared = {"gateway.app.roles.sender", "gateway.app.roles.smtp", "sqlalchemy", "uvloop"}
    assert set() == shared - loaded
    # These two never meet in one process (README, "Licence").
    assert set() == loaded & {"aioimaplib", "mailchimp_marketing"}
    assert {"aiosmtpd"} == loaded & LIBRARIES


#: Forks two processes that tell what they were given, and waits for their ends.
_FORKS = """
import asyncio, json, os, signal, socket, sys
from gateway.supervisor.fork_server import ForkServer

def run(text):
    arguments = json.loads(text)
    if arguments["role"] == "waits":
        signal.pause()
    given = socket.socket(fileno=arguments["sockets"]["crm"][0])
    link = socket.socket(fileno=arguments["link"])
    places = [os.path.realpath(f"/proc/self/fd/{file}") for file in os.listdir("/proc/self/fd")]
    held = [place for place in places if "socket:" in place]
    words = open("/proc/self/cmdline").read().split("\\0")
    told = [given.getsockname()[1], os.getppid(), len(held), json.loads(words[1])]
    link.send(json.dumps(told).encode())
    return 7

async def main(server):
    listening = socket.create_server(("127.0.0.1", 0))
    ours, theirs = socket.socketpair()
    arguments = {"sockets": {"crm": [listening.fileno()]}, "others": {}, "link": theirs.fileno()}
    descriptors = [theirs.fileno(), listening.fileno()]
    tells = await server.start({**arguments, "role": "tells", "number": 1}, descriptors)
    waits = await server.start({**arguments, "role": "waits", "number": 2}, descriptors)
    code = await tells.wait()
    waits.send_signal(signal.SIGKILL)
    port, parent, held, shown = json.loads(ours.recv(1000))
    print(json.dumps({
        "same socket": port == listening.getsockname()[1],
        "own child": parent == os.getpid(),
        "held": held,
        "shown": shown,
        "codes": [code, await waits.wait()],
    }))

with ForkServer.started(run) as server:
    asyncio.run(main(server))
"""


def test_a_forked_process_has_its_arguments_and_its_sockets_and_no_others() -> None:
    command = [sys.executable, "-c", _FORKS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert "" == done.stderr
    assert {
        "same socket": True,
        "own child": False,
        "held": 2,
        "shown": {"role": "tells", "number": 1},
        "codes": [7, -signal.SIGKILL],
    } == json.loads(done.stdout)


#: Has a fork server that hears nothing.
_STOPPED = """
import multiprocessing, os, signal
from datetime import timedelta
from gateway.supervisor import fork_server

fork_server.ENDS_WITHIN = timedelta(seconds=0.1)
with fork_server.ForkServer.started(lambda text: 0):
    [process] = multiprocessing.active_children()
    os.kill(process.pid, signal.SIGSTOP)
print(process.exitcode)
"""


def test_a_fork_server_that_hears_nothing_keeps_nobody_from_ending() -> None:
    command = [sys.executable, "-c", _STOPPED]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    assert ("", f"{-signal.SIGKILL}\n") == (done.stderr, done.stdout)


@contextlib.asynccontextmanager
async def kept(worker: RoleProcess) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.keep())
    try:
        yield
    finally:
        worker.kill()
        await task


def worker(
    program: str, timing: Timing = QUICK, arguments: Mapping[str, Any] | None = None
) -> RoleProcess:
    return RoleProcess(
        Role(name="test"),
        1,
        command=[sys.executable, "-c", program],
        arguments=arguments if arguments is not None else {},
        config="first",
        sockets={},
        others={},
        timing=timing,
        changed=lambda: None,
        ended=lambda _: None,
    )


async def test_the_wait_before_a_restart_doubles_up_to_a_limit() -> None:
    failing = worker("raise SystemExit(3)")

    with structlog.testing.capture_logs() as lines:
        async with kept(failing):
            await wait_until(lambda: failing.restarts >= 4, "four restarts")

    deaths = [line for line in lines if line["event"] == "process_died"][:4]
    assert [0.01, 0.02, 0.04, 0.04] == [line["again_in"] for line in deaths]
    assert {3} == {line["code"] for line in deaths}


async def test_the_wait_is_short_again_after_a_healthy_life() -> None:
    timing = Timing(
        first_wait=timedelta(milliseconds=10),
        longest_wait=timedelta(seconds=1),
        healthy=timedelta(0),
    )
    failing = worker("raise SystemExit(3)", timing)

    with structlog.testing.capture_logs() as lines:
        async with kept(failing):
            await wait_until(lambda: failing.restarts >= 3, "three restarts")

    deaths = [line for line in lines if line["event"] == "process_died"][:3]
    assert [0.01, 0.01, 0.01] == [line["again_in"] for line in deaths]


async def test_a_process_started_again_is_given_what_is_known_by_then(tmp_path: Path) -> None:
    arguments = {"store": ""}
    told = tmp_path / "told"
    failing = worker(
        f"import sys; open({str(told)!r}, 'a').write(sys.argv[1] + '\\n'); sys.exit(3)",
        arguments=arguments,
    )

    async with kept(failing):
        await wait_until(lambda: failing.restarts >= 1, "a restart")
        arguments["store"] = "the one"
        await wait_until(lambda: '"store": "the one"' in told.read_text(), "a later restart")

    assert "" == json.loads(told.read_text().splitlines()[0])["store"]


#: A role that notes its configs; ends after the second, having given the answer it was told.
_CONFIGURED = """
import json, socket, sys
link = socket.socket(fileno=json.loads(sys.argv[1])["link"])
lines = link.makefile("rw")
with open({notes!r}, "a") as notes:
    notes.write(json.loads(lines.readline())["config"] + "\\n")
lines.write("ready\\n")
lines.flush()
lines.readline()
lines.write({answer!r})
"""


@pytest.mark.parametrize(
    ("answer", "then"), [("reloaded\n", "second"), ("refused\n", "first"), ("", "second")]
)
async def test_a_process_started_again_has_the_last_config_not_refused(
    tmp_path: Path, answer: str, then: str
) -> None:
    notes = tmp_path / "notes"
    role = worker(_CONFIGURED.format(notes=str(notes), answer=answer))

    async with kept(role):
        await asyncio.wait_for(role.ready.wait(), 30)
        role.reload("second")
        await wait_until(lambda: role.restarts >= 1, "a restart")
        await asyncio.wait_for(role.ready.wait(), 30)

    assert ["first", then] == notes.read_text().split()


async def test_a_config_that_comes_while_no_process_runs_is_the_next_ones(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    role = worker(_CONFIGURED.format(notes=str(notes), answer=""))
    role.reload("second")

    async with kept(role):
        await asyncio.wait_for(role.ready.wait(), 30)

    assert ["second"] == notes.read_text().split()


#: A role that can't start under the second config, nor answers when it is offered.
_FAILING = """
import json, socket, sys
link = socket.socket(fileno=json.loads(sys.argv[1])["link"])
lines = link.makefile("rw")
config = json.loads(lines.readline())["config"]
with open({notes!r}, "a") as notes:
    notes.write(config + "\\n")
if config == "second":
    sys.exit(3)
lines.write("ready\\n")
lines.flush()
lines.readline()
"""


async def test_a_config_that_no_process_can_start_under_is_tried_once(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    role = worker(_FAILING.format(notes=str(notes)))

    with structlog.testing.capture_logs() as lines:
        async with kept(role):
            await asyncio.wait_for(role.ready.wait(), 30)
            role.reload("second")
            await wait_until(lambda: role.restarts >= 2, "two restarts")
            await asyncio.wait_for(role.ready.wait(), 30)

    refusals = [line["reason"] for line in lines if line["event"] == "reload_refused"]
    assert ["first", "second", "first"] == notes.read_text().split()
    assert ["test: doesn't start under the new config, and goes by the one before"] == refusals


async def test_a_stopped_worker_is_not_started_again() -> None:
    waiting = worker("import sys; sys.stdin.read(); import time; time.sleep(60)")

    async with kept(waiting):
        await wait_until(lambda: waiting._process is not None, "a process")
        waiting.stop()
        await asyncio.wait_for(waiting.gone.wait(), 10)

    assert 0 == waiting.restarts


#: A role: says that it is ready, `mute` doesn't; ends with the supervisor.
_ROLE = """
import json, socket, sys
arguments = json.loads(sys.argv[1])
link = socket.socket(fileno=arguments["link"])
if arguments["role"] != "mute":
    link.send(b"ready\\n")
while link.recv(1000):
    pass
"""


@pytest.mark.parametrize(("first", "ready", "turn"), [("smtp", 2, 60), ("mute", 0, 0.2)])
async def test_the_first_role_starts_alone_but_does_not_keep_the_others_waiting_for_ever(
    first: str, ready: int, turn: float
) -> None:
    roles = [Role(name=first, processes=2), Role(name="sync"), Role(name="api")]
    config = RunConfig(roles=roles)
    supervisor = Supervisor(
        config,
        command=[sys.executable, "-c", _ROLE],
        arguments={},
        reread=lambda: config,
        timing=Timing(first_turn=timedelta(seconds=turn)),
    )

    with structlog.testing.capture_logs() as lines:
        running = asyncio.create_task(supervisor.run())
        await wait_until(lambda: "sync" in {line.get("process") for line in lines}, "the second")
        of_first = supervisor.status()[first]["ready"]
        await wait_until(lambda: "api" in {line.get("process") for line in lines}, "the last one")
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 30)

    started = [line["process"] for line in lines if line["event"] == "process_started"]
    assert [first, first, "sync", "api"] == started
    assert ready == of_first


async def test_whether_others_listen_is_seen_without_letting_a_client_in() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        used = (LOOPBACK, taken.getsockname()[1])
        with pytest.raises(CantListen, match="another program listens there already"):
            list(bound_sockets(used, shared=False))
    place = (LOOPBACK, free_port())

    for alone in bound_sockets(place, shared=False):
        with alone, pytest.raises(ConnectionRefusedError):
            socket.create_connection(place, timeout=5)


@pytest.mark.system
async def test_a_wording_that_is_wrong_stops_the_start(
    start_gateway: StartGateway, sink: RawSink, tmp_path: Path
) -> None:
    notes = tmp_path / "templates" / "notes"
    notes.mkdir(parents=True)
    notes.joinpath("nl.txt").write_text("[hello]\n", encoding="utf-8")
    changes = {"templates": {"folder": str(tmp_path / "templates")}}
    gateway = await start_gateway(sink.port, changes=changes, is_started=False)

    done = await gateway.cli("run", "smtp")

    assert 1 == done.returncode
    assert f"{notes}/nl.txt:1: unknown section [hello]" in done.stderr.strip().splitlines()[-1]
