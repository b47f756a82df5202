"""The peers measured: the gateway, Postfix, aiosmtpd's own proxy, and no proxy at all."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.gateway_peer import COMMAND, gateway
from benchmarks.load import sink
from benchmarks.postfix import postfix
from benchmarks.processes import free_port, running

SUPPRESSED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server that mail is sent to, and counters of the mail it passed on."""

    name: str
    port: int
    pid: int  #: The ancestor of all processes of this peer.
    counts: Mapping[str, Callable[[], int]]  #: Must have grown by the number of messages sent.


def _no_proxy(root: Path, _suppressed: Sequence[str]) -> Iterator[Peer]:
    with sink(root / "sink") as relay:
        yield Peer(name="direct", port=relay.port, pid=relay.pid, counts={"sink": relay.count})


def _stock(root: Path, _suppressed: Sequence[str]) -> Iterator[Peer]:
    with sink(root / "sink") as relay:
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.stock_proxy", str(port), str(relay.port)]
        with running(command, log=root / "proxy.log", port=port) as process:
            yield Peer(name="aiosmtpd", port=port, pid=process.pid, counts={"sink": relay.count})


def _postfix(root: Path, suppressed: Sequence[str]) -> Iterator[Peer]:
    with sink(root / "sink") as relay:
        started = postfix(root / "postfix", relay=relay.port, refused=suppressed)
        with started as (port, pid):
            yield Peer(name="postfix", port=port, pid=pid, counts={"sink": relay.count})


def _gateway(
    root: Path, suppressed: Sequence[str], *, name: str = "gateway", command: Path = COMMAND
) -> Iterator[Peer]:
    with sink(root / "sink") as relay:
        started = gateway(
            root / "gateway", relay=relay.port, suppressed=suppressed, command=command
        )
        with started as (port, pid, relayed):
            counts = {"sink": relay.count, "journal": relayed}
            yield Peer(name=name, port=port, pid=pid, counts=counts)


Start = Callable[[Path, Sequence[str]], AbstractContextManager[Peer]]
PEERS: dict[str, Start] = {
    "gateway": contextmanager(_gateway),
    "postfix": contextmanager(_postfix),
    "aiosmtpd": contextmanager(_stock),
    "direct": contextmanager(_no_proxy),
}
OTHER = "other gateway"  #: For example an earlier commit's, to compare with.


def suppressed_addresses() -> list[str]:
    """Return the addresses that every capable peer keeps bulk mail from."""
    return [f"suppressed{number}@bench.example" for number in range(SUPPRESSED)]


@contextmanager
def started(
    names: Sequence[str], root: Path, *, against: Path | None = None
) -> Iterator[list[Peer]]:
    """Run these peers side by side, all with the same suppressed addresses.

    `against` is the other gateway's command, if it is one of them.
    """
    starts = dict(PEERS)
    if against is not None:
        starts[OTHER] = contextmanager(partial(_gateway, name=OTHER, command=against))
    suppressed = suppressed_addresses()
    with ExitStack() as stack:
        yield [stack.enter_context(starts[name](root / name, suppressed)) for name in names]
