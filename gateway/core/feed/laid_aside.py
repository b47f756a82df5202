"""A file of the feed's folder, after it was imported or refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidAside:
    """A file that lies in `done/` or `failed/`, with what is known of it."""

    name: str
    state: Literal["done", "failed"]
    at: datetime  #: When it was laid there.
    report: Mapping[str, Any]  #: As its `.report.json` has it; empty where that can't be read.
    has_refused: bool  #: Whether the rows that weren't taken in lie beside it.
