"""The growth of the gateway's memory: idle connections, and one large message."""

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from benchmarks.client import LINE, Client
from benchmarks.peers import Peer
from benchmarks.processes import process_text, process_tree

IDLE = 1_000
CHUNK = LINE * 800
LARGE = 100_000_000
WARM_UP = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Octets, for all processes of a peer together."""

    name: str
    at_rest: int  #: Proportional set size after some mail.
    per_connection: int
    large_message: int  #: Peak resident set size during the message, minus that before it.


def measure(peer: Peer) -> Memory:
    """Measure a peer that has already received mail."""
    _send(peer, WARM_UP)
    at_rest = proportional(peer.pid)
    with ExitStack() as idle:
        for _ in range(IDLE):
            idle.enter_context(Client(peer.port))
        per_connection = (proportional(peer.pid) - at_rest) // IDLE
    return Memory(
        name=peer.name,
        at_rest=at_rest,
        per_connection=per_connection,
        large_message=_growth_during_a_large_message(peer),
    )


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
