"""Work that waits, for a file or for Mailchimp, done beside the event loop."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

P = ParamSpec("P")
T = TypeVar("T")

#: Requests that work on campaigns side by side; others wait for their turn.
_TURN = anyio.CapacityLimiter(4)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what work in a thread returns; the arguments are for it."""
    return await anyio.to_thread.run_sync(partial(work, *args, **kwargs))


async def in_turn(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the same with work on campaigns, a few at a time: Mailchimp may be asked."""
    return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=_TURN)
