"""A record on this host that it had a store, so a lost store isn't replaced by an empty one."""

from hashlib import blake2b
from pathlib import Path

from sqlalchemy.engine import URL


class HadStore:
    """A file recording that this host's gateway has had a store at an address."""

    def __init__(self, folder: Path, url: URL) -> None:
        """`folder` is local and not the store's own: `[store] outage`."""
        self._store = url.set(password=None).render_as_string()
        mark = blake2b(self._store.encode(), digest_size=6).hexdigest()
        self.path = folder / f"had-store-{mark}"

    def __bool__(self) -> bool:
        return self.path.exists()

    def remember(self) -> None:
        """Write the record; OSError if that fails."""
        if self:
            return
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.path.write_text(f"The gateway has had a store at {self._store}.\n", encoding="utf-8")
