"""Limits on login attempts."""

from collections import OrderedDict
from collections.abc import Callable

_FIRST_SECONDS = 15.0
_LONGEST_SECONDS = 900.0
_FORGOTTEN_SECONDS = 3600.0
_MOST = 10_000
#: What failures are counted by: free attempts, a name or none, an address or none.
_Counted = tuple[int, str, str]


class LoginThrottle:
    """Delays repeated failures; the right password doesn't help during a delay.

    Five attempts for a name from one address are free, twenty for a name from anywhere, and thirty
    from an address (a whole office may share one); after that the delay is 15 seconds, then 30, 60
    … up to a quarter of an hour. From places where a name has signed in before (the last ten
    thousand are remembered), failures elsewhere cause no delay: strangers can't lock out people
    whose names they know. All this is kept in memory: a restart forgets it.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: OrderedDict[_Counted, tuple[int, float]] = OrderedDict()
        self._signed_in: OrderedDict[_Counted, None] = OrderedDict()  #: Names with addresses.

    def seconds_left(self, name: str, client: str) -> float:
        """Return how long a name must wait at an address; 0 if it may try."""
        now = self._monotonic()
        pair, everywhere, address = _keys(name, client)
        keys = (pair, address) if pair in self._signed_in else (pair, everywhere, address)
        return max(0.0, *(self._blocked_until(key) - now for key in keys))

    def note_failure(self, name: str, client: str) -> None:
        """Count a failure."""
        now = self._monotonic()
        for key in _keys(name, client):
            count, at = self._failures.pop(key, (0, now))
            self._failures[key] = (1 if now - at > _FORGOTTEN_SECONDS else count + 1, now)
        while len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def forget_failure(self, name: str, client: str) -> None:
        """Undo the failure counted before the password was checked."""
        pair, everywhere, address = _keys(name, client)
        for key in (pair, everywhere):
            self._failures.pop(key, None)
        count, at = self._failures.pop(address, (0, 0.0))
        if count > 1:  # Others may be trying from there.
            self._failures[address] = (count - 1, at)
        self._signed_in.pop(pair, None)
        self._signed_in[pair] = None
        while len(self._signed_in) > _MOST:
            self._signed_in.popitem(last=False)

    def _blocked_until(self, key: _Counted) -> float:
        count, at = self._failures.get(key, (0, 0.0))
        free = key[0]
        if count < free:
            return 0.0
        return at + min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(count - free, 10))


def _keys(name: str, client: str) -> tuple[_Counted, _Counted, _Counted]:
    """Return the keys failures are counted by: a name at an address, the name, the address."""
    name = name.strip().lower()[:200]
    return (5, name, client), (20, name, ""), (30, "", client)
