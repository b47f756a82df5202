"""Values that are made for each message: frozen for readers and type checkers only.

At run time nothing enforces that. A frozen dataclass sets each field by calling
`object.__setattr__`, so making one takes three times as long; for the dozen values that each
message needs, that was a tenth of the event loop's time (docs/code.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def quick_value(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """Do what `dataclass(frozen=True, slots=True)` does, without the check at run time."""
    return dataclass(slots=True, unsafe_hash=True, kw_only=kw_only)
