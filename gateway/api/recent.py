"""Answers that are requested often and computed rarely."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentAnswer(Generic[T]):
    """Computes an answer once and reuses it for a time."""

    def __init__(self, work_out: Callable[[], Awaitable[T]], keep: timedelta) -> None:
        self._work_out = work_out
        self._keep = keep.total_seconds()
        self._answer: tuple[float, T] | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> T:
        """Return an answer no older than that time."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._answer is None or now - self._answer[0] >= self._keep:
                self._answer = (now, await self._work_out())
            return self._answer[1]
