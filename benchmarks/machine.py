"""The machine the numbers were measured on, without host names or paths."""

import os
import platform
import sqlite3
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.postfix import version
from benchmarks.store import durability
from gateway.store.engine.database import Database

PROBES = 200
PAGE = b"x" * 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine and its software."""

    cores: int
    processor: str
    python: str
    sqlite: str
    postfix: str
    fsync: float  #: Median seconds.
    durability: str  #: What a commit of the gateway waits for.


def describe(directory: Path) -> Machine:
    """Describe this machine and the disk of a directory."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        postfix=version(),
        fsync=_fsync_time(directory),
        durability=_durability(directory),
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _durability(directory: Path) -> str:
    database = Database(f"sqlite:///{directory}/durability.db")
    try:
        database.prepare()
        return durability(database)
    finally:
        database.close()


def _fsync_time(directory: Path) -> float:
    with (directory / "fsync.probe").open("wb", buffering=0) as file:
        return statistics.median(_timed_fsync(file.fileno()) for _ in range(PROBES))


def _timed_fsync(file: int) -> float:
    os.write(file, PAGE)
    start = time.perf_counter()
    os.fsync(file)
    return time.perf_counter() - start
