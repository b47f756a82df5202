"""The config that processes go by: the one that was accepted, whatever the file says by then."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import pytest

from tests.conftest import StartGateway
from tests.rig.client import RawClient
from tests.rig.gateway import GatewayProcess
from tests.rig.process import LOOPBACK, free_port, has_banner, wait_until
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

ROLES = ("smtp", "inbound", "sync", "sender", "api")
ACCEPTED, EDITED = 2_000_000, 1_000_000


def sized(octets: int, **smtp: Any) -> dict[str, Any]:
    """Return changes that a client's EHLO shows."""
    return {"smtp": {"max_message_size": octets, **smtp}}


async def most_octets(gateway: GatewayProcess) -> int:
    """Return the size of messages that the first listener offers."""
    async with await RawClient.connect(gateway.port) as client:
        [size] = [line for line in (await client.ehlo()).lines if b"SIZE" in line]
    return int(size.split()[1])


def reloads(gateway: GatewayProcess) -> int:
    """Return how many reloads the supervisor has reported."""
    return sum(line["part"] == "supervisor" for line in gateway.log_lines("reloaded"))


def edit(gateway: GatewayProcess, taken: int) -> None:
    gateway.file.write_text(gateway.file.read_text().replace(str(ACCEPTED), str(EDITED)))


def spoil(gateway: GatewayProcess, taken: int) -> None:
    gateway.file.write_text("no toml at all")


def remove(gateway: GatewayProcess, taken: int) -> None:
    gateway.file.unlink()


def move(gateway: GatewayProcess, taken: int) -> None:
    """Move the listener to an address in use, and open it to everybody."""
    here, there = f"{LOOPBACK}:{gateway.port}", f"localhost:{taken}"
    gateway.file.write_text(gateway.file.read_text().replace(here, there))
    edit(gateway, taken)


@pytest.mark.parametrize(
    ("change", "is_reloaded", "roles"),
    [
        (edit, False, ROLES),
        (edit, True, ROLES),
        (spoil, True, ("smtp", "inbound")),
        (remove, False, ("smtp", "api")),
        (move, True, ("smtp", "sender")),
    ],
)
async def test_processes_started_again_go_by_the_config_in_force(
    start_gateway: StartGateway,
    sink: RawSink,
    change: Callable[[GatewayProcess, int], None],
    is_reloaded: bool,
    roles: Sequence[str],
) -> None:
    gateway = await start_gateway(sink.port, changes=sized(ACCEPTED), roles=roles)
    await gateway.wait_for_log("ready")
    accepted = gateway.file.read_text()
    before = {role: gateway.processes_of(role) for role in roles}

    change(gateway, sink.port)
    is_taken_up = is_reloaded and change is edit
    if is_reloaded:
        gateway.reload()
        await gateway.wait_for_log("reloaded" if is_taken_up else "reload_refused")
    for [pid] in before.values():
        os.kill(pid, signal.SIGKILL)
    await gateway.wait_for_log("started", 2 * len(roles))
    after = {role: gateway.processes_of(role) for role in roles}
    offered = await most_octets(gateway)
    gateway.file.write_text(accepted.replace(str(ACCEPTED), "3000000"))
    done = len(gateway.log_lines("reloaded"))
    gateway.reload()
    await gateway.wait_for_log("reloaded", done + 1 + len(roles))  # of each, and the supervisor's

    assert [1] * len(roles) == [len(pids) for pids in after.values()]
    assert not [role for role in roles if before[role] == after[role]]
    assert [] == gateway.log_lines("failed")
    assert (EDITED if is_taken_up else ACCEPTED) == offered
    assert 3_000_000 == await most_octets(gateway)


async def test_the_supervisor_says_reloaded_once_all_go_by_the_config(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes=sized(ACCEPTED), roles=("smtp", "api"))
    await gateway.wait_for_log("ready")
    [worker] = gateway.processes_of("smtp")

    gateway.change(sized(EDITED))
    os.kill(worker, signal.SIGSTOP)
    gateway.reload()
    await gateway.wait_for_log("reloaded")  # by the other role
    before = reloads(gateway)
    os.kill(worker, signal.SIGCONT)
    await wait_until(lambda: reloads(gateway) == 1, "the supervisor's word")

    assert 0 == before
    assert EDITED == await most_octets(gateway)


