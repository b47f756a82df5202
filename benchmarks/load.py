"""Postfix's load generators: smtp-source sends, smtp-sink receives and counts."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cells import Cell
from benchmarks.processes import BenchmarkError, free_port, running

SENDER = "crm@bench.example"
RECIPIENT = "reader@bench.example"
SEND_LIMIT = 180.0
MOST_CONNECTIONS = "4000"
COUNTER = re.compile(r"mesg=(\d+)")


@dataclass(frozen=True, slots=True)
class Sink:
    """A relay that discards mail and keeps count."""

    port: int
    pid: int
    counter: Path

    def count(self) -> int:
        """Return how many messages have arrived so far."""
        found = COUNTER.findall(self.counter.read_text()[-200:])
        return int(found[-1]) if found else 0


def tool(name: str) -> str:
    """Return the path of a command, even if `sbin` is not on PATH."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postfix/sbin")
    if found is None:
        raise BenchmarkError(f"{name} is missing: install Debian's postfix")
    return found


@contextmanager
def sink(directory: Path) -> Iterator[Sink]:
    """Run a sink without XFORWARD, which would cost only Postfix a round trip."""
    directory.mkdir(parents=True)
    counter, port = directory / "sink.count", free_port()
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    limits = ["-c", "-F", "-h", "sink.bench.example", "-m", MOST_CONNECTIONS]
    address = [f"127.0.0.1:{port}", MOST_CONNECTIONS]
    command = [tool("smtp-sink"), *limits, *as_nobody, *address]
    with running(command, log=counter, port=port) as process:
        yield Sink(port, process.pid, counter)


def send(cell: Cell, *, port: int, messages: int) -> float:
    """Send messages to a port; return the seconds it took."""
    connections = ["-d"] if cell.kept else []
    amount = ["-s", str(cell.clients), "-m", str(messages), "-l", str(cell.size)]
    if not cell.one_recipient:
        amount.append("-N")
    names = ["-M", "crm.bench.example", "-f", SENDER, "-t", RECIPIENT]
    command = [tool("smtp-source"), *connections, *amount, *names, f"127.0.0.1:{port}"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, timeout=SEND_LIMIT, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise BenchmarkError(f"smtp-source failed in {cell.name}: {done.stderr.decode().strip()}")
    return seconds
