"""One try to send something, and keeping what became of it until others may have it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.core.sending.outbox import AttemptResult, Unknown
from gateway.runtime.periodic import pause
from gateway.store.engine.database import StoreUnavailable

T = TypeVar("T")


async def attempt(
    sending: Awaitable[AttemptResult], limit: timedelta, *, failed: Callable[[], object]
) -> AttemptResult:
    """Return what became of one try; `Unknown` if it has no end within `limit`, or raises.

    `failed` is called where it raises, while that is handled: one row's fault must not stop the
    others.
    """
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await sending
    except TimeoutError:
        return Unknown(f"no end after {limit}")
    except Exception as error:
        failed()
        return Unknown(f"the gateway failed: {type(error).__name__}")


async def keep(
    write: Callable[[], Awaitable[T]],
    *,
    lease: timedelta,
    away: timedelta,
    clock: Callable[[], datetime],
    stopping: asyncio.Event,
    put_off: Callable[[StoreUnavailable], object],
) -> T | None:
    """Write down what became of a row; return `write`'s result, or None if it couldn't be written.

    While the store is away, this tries again after `away` each time, until the lease is over or the
    process is to stop (then just once more). `put_off` is called for each failed try that is
    followed by another.
    """
    until = clock() + lease
    while True:
        try:
            return await write()
        except StoreUnavailable as error:
            if stopping.is_set() or clock() >= until:
                return None
            put_off(error)
        await pause(stopping, away)
