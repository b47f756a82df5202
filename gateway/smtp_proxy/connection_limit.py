"""How many clients a worker accepts, over all its listeners."""

from collections import Counter

from gateway.core.mail.reply import Reply

_FULL = Reply.of("421 4.3.2 Too many connections; try again later")
_TOO_MANY = Reply.of("421 4.7.0 Too many connections from your address; try again later")
_ONES_SHARE = 0.9  #: The largest share for one address, so that nobody locks out everybody else.


class ConnectionLimit:
    """Counts the connected clients by address."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._by_peer: Counter[str] = Counter()
        self._count = 0

    def objection(self, peer: str, most: int) -> Reply | None:
        """Return the reply that refuses another client from an address; None: it may stay."""
        if self._count >= self._total:
            return _FULL
        if self._by_peer[peer] >= min(most, self._total * _ONES_SHARE):
            return _TOO_MANY
        return None

    def enter(self, peer: str) -> None:
        """Count a client in."""
        self._count += 1
        self._by_peer[peer] += 1

    def leave(self, peer: str) -> None:
        """Count a client out."""
        self._count -= 1
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]
