"""Servers for benchmarks: started in their own directories, ended by pid."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_LIMIT = 30.0
STOP_LIMIT = 20.0


class BenchmarkError(Exception):
    """The benchmark can't be run, or its numbers can't be trusted."""


@contextmanager
def running(
    command: Sequence[str], *, log: Path, port: int, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the duration of the block, which starts once it has greeted with 220.

    With a `folder` it runs there, with the Python modules of its own installation instead of those
    in this folder and PYTHONPATH, which may be another version's.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=folder,
            env=own_modules() if folder else None,
        )
    try:
        _wait_for_greeting(process, port, log)
        yield process
    finally:
        _stop(process)


def own_modules() -> dict[str, str]:
    """Return this process's environment without paths to its Python modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], seconds: float, *, pause: float = 0.02) -> bool:
    """Wait for a condition and return whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def process_tree(pid: int) -> list[int]:
    """Return a process and all its descendants, parents first."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    children = " ".join(process_text(each) for each in lists).split()
    return [pid, *(each for child in children for each in process_tree(int(child)))]


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of processor time."""

    user: float
    system: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.user + self.system

    def since(self, earlier: "Cpu", *, share: int) -> "Cpu":
        """Return a share of the time used since an earlier measurement."""
        return Cpu((self.user - earlier.user) / share, (self.system - earlier.system) / share)


def cpu_used(pid: int) -> Cpu:
    """Return the time used so far by a process tree, including ended children."""
    ticks = [_ticks(each) for each in process_tree(pid)]
    user, system = (sum(each) / os.sysconf("SC_CLK_TCK") for each in zip(*ticks, strict=True))
    return Cpu(user, system)


def _ticks(pid: int) -> tuple[int, int]:
    after_the_name = process_text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    numbers = [int(field) for field in after_the_name[11:15]] or [0, 0, 0, 0]
    return numbers[0] + numbers[2], numbers[1] + numbers[3]


def process_text(file: Path) -> str:
    """Read a file of `/proc`; empty if its process has ended."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):  # the process has ended in the meantime
        return ""


def _wait_for_greeting(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    wait_until(lambda: process.poll() is not None or _greets(port), START_LIMIT)
    if process.poll() is not None or not _greets(port):
        raise BenchmarkError(f"{process.args!r} does not answer:\n{log.read_text()[-2000:]}")


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            greeting = connection.recv(512)
            connection.sendall(b"QUIT\r\n")
            return greeting.startswith(b"220")
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