async def test_only_the_supervisor_reads_the_file_again(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes=sized(ACCEPTED), roles=("smtp",))
    await gateway.wait_for_log("ready")
    [worker] = gateway.processes_of("smtp")

    edit(gateway, sink.port)
    for pid in gateway.processes()[1:]:  # as at the end of a terminal, to the whole group
        os.kill(pid, signal.SIGHUP)
    offered = await most_octets(gateway)
    await gateway.do("messages", "list")

    assert ACCEPTED == offered
    assert [worker] == gateway.processes_of("smtp")
    assert [] == gateway.log_lines("reloaded") + gateway.log_lines("fork_server_gone")


BURSTS = {"rules": [{"name": "many", "burst": {"recipients": 3, "within": "1m"}, "kind": "bulk"}]}


def as_importer(gateway: GatewayProcess) -> dict[str, Any]:
    """Return changes by which the listener takes in replies."""
    [listener] = gateway.config["smtp"]["listeners"]
    return {"smtp": {"listeners": [{**listener, "purpose": "import"}]}}


#: By what is changed (nothing: the listener's purpose): the roles that have other processes then.
TAKEN_OVER: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    (sized(EDITED), ()),
    (BURSTS, ("smtp",)),
    ({"inbound": {"max_size": "1MB"}}, ("smtp",)),
    ({"keys": {"file": "other.keys"}}, ("smtp",)),
    ({}, ("smtp",)),
    ({"store": {"outage": "elsewhere"}}, ROLES),
)


async def test_new_processes_take_over_where_running_ones_cannot_change(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=())
    await gateway.wait_for_log("ready")

    for changes, changed in TAKEN_OVER:
        before = {role: gateway.processes_of(role) for role in ROLES}
        done = len(gateway.log_lines("reloaded"))
        gateway.change(changes or as_importer(gateway))
        gateway.reload()
        told = 1 + len(ROLES) - len(changed)
        await gateway.wait_for_log("reloaded", done + told)

        after = {role: gateway.processes_of(role) for role in ROLES}
        assert set(changed) == {role for role in ROLES if before[role] != after[role]}, changes
        assert [1] * len(ROLES) == [len(pids) for pids in after.values()], changes
        assert await has_banner(gateway.port), changes


def spoil_users(gateway: GatewayProcess) -> None:
    """Name a users file in another encoding."""
    users = gateway.folder / "users"
    users.write_bytes(b"# \xe9\n")
    [listener] = gateway.config["smtp"]["listeners"]
    gateway.change({"smtp": {"listeners": [{**listener, "users": str(users)}]}})


def name_a_long_file(gateway: GatewayProcess) -> None:
    """Name a file whose name no file can have."""
    gateway.change({"relays": [{**gateway.config["relays"][0], "ca": "x" * 300}]})


def spoil_webhook(gateway: GatewayProcess) -> None:
    """Name an authority for a webhook that is none: only the sender reads it."""
    authority = gateway.folder / "ca.pem"
    authority.write_text("none")
    hook = {
        "url": "https://crm.example/hook",
        "secret": "s" * 32,
        "events": ["message.send_failed"],
        "ca": str(authority),
    }
    gateway.change({"webhooks": [hook]})


def spoil_wording(gateway: GatewayProcess, name: str) -> None:
    """Write a wording of one's own that has no subject."""
    file = gateway.folder / "templates" / name / "nl.txt"
    file.parent.mkdir(parents=True)
    file.write_text("Dag\n")
    gateway.change({"templates": {"folder": str(gateway.folder / "templates")}})


def name_a_mailbox(gateway: GatewayProcess, tls: str) -> None:
    """Name a mailbox and an authority for it that is none, which counts with TLS only."""
    authority = gateway.folder / "ca.pem"
    authority.write_text("none")
    mailbox = {"name": "replies", "host": LOOPBACK, "port": 1, "tls": tls, "ca": str(authority)}
    login = {"username": "replies", "password": "s3cret"}
    gateway.change({"inbound": {"mailboxes": [mailbox | login]}})


