"""Under which name an erased address stays suppressed: a keyed hash that tells nobody whose it is.

    ann@example.org  ->  erased:5f0c…e1  (HMAC-SHA-256 by a key outside the store, 64 digits)

Whoever has an address can ask whether it was erased; nobody can tell from the name who was.
"""

from collections.abc import Callable

from gateway.core.signing import SigningKeys

PREFIX = "erased:"
KEYS = f"{PREFIX}keys"  #: Begins what says among such names by which keys they were made.
_PURPOSE = "erased"
CODE_LENGTH = 3  #: What is kept of a relay's reply about somebody erased: `550`.
_SHOWN = 8  #: Digits shown in place of what was erased; enough to tell people apart.


class ErasedNames:
    """Names for erased addresses and people, by the keys that there are when it is asked."""

    def __init__(self, keys: Callable[[], SigningKeys]) -> None:
        self._keys = keys

    def new(self, text: str) -> str:
        """Return the name of an address (in lookup form) or person that is erased now."""
        return PREFIX + self._keys().digest(_PURPOSE, text)

    def all(self, text: str) -> tuple[str, ...]:
        """Return every name it may have been given, one for each key."""
        return tuple(PREFIX + digest for digest in self._keys().digests(_PURPOSE, text))

    @property
    def key_marks(self) -> tuple[str, ...]:
        """Return what tells keys apart, the first key's first, without telling anything of them."""
        return tuple(digest[:16] for digest in self._keys().digests("key mark", ""))


def short(name: str) -> str:
    """Return what the journal has in place of an erased address: `erased:5f0c21ab`."""
    return name[: len(PREFIX) + _SHOWN]
