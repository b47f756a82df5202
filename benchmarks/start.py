"""What the first messages after a start cost against later ones."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import gateway_peer, postfix
from benchmarks.cells import Cell
from benchmarks.client import Client
from benchmarks.latency import CONTENT
from benchmarks.load import send, sink
from benchmarks.peers import suppressed_addresses
from benchmarks.processes import Cpu, cpu_used

CELL = Cell(5_000, kept=False, clients=10, one_recipient=True)
MESSAGES = 2_000  #: Of one sample.
SAMPLES = 3  #: One after the other after a start; the last one counts as the steady rate.
ROUNDS = 5
PEERS = frozenset(("gateway", "postfix"))  #: Those that are started anew.

Serve = Callable[[], AbstractContextManager[int]]


@dataclass(frozen=True, slots=True)
class _Started:
    """What was measured after one start."""

    first_mail: float  #: Seconds from MAIL to the last reply.
    rates: tuple[float, ...]  #: Messages per second of each sample.
    cpu: tuple[Cpu, ...]  #: What a message of each sample cost.


@dataclass(frozen=True, slots=True)
class Start:
    """One peer, started several times."""

    name: str
    rounds: tuple[_Started, ...]

    @property
    def first_mail(self) -> float:
        """Return the median of seconds the first mail of all took, once the peer had greeted."""
        return statistics.median(each.first_mail for each in self.rounds)

    def rate(self, sample: int) -> float:
        """Return the median of messages per second in one of the samples."""
        return statistics.median(each.rates[sample] for each in self.rounds)

    def cpu(self, sample: int) -> float:
        """Return the median of processor seconds per message in one of the samples."""
        return statistics.median(each.cpu[sample].total for each in self.rounds)

    @property
    def first_to_last(self) -> float:
        """Return the median over the starts of the first sample's rate over the last one's."""
        return statistics.median(each.rates[0] / each.rates[-1] for each in self.rounds)

    def ratio(self, other: "Start", sample: int) -> float:
        """Return the median over the rounds of one peer's rate over another's."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(one.rates[sample] / two.rates[sample] for one, two in pairs)


def measure(
    names: Sequence[str], directory: Path, *, rounds: int, step: Callable[[str], None]
) -> tuple[Start, ...]:
    """Start the gateway and Postfix in turn, as far as `names` has them."""
    root = directory / "start"
    with sink(root / "sink") as relay:
        peers = {
            name: (port, serve)
            for name, port, serve in _prepared(root, relay.port)
            if name in names
        }
        measured: dict[str, list[_Started]] = {name: [] for name in peers}
        for _ in range(rounds):
            for name, (port, serve) in peers.items():
                measured[name].append(_started(port, serve))
                step("start")
    return tuple(Start(name, tuple(each)) for name, each in measured.items())


def _prepared(root: Path, relay: int) -> Iterator[tuple[str, int, Serve]]:
    addresses = suppressed_addresses()
    port = gateway_peer.prepare(root / "gateway", relay=relay, suppressed=addresses)
    yield "gateway", port, partial(gateway_peer.serving, root / "gateway", port)
    port = postfix.prepare(root / "postfix", relay=relay, refused=addresses)
    yield "postfix", port, partial(postfix.serving, root / "postfix", port)


def _started(port: int, serve: Serve) -> _Started:
    rates: list[float] = []
    cpu: list[Cpu] = []
    with serve() as pid:
        with Client(port) as client:
            began = time.perf_counter()
            client.send([CONTENT])
            first_mail = time.perf_counter() - began
        for _ in range(SAMPLES):
            before = cpu_used(pid)
            rates.append(MESSAGES / send(CELL, port=port, messages=MESSAGES))
            cpu.append(cpu_used(pid).since(before, share=MESSAGES))
    return _Started(first_mail, tuple(rates), tuple(cpu))
