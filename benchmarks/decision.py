"""What a decision costs against ever more suppressed addresses."""

import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import store
from gateway.store.database import Database

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
LOOKUPS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Seconds at the median, for a message with one recipient."""

    addresses: int  #: How many are suppressed.
    clear: float  #: The recipient is not among them.
    suppressed: float  #: The recipient is.


def measure(
    directory: Path, sizes: Sequence[int], step: Callable[[str], None]
) -> tuple[Decision, ...]:
    """Measure against each size in turn, in one store that grows."""
    database = Database(f"sqlite:///{directory}/decisions.db")
    database.prepare()
    store.suppress_group(database)
    try:
        return tuple(_grown(database, sizes, step))
    finally:
        database.close()


def _grown(
    database: Database, sizes: Sequence[int], step: Callable[[str], None]
) -> Iterable[Decision]:
    choice = random.Random(1)  # the same addresses in every run
    for before, size in zip((0, *sizes), sizes, strict=False):
        store.suppress_addresses(database, before + 1, size)
        step(f"{size:,} suppressed")
        among = [store.address(choice.randint(1, size)) for _ in range(LOOKUPS)]
        others = [f"reader{choice.randint(1, size)}@bench.example" for _ in range(LOOKUPS)]
        yield Decision(
            addresses=size, clear=_median(database, others), suppressed=_median(database, among)
        )


def _median(database: Database, addresses: Sequence[str]) -> float:
    return statistics.median(_timed(database, address) for address in addresses)


def _timed(database: Database, address: str) -> float:
    start = time.perf_counter()
    store.decide(database, address)
    return time.perf_counter() - start
