"""The cost of the first messages after a start, compared with later ones."""

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
MESSAGES = 2_000  #: Per sample.
SAMPLES = 3  #: Consecutive samples after a start; the last one is the steady rate.
ROUNDS = 5
PEERS = frozenset(("gateway", "postfix"))  #: Peers that are restarted.

Serve = Callable[[], AbstractContextManager[int]]


@dataclass(frozen=True, slots=True)
class _Started:
    """The measurements after one start."""

    first_mail: float  #: Seconds from MAIL to the last reply.
    rates: tuple[float, ...]  #: Messages per second of each sample.
    cpu: tuple[Cpu, ...]  #: Cost of a message in each sample.


@dataclass(frozen=True, slots=True)
class Start:
    """A peer, started several times."""

    name: str
    rounds: tuple[_Started, ...]

    @property
    def first_mail(self) -> float:
        """Return the median time of the very first mail after the peer's greeting, in seconds."""
        return statistics.median(each.first_mail for each in self.rounds)

    def rate(self, sample: int) -> float:
        """Return the median messages per second in one of the samples."""
        return statistics.median(each.rates[sample] for each in self.rounds)

    def cpu(self, sample: int) -> float:
        """Return the median processor seconds per message in one of the samples."""
        return statistics.median(each.cpu[sample].total for each in self.rounds)

    @property
    def first_to_last(self) -> float:
        """Return the first sample's rate relative to the last one's, as the starts' median."""
        return statistics.median(each.rates[0] / each.rates[-1] for each in self.rounds)

    def ratio(self, other: "Start", sample: int) -> float:
        """Return the median over the rounds of one peer's rate relative to another's."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(one.rates[sample] / two.rates[sample] for one, two in pairs)


def measure(
    names: Sequence[str], directory: Path, *, rounds: int, step: Callable[[str], None]
) -> tuple[Start, ...]:
    """Start the gateway and Postfix alternately, if they are among `names`."""
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
