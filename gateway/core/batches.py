"""Much work in parts: as much as a statement, a call or a transaction takes at once."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of `size`, the last one shorter; each only once it is asked for.

    `itertools.batched` of Python 3.12 does the same.
    """
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
