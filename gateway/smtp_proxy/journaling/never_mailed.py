"""Addresses that are never mailed, as last known: the proxy's basis while the store is away."""

import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from gateway import logs
from gateway.core.errors import GatewayError
from gateway.core.people.erased_names import KEYS, PREFIX, ErasedNames
from gateway.store.engine import on_disk

log = logs.get("smtp_proxy")

_DIGEST_SIZE = 32


class NeverMailed:
    """The addresses under scope `all` when the store was last asked, eight octets each.

    Kept in a file beside the local record, so that they are also known after a restart without a
    store: their digest, and the marks. A file whose digest is another one, such as one that a power
    failure has cut off, is believed in nothing: whom it lacks would be mailed.
    """

    def __init__(self, path: Path, erased_names: ErasedNames | None = None) -> None:
        """`erased_names` gives the names under which an erased address may be listed."""
        self._path = path
        self._erased_names = erased_names
        self._marks: array[int] | None = None  #: Ascending; None: the store was never asked.
        self.as_of: datetime | None = None  #: When it was last asked; None: never.
        self._is_written = True  #: Whether the file has these same marks.
        try:
            octets = path.read_bytes()
            changed_at = path.stat().st_mtime
        except OSError:
            return
        marks = octets[_DIGEST_SIZE:]
        if octets != _digest(marks) + marks:
            log.error("never_mailed_unreadable", file=str(path))
            return
        self.as_of = datetime.fromtimestamp(changed_at, UTC)
        self._marks = array("Q")
        self._marks.frombytes(marks)

    @property
    def is_known(self) -> bool:
        """Whether the store was ever asked; if not, nobody can be mailed without it."""
        return self._marks is not None

    def __contains__(self, address: str) -> bool:
        if self._marks is None:
            return True
        names = [address]
        # If nobody was erased, there need not be a key file.
        if self._erased_names is not None and self._has_mark_of(PREFIX):
            try:
                names += self._erased_names.all_names(address)
                key_marks = self._erased_names.key_marks
            except GatewayError:  # Nobody can say.
                return True
            here = sum(self._has_mark_of(_key(mark)) for mark in key_marks)
            if not self._has_mark_of(_number_of_keys(here)):  # Nor with other keys.
                return True
        return any(map(self._has_mark_of, names))

    def _has_mark_of(self, text: str) -> bool:
        mark = _mark(text)
        marks = self._marks or ()
        place = bisect_left(marks, mark)
        return place < len(marks) and marks[place] == mark

    def replace(self, addresses: Iterable[str]) -> None:
        """Replace the set by the store's present one; run in a thread, as it may take long.

        The addresses include the keys of erased ones (`erased:keys:MARK`). Raise OSError if it
        could not be saved; it is used nevertheless.
        """
        gathered, keys, has_erased = [], set(), False
        for address in addresses:
            if address.startswith(_key("")):
                keys.add(_mark(address))
                continue
            gathered.append(_mark(address))
            has_erased = has_erased or address.startswith(PREFIX)
        if has_erased:
            # The prefix itself shows that erased ones are included.
            gathered += [_mark(PREFIX), _mark(_number_of_keys(len(keys))), *keys]
        marks = array("Q", sorted(gathered))
        self.as_of = datetime.now(UTC)
        if self._is_written and marks == self._marks and self._path.exists():
            os.utime(self._path)  # When it was last true, for a restart without a store.
            return
        self._marks, self._is_written = marks, False
        fresh = self._path.with_suffix(f".{os.getpid()}")
        fresh.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        octets = marks.tobytes()
        fresh.write_bytes(_digest(octets) + octets)
        on_disk.sync(fresh)
        fresh.replace(self._path)
        on_disk.sync(self._path.parent)
        self._is_written = True


def _digest(marks: bytes) -> bytes:
    return blake2b(marks, digest_size=_DIGEST_SIZE).digest()


def _key(mark: str) -> str:
    return f"{KEYS}:{mark}"


def _number_of_keys(number: int) -> str:
    return f"{KEYS}={number}"


def _mark(address: str) -> int:
    digest = blake2b(address.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
