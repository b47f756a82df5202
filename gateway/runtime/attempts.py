"""One attempt to send something, and storing its result before others may claim it."""

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
    """Return the result of one attempt; `Unknown` if it exceeds `limit` or raises.

    `failed` is called while the exception is being handled: one row's error must not stop the
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
    """Store a row's result; return `write`'s result, or None if it couldn't be stored.

    While the store is away, retry every `away` until the lease expires or the process must stop
    (then just once more). `put_off` is called for each failed try that is followed by another.
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
