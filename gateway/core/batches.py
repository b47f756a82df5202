"""Splitting a lot of work into the amount one statement, call or transaction can take."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of `size`, the last one possibly shorter, consuming them lazily.

    Like `itertools.batched` in Python 3.12.
    """
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
