"""Messages this worker has found to be bulk: known at once, and while the store is away."""

from datetime import datetime

from gateway.core import ids
from gateway.core.journal.message import KnownBulk
from gateway.store.journal.known_bulk import REMEMBERED

_MOST = 20_000  #: Messages, about 200 octets each.


class BulkMemory:
    """The messages most recently found to be bulk, by their identity in later transactions."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._by_identity: dict[int, KnownBulk] = {}

    def add(self, identity: int, known_bulk: KnownBulk) -> None:
        """Remember a message; beyond the limit the oldest entry is dropped."""
        self._by_identity.pop(identity, None)
        if len(self._by_identity) >= self._most:
            del self._by_identity[next(iter(self._by_identity))]
        self._by_identity[identity] = known_bulk

    def find(self, identity: int, now: datetime) -> KnownBulk | None:
        """Return where a message was first found bulk; None if it wasn't, or too long ago."""
        known_bulk = self._by_identity.get(identity)
        if known_bulk is None or known_bulk.message < ids.first_id_at(now - REMEMBERED):
            return None
        return known_bulk
