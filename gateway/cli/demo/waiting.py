"""What the demo waits for: a mail server, a decision, a page."""

import time
from collections.abc import Callable
from typing import TypeVar

from gateway.core.errors import GatewayError

T = TypeVar("T")

_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.05


class DemoFailed(GatewayError):
    """Something in the demo did not happen in time, or not as expected."""


def wait_for(look: Callable[[], T | None], why_not: str) -> T:
    """Call `look` until it returns something, and return that; `DemoFailed` after half a minute."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (result := look()) is not None:
            return result
        time.sleep(_LOOK_SECONDS)
    raise DemoFailed(why_not)
