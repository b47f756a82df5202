"""A file from the feed's folder, after it was imported or refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidAside:
    """A file in `done/` or `failed/`, with what is known about it."""

    name: str
    state: Literal["done", "failed"]
    at: datetime  #: When it was moved there.
    report: Mapping[str, Any]  #: The contents of its `.report.json`; empty if unreadable.
    has_refused: bool  #: Whether the refused rows are in a file next to it.
