"""Whether `gateway check` sees that another program listens where the gateway is to."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.app.checks import check_ports
from gateway.app.checks.check_ports import listening_at, processes_with
from gateway.app.checks.findings import Level
from gateway.config import load
from tests.conftest import StartGateway
from tests.rig.process import LOOPBACK, free_port
from tests.rig.sink import RawSink

LISTEN = """
import socket, sys
with socket.create_server((sys.argv[1], 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_program(host: str) -> Iterator[tuple[int, int]]:
    """Run another program that listens; yield its process id and port."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN, host], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        yield program.pid, int(program.stdout.readline())
        program.communicate()


@pytest.mark.parametrize(
    ("theirs", "ours", "is_taken"),
    [
        (LOOPBACK, LOOPBACK, True),
        (LOOPBACK, "localhost", True),
        (LOOPBACK, "0.0.0.0", True),
        ("0.0.0.0", LOOPBACK, True),
        (LOOPBACK, "127.0.0.2", False),
        (LOOPBACK, "::1", False),
        ("localhost", "no-such-host.invalid", False),
    ],
)
def test_who_listens_at_an_address_is_seen(theirs: str, ours: str, is_taken: bool) -> None:
    with another_program(theirs) as (pid, port):
        inodes = listening_at(ours, port)
        holders = processes_with(inodes)

    assert ([pid] if is_taken else []) == holders
    assert set() == listening_at(theirs, port)


def test_what_only_connects_is_in_nobodys_way() -> None:
    with (
        another_program(LOOPBACK) as (_, port),
        socket.create_connection((LOOPBACK, port)) as connection,
    ):
        assert set() == listening_at(LOOPBACK, connection.getsockname()[1])


def test_whose_program_another_users_is_can_not_be_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(check_ports, "processes_with", lambda _inodes: [])
    file = tmp_path / "gateway.toml"
    with another_program(LOOPBACK) as (_, port):
        file.write_text(f'[api]\nbind = "{LOOPBACK}:{port}"\n')
        [finding] = [one for one in check_ports.ports(load(file, {})) if one.what == "api"]

    assert Level.WARNING is finding.level
    assert "if it isn't this gateway: stop it, or give api.bind another" in finding.text


@pytest.mark.system
async def test_gateway_check_names_the_program_and_the_key(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("smtp", "api"))
    await gateway.wait_for_log("ready")
    while_running = await gateway.do("check", "--offline", "--json")
    with another_program(LOOPBACK) as (pid, port):
        listeners = [
            *gateway.config["smtp"]["listeners"],
            {"name": "x", "bind": f"{LOOPBACK}:{port}"},
        ]
        gateway.change(
            {"smtp": {"listeners": listeners}, "api": {"bind": f"{LOOPBACK}:{free_port()}"}}
        )
        done = await gateway.cli("check", "--offline", "--json")

    assert "listens there already" not in while_running
    assert 1 == done.returncode
    assert (
        f"(process {pid}) listens there already: stop it, or give smtp.listeners[1].bind"
        in done.stdout
    )
