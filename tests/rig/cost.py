"""The cost of work in seconds on a normal machine, so tests don't fail because this one is slow."""

import gc
import re
import time
from collections.abc import Callable

_USUAL_SECONDS = 0.02  #: Processor time of a normal machine for the yardstick.
_TEXT = "From: Ann <ann@example.org>\n> es passt mir gut, bis dann\n\n" * 6_000
_WORD = re.compile(r"[a-z]+(?=@)|^> ?", re.MULTILINE)


def cost_of(work: Callable[[], object]) -> float:
    """Return the processor seconds that work takes, excluding garbage left by other tests."""
    gc.disable()
    try:
        slow = slowness()
        began = time.process_time()
        work()
        took = time.process_time() - began
        return took / max(slow, slowness())
    finally:
        gc.enable()


def slowness() -> float:
    """Return how many times slower than a normal machine this one is now, but at least 1.

    Another process on the same core, or a busy neighbour of a virtual machine, can make it 2 to 4.
    The yardstick is text processing, cutting and joining, like the work it is compared with.
    """
    began = time.process_time()
    lines = _TEXT.split("\n")
    kept = [line.strip() for line in lines if line]
    _WORD.sub("", "\n".join(kept))
    return max(1.0, (time.process_time() - began) / _USUAL_SECONDS)
