"""Planned faults of the connection."""

import re
from dataclasses import dataclass
from enum import StrEnum

from gateway.sandbox.call import Call, SandboxProblem


class SandboxFault(StrEnum):
    """One way in which an answer goes wrong."""

    THROTTLED = "throttled"  #: 429 with a problem; nothing was done.
    EMPTY_429 = "empty_429"  #: As under load: no body; nothing was done.
    EMPTY_403 = "empty_403"  #: The same with another status.
    BLOCKED = "blocked"  #: 503 with HTML; nothing was done.
    PAGE_404 = "page_404"  #: A proxy's "404 Not Found" in HTML; nothing was done.
    BAD_GATEWAY = "bad_gateway"  #: 502 with HTML; it was done.
    CUT = "cut"  #: Half an answer (nothing, for a 204), then the connection ends; it was done.
    DROPPED = "dropped"  #: The connection ends without an answer; it was done.
    HANG = "hang"  #: No answer, ever; it was done.


#: Faults that occur before anything is done: status, content type, body.
BEFORE: dict[SandboxFault, tuple[int, str, bytes]] = {
    SandboxFault.EMPTY_429: (429, "", b""),
    SandboxFault.EMPTY_403: (403, "", b""),
    SandboxFault.BLOCKED: (503, "text/html", b"<html><body>Request Blocked</body></html>"),
    SandboxFault.PAGE_404: (404, "text/html", b"<html><h1>404 Not Found</h1>nginx</html>"),
}
BAD_GATEWAY = (502, "text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>")
#: The effect of the header `X-Trigger-Error`.
TRIGGERED: dict[str, SandboxProblem] = {
    "BadRequest": SandboxProblem(400, "Bad Request", "Triggered."),
    "APIKeyInvalid": SandboxProblem(401, "API Key Invalid", "Triggered."),
    "Forbidden": SandboxProblem(403, "Forbidden", "Triggered."),
    "ResourceNotFound": SandboxProblem(404, "Resource Not Found", "Triggered."),
    "TooManyRequests": SandboxProblem(429, "TooManyRequests", "Triggered."),
    "InternalServerError": SandboxProblem(500, "Internal Server Error", "Triggered."),
}


@dataclass(slots=True, kw_only=True)
class _Planned:
    fault: SandboxFault | SandboxProblem
    times: int
    method: str | None
    path: re.Pattern[str]


class FaultPlan:
    """The faults still to come, in order."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def add(
        self,
        fault: SandboxFault | SandboxProblem,
        *,
        times: int = 1,
        method: str | None = None,
        path: str = "",
    ) -> None:
        """Plan a fault for the next calls with this method whose path matches this expression."""
        if fault is SandboxFault.THROTTLED:
            fault = TRIGGERED["TooManyRequests"]
        planned = _Planned(fault=fault, times=times, method=method, path=re.compile(path))
        self._planned.append(planned)

    def take(self, call: Call) -> SandboxFault | SandboxProblem | None:
        """Return the fault due for a call and count it."""
        for planned in self._planned:
            if planned.method in {None, call.method} and planned.path.search(call.path):
                planned.times -= 1
                if not planned.times:
                    self._planned.remove(planned)
                return planned.fault
        return None

    def clear(self) -> None:
        """Drop all planned faults."""
        self._planned.clear()
