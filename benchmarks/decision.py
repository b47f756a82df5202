"""The cost of a decision as the number of suppressed addresses grows."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import BenchmarkError
from benchmarks.store import address, suppress_addresses, suppress_group
from gateway.core.decision.decide import blocking
from gateway.core.kinds import TAG_SCOPES, Kind
from gateway.core.people.people import NOBODY
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
LOOKUPS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Median seconds for a message with one recipient."""

    addresses: int  #: How many are suppressed.
    clear: float  #: The recipient is not suppressed.
    suppressed: float  #: The recipient is.


def measure(
    directory: Path, sizes: Sequence[int], step: Callable[[str], None]
) -> tuple[Decision, ...]:
    """Measure each size in turn, in one growing store."""
    database = Database(f"sqlite:///{directory}/decisions.db")
    standings = Standings(database, tag_scopes=TAG_SCOPES)
    database.prepare()
    suppress_group(database)
    try:
        return tuple(_grown(database, standings, sizes, step))
    finally:
        standings.close()
        database.close()


def _grown(
    database: Database, standings: Standings, sizes: Sequence[int], step: Callable[[str], None]
) -> Iterator[Decision]:
    choice = random.Random(1)  # the same addresses in every run
    for before, size in zip((0, *sizes), sizes, strict=False):
        suppress_addresses(database, before + 1, size)
        # Each only once: an answer is cached until something is written to the store.
        numbers = choice.sample(range(1, size + 1), min(LOOKUPS, size))
        among = [address(number) for number in numbers]
        others = [f"reader{number}@bench.example" for number in numbers]
        yield Decision(
            addresses=size,
            clear=_median(standings, others, blocked=False),
            suppressed=_median(standings, among, blocked=True),
        )
        step("suppressed addresses")


def _median(standings: Standings, recipients: Sequence[str], *, blocked: bool) -> float:
    return statistics.median(_timed(standings, each, blocked=blocked) for each in recipients)


def _timed(standings: Standings, recipient: str, *, blocked: bool) -> float:
    start = time.perf_counter()
    standing = standings.now([recipient]).get(recipient, NOBODY)
    found = blocking(Kind.BULK, standing)
    seconds = time.perf_counter() - start
    if bool(found) is not blocked:
        raise BenchmarkError(f"{recipient}: found {found}")
    return seconds
