"""Blocking work, on a file or on Mailchimp, in threads beside the event loop."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

P = ParamSpec("P")
T = TypeVar("T")

#: How many requests may work on campaigns at the same time; others wait.
_TURN = anyio.CapacityLimiter(4)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run work in a thread with these arguments, and return its result."""
    return await anyio.to_thread.run_sync(partial(work, *args, **kwargs))


async def in_turn(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the same for work on campaigns, only a few at a time, as it may call Mailchimp."""
    return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=_TURN)
