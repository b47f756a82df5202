"""Values that each message makes anew: frozen for whoever reads and checks the code.

While the code runs nothing keeps them so. A frozen dataclass sets each of its fields by a call of
`object.__setattr__`, and so takes three times as long to be made as one that is not; of the dozen
values on a message's way that was a tenth of the event loop's time (docs/code.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def quick_value(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """Make a class what `dataclass(frozen=True, slots=True)` does, but for the runtime's check."""
    return dataclass(slots=True, unsafe_hash=True, kw_only=kw_only)
