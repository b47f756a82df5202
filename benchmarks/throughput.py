"""Messages per second in every cell, round by round, every peer in each round."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.cells import Cell
from benchmarks.load import send
from benchmarks.peers import Peer
from benchmarks.processes import BenchmarkError, Cpu, cpu_used, wait_until

WARM_UP = 0.3  #: Seconds.
SETTLE_LIMIT = 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One peer in one cell and one round."""

    rate: float  #: Messages per second.
    cpu: Cpu  #: The peer's own cost of a message.


@dataclass(frozen=True, slots=True)
class Measured:
    """One cell: the samples of each peer, by round."""

    cell: Cell
    samples: dict[str, list[Sample]]

    def rate(self, peer: str) -> float:
        """Return the median messages per second."""
        return statistics.median(sample.rate for sample in self.samples[peer])

    def cpu(self, peer: str) -> float:
        """Return the median processor seconds per message."""
        return statistics.median(sample.cpu.total for sample in self.samples[peer])

    def system_share(self, peer: str) -> float:
        """Return the system's share of the processor time: sockets and disk."""
        used = [sample.cpu for sample in self.samples[peer]]
        return sum(cpu.system for cpu in used) / (sum(cpu.total for cpu in used) or 1.0)

    def ratio(self, peer: str, other: str) -> float:
        """Return the median over the rounds of one peer's rate relative to another's."""
        pairs = zip(self.samples[peer], self.samples[other], strict=True)
        return statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)


def measure(
    peers: Sequence[Peer],
    cell: Cell,
    *,
    rounds: int,
    seconds: float,
    step: Callable[[str], None],
) -> Measured:
    """Measure all peers in one cell; a sample takes about `seconds`.

    Raises `BenchmarkError` if the count of a sink or the journal differs from what was sent.
    """
    amounts = {peer.name: _amount(peer, cell, seconds) for peer in peers}
    samples: dict[str, list[Sample]] = {peer.name: [] for peer in peers}
    for turn in range(rounds):
        first = turn % len(peers)
        for peer in (*peers[first:], *peers[:first]):
            samples[peer.name].append(_sample(peer, cell, amounts[peer.name]))
            step(cell.name)
    return Measured(cell, samples)


def _amount(peer: Peer, cell: Cell, seconds: float) -> int:
    trial = _sample(peer, cell, cell.clients)
    warm_up = round(trial.rate * WARM_UP)
    if warm_up > cell.clients:
        trial = _sample(peer, cell, warm_up)
    return max(cell.clients, round(trial.rate * seconds))


def _sample(peer: Peer, cell: Cell, messages: int) -> Sample:
    expected = {where: count() + messages for where, count in peer.counts.items()}
    before = cpu_used(peer.pid)
    seconds = send(cell, port=peer.port, messages=messages)
    cpu = cpu_used(peer.pid).since(before, share=messages)
    for where, count in peer.counts.items():
        _compare(f"{peer.name}, {cell.name}: the {where}", count, expected[where])
    return Sample(messages / seconds, cpu)


def _compare(subject: str, count: Callable[[], int], expected: int) -> None:
    if not wait_until(lambda: count() == expected, SETTLE_LIMIT):
        raise BenchmarkError(f"{subject} counts {count()}, expected {expected}")
