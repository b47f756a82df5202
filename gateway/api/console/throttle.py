"""How often a login may be tried."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

_FIRST_SECONDS = 15.0
_LONGEST_SECONDS = 900.0
_FORGOTTEN_SECONDS = 3600.0
_MOST = 10_000


class LoginThrottle:
    """Makes whoever fails wait, longer with each failure; a right password does not help meanwhile.

    A name tried from one address is free five times, a name from anywhere twenty, and an address
    (a whole office may have one) thirty; then one waits 15 seconds, then 30, 60 … up to a quarter
    of an hour. Kept in memory: a restart forgets.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def seconds_left(self, name: str, client: str) -> float:
        """Return how long a name must wait at an address; 0: it may be tried."""
        now = self._monotonic()
        waits = (self._until(key, free) - now for key, free in _keys(name, client).items())
        return max(0.0, *waits)

    def failed(self, name: str, client: str) -> None:
        """Count a failure."""
        now = self._monotonic()
        for key in _keys(name, client):
            count, at = self._failures.pop(key, (0, now))
            self._failures[key] = (1 if now - at > _FORGOTTEN_SECONDS else count + 1, now)
        while len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, client: str) -> None:
        """Take the failure back that was counted before the password was looked at."""
        for key in _keys(name, client):
            count, at = self._failures.pop(key, (0, 0.0))
            if key.startswith("address") and count > 1:  # Others may be trying from there.
                self._failures[key] = (count - 1, at)

    def _until(self, key: str, free: int) -> float:
        count, at = self._failures.get(key, (0, 0.0))
        if count < free:
            return 0.0
        return at + min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(count - free, 10))


def _keys(name: str, client: str) -> Mapping[str, int]:
    """Return what failures are counted by, and how many are free."""
    name = name.strip().lower()[:200]
    return {f"name {name} at {client}": 5, f"name {name}": 20, f"address {client}": 30}
