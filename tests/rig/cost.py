"""What work costs, in seconds of a usual machine: how slow this one is now is no test's fault."""

import gc
import re
import time
from collections.abc import Callable

_USUAL_SECONDS = 0.02  #: Of a usual machine's processor, for the yardstick.
_TEXT = "From: Ann <ann@example.org>\n> es passt mir gut, bis dann\n\n" * 6_000
_WORD = re.compile(r"[a-z]+(?=@)|^> ?", re.MULTILINE)


def cost_of(work: Callable[[], object]) -> float:
    """Return the processor seconds that work takes, without a look at what other tests left."""
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
    """Return how many times as long as a usual machine this one needs now, but no less than once.

    Another process on the same core, or a busy neighbour of a virtual machine, make it 2 to 4. The
    yardstick is work on a text: in cuts and pieces, as what is measured with it.
    """
    began = time.process_time()
    lines = _TEXT.split("\n")
    kept = [line.strip() for line in lines if line]
    _WORD.sub("", "\n".join(kept))
    return max(1.0, (time.process_time() - began) / _USUAL_SECONDS)
