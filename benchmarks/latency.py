"""The time of a message from MAIL to the last 250, for one client on a kept connection."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.client import LINE, Client
from benchmarks.peers import Peer

SIZE = 5_000
PER_ROUND = 100
CONTENT = LINE * (SIZE // len(LINE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds per message."""

    name: str
    median: float
    slow: float  #: The 99th percentile.


def measure(
    peers: Sequence[Peer], *, rounds: int, step: Callable[[str], None]
) -> tuple[Latency, ...]:
    """Measure all peers side by side, round by round."""
    taken: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            taken[peer.name] += _one_round(peer)
            step("latency")
    return tuple(_summary(name, seconds) for name, seconds in taken.items())


def _one_round(peer: Peer) -> list[float]:
    with Client(peer.port) as client:
        _timed(client)
        return [_timed(client) for _ in range(PER_ROUND)]


def _timed(client: Client) -> float:
    start = time.perf_counter()
    client.send([CONTENT])
    return time.perf_counter() - start


def _summary(name: str, seconds: list[float]) -> Latency:
    slow = statistics.quantiles(seconds, n=100)[-1]
    return Latency(name=name, median=statistics.median(seconds), slow=slow)
