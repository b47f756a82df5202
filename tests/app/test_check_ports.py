"""Whether `gateway check` sees that another program listens where the gateway is to."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.app.checks.check_ports import others_listening
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
        others = list(others_listening(ours, port))

    assert ([pid] if is_taken else []) == others
    assert [] == list(others_listening(theirs, port))


def test_what_only_connects_or_is_the_gateways_own_is_in_nobodys_way() -> None:
    with socket.create_server((LOOPBACK, 0)) as own:
        assert [] == list(others_listening(LOOPBACK, own.getsockname()[1]))
    with (
        another_program(LOOPBACK) as (_, port),
        socket.create_connection((LOOPBACK, port)) as connection,
    ):
        assert [] == list(others_listening(LOOPBACK, connection.getsockname()[1]))


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
