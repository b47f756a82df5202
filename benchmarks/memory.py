"""The growth of the gateway's memory: idle connections, and one large message."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from benchmarks import gateway_peer
from benchmarks.client import LINE, Client
from benchmarks.peers import Peer
from benchmarks.processes import (
    START_LIMIT,
    BenchmarkError,
    process_text,
    process_tree,
    wait_until,
)

IDLE = 1_000
SETTLED = 10.0  #: Seconds in which every role has done its first round.
CHUNK = LINE * 800
LARGE = 100_000_000
WARM_UP = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Octets, for all processes of a peer together."""

    name: str
    all_roles: int  #: Proportional set size of all roles, some seconds after the start.
    at_rest: int  #: The same of the `smtp` role alone, after some mail.
    per_connection: int
    large_message: int  #: Peak resident set size during the message, minus that before it.


def measure(peer: Peer, directory: Path) -> Memory:
    """Measure a peer that has already received mail, and all roles of a gateway of their own."""
    all_roles = _all_roles_at_rest(directory / "all-roles", peer.port)
    _send(peer, WARM_UP)
    at_rest = proportional(peer.pid)
    with ExitStack() as idle:
        for _ in range(IDLE):
            idle.enter_context(Client(peer.port))
        per_connection = (proportional(peer.pid) - at_rest) // IDLE
    return Memory(
        name=peer.name,
        all_roles=all_roles,
        at_rest=at_rest,
        per_connection=per_connection,
        large_message=_growth_during_a_large_message(peer),
    )


def _all_roles_at_rest(root: Path, relay: int) -> int:
    port = gateway_peer.prepare(root, relay=relay, suppressed=["nobody@example.org"])
    with gateway_peer.serving(root, port, roles=()) as pid:
        if not wait_until(lambda: gateway_peer.is_ready(root), START_LIMIT):
            raise BenchmarkError(f"not all roles are ready: {root}/gateway.log")
        time.sleep(SETTLED)
        return proportional(pid)


def _growth_during_a_large_message(peer: Peer) -> int:
    before = {pid: _peak_from_now(pid) for pid in process_tree(peer.pid)}
    _send(peer, LARGE)
    grown = (status(pid, "VmHWM") - before.get(pid, 0) for pid in process_tree(peer.pid))
    return sum(grown)


def _send(peer: Peer, size: int) -> None:
    with Client(peer.port) as client:
        client.send(repeat(CHUNK, size // len(CHUNK)))


def _peak_from_now(pid: int) -> int:
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # restart peak measurement
    return status(pid, "VmRSS")


def status(pid: int, field: str) -> int:
    """Return a field of a process in octets, such as `VmHWM`; 0 if the process has ended."""
    return _kilobytes(Path(f"/proc/{pid}/status"), field)


def proportional(pid: int) -> int:
    """Return the proportional set size of a process and all its descendants in octets."""
    return sum(_kilobytes(Path(f"/proc/{each}/smaps_rollup"), "Pss") for each in process_tree(pid))


def _kilobytes(file: Path, field: str) -> int:
    lines = process_text(file).splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
