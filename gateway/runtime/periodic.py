"""Waiting and repeating, both of which end as soon as the process must stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta


async def pause(stopping: asyncio.Event, duration: timedelta) -> None:
    """Wait that long, or until `stopping` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration.total_seconds()):
            await stopping.wait()


async def every(
    interval: timedelta,
    chore: Callable[[], Awaitable[object]],
    *,
    stopping: asyncio.Event,
    failed: Callable[[Exception], None],
    after_failure: timedelta | None = None,
) -> None:
    """Run a chore now, and again `interval` after it has ended, until `stopping` is set.

    `failed` is called with any exception from the chore: it logs temporary ones, and raises those
    that must end the process. The next run is then after `after_failure`, if given.
    """

    async def chore_and_wait() -> timedelta:
        await chore()
        return interval

    await repeat(
        chore_and_wait, stopping=stopping, failed=failed, after_failure=after_failure or interval
    )


async def repeat(
    chore: Callable[[], Awaitable[timedelta]],
    *,
    stopping: asyncio.Event,
    failed: Callable[[Exception], None],
    after_failure: timedelta,
) -> None:
    """Run a chore that returns how long to wait before the next run; otherwise like `every`."""
    while not stopping.is_set():
        try:
            wait = await chore()
        except Exception as error:
            failed(error)
            wait = after_failure
        await pause(stopping, wait)


async def until_done(
    work: Callable[[], Awaitable[object]],
    *,
    stopping: asyncio.Event,
    failed: Callable[[Exception], None],
    again_after: timedelta,
) -> None:
    """Run something that may fail until it succeeds, or `stopping` is set; see `every`."""
    while not stopping.is_set():
        try:
            await work()
        except Exception as error:
            failed(error)
        else:
            return
        await pause(stopping, again_after)


async def in_steps(
    step: Callable[[], Awaitable[int]], *, whole: int, rest: timedelta, stopping: asyncio.Event
) -> int:
    """Repeat a step that handles at most `whole` items until one has fewer, resting in between.

    Return the total number of items; fewer if `stopping` is set meanwhile.
    """
    count = 0
    while not stopping.is_set():
        done = await step()
        count += done
        if done < whole:
            break
        await pause(stopping, rest)
    return count