#: By what makes a file unusable: what the refusal says.
UNUSABLE: tuple[tuple[Callable[[GatewayProcess], None], str], ...] = (
    (spoil_users, "users: not UTF-8 text"),
    (name_a_long_file, "File name too long"),
    (spoil_webhook, "webhook to crm.example: its authorities: "),
    (partial(spoil_wording, name="reply_imported"), "reply_imported/nl.txt: the first line"),
    (partial(spoil_wording, name="trigger_report"), "trigger_report/nl.txt: the first line"),
    (partial(name_a_mailbox, tls="implicit"), "mailbox replies: its ca: "),
)


async def test_a_file_that_cannot_be_used_refuses_the_reload_for_all(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes=sized(ACCEPTED), roles=())
    await gateway.wait_for_log("ready")
    before = gateway.processes()
    accepted = deepcopy(gateway.config)

    for nth, (spoil_file, reason) in enumerate(UNUSABLE, 1):
        spoil_file(gateway)
        gateway.change(sized(EDITED))
        gateway.reload()
        await gateway.wait_for_log("reload_refused", nth)

        refusal = gateway.log_lines("reload_refused")[-1]
        assert reason in refusal["reason"]
        assert "exception" not in refusal
        assert before == gateway.processes()
        assert ACCEPTED == await most_octets(gateway)
        shutil.rmtree(gateway.folder / "templates", ignore_errors=True)
        gateway.configure(deepcopy(accepted))


async def test_a_file_that_nothing_reads_refuses_no_reload(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes=sized(ACCEPTED), roles=("smtp", "inbound"))
    await gateway.wait_for_log("ready")

    name_a_mailbox(gateway, tls="none")
    gateway.change(sized(EDITED))
    gateway.reload()
    await gateway.wait_for_log("reloaded", 3)

    assert EDITED == await most_octets(gateway)


async def test_no_reload_begins_once_the_gateway_stops(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=())
    await gateway.wait_for_log("ready")
    async with await RawClient.connect(gateway.port) as client:
        await client.ehlo()
        await client.command(b"MAIL FROM:<a@crm.example>")  # An open transaction has 5 s.
        stopping = asyncio.create_task(gateway.stop())
        await gateway.wait_for_log("ended", len(ROLES) - 1)
        gateway.change({"store": {"outage": "elsewhere"}})
        gateway.reload()
        code = await stopping

    assert 0 == code
    assert len(ROLES) == len(gateway.log_lines("started"))


async def test_the_gateway_is_ready_though_new_processes_took_over_from_one_that_never_was(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=(), is_started=False)
    key = gateway.folder / "dkim.pem"
    key.write_text("no key")
    domain = {"domain": "crm.example", "selector": "s", "key_file": str(key)}
    gateway.change({"dkim": [domain]})
    await gateway.start()
    await gateway.wait_for_log("failed")
    before = gateway.log_lines("ready")

    gateway.change({"dkim": [], "store": {"outage": "elsewhere"}})
    gateway.reload()
    await gateway.wait_for_log("ready")

    assert [] == before


async def test_another_store_takes_a_restart(start_gateway: StartGateway, sink: RawSink) -> None:
    gateway = await start_gateway(sink.port, roles=("smtp",))
    await gateway.wait_for_log("ready")

    gateway.change({"store": {"url": "sqlite:///other.db"}, **sized(EDITED)})
    gateway.reload()
    await gateway.wait_for_log("reload_refused")

    [refusal] = gateway.log_lines("reload_refused")
    assert refusal["reason"].endswith("store.url: takes a restart: stop the gateway for it")
    assert EDITED != await most_octets(gateway)
    assert not (gateway.folder / "other.db").exists()


async def test_a_reload_of_a_moved_listener_is_served_by_processes_started_again(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("smtp",))
    await gateway.wait_for_log("ready")

    gateway.change({"smtp": {"listeners": [{"name": "crm", "bind": f"{LOOPBACK}:{free_port()}"}]}})
    gateway.reload()
    await gateway.wait_for_log("reloaded")
    os.kill(gateway.processes_of("smtp")[0], signal.SIGKILL)
    await gateway.wait_for_log("started", 3)

    assert await has_banner(gateway.port)
