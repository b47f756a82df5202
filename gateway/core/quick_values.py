"""Values made for every message: frozen for readers and type checkers only.

Nothing enforces that at run time. A frozen dataclass sets each field by calling
`object.__setattr__`, which makes creating one three times as slow; for the dozen values each
message needs, that was a tenth of the event loop's time (docs/code.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def quick_value(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """Act like `dataclass(frozen=True, slots=True)` without the run-time check."""
    return dataclass(slots=True, unsafe_hash=True, kw_only=kw_only)
