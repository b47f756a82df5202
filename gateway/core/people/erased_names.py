"""The names under which erased addresses stay suppressed: keyed hashes that reveal nobody.

    ann@example.org  ->  erased:5f0c…e1  (HMAC-SHA-256 by a key outside the store, 64 digits)

With the key, an address can be checked for being erased; a name alone doesn't reveal the person.
"""

from collections.abc import Callable

from gateway.core.signing import SigningKeys

PREFIX = "erased:"
KEYS = f"{PREFIX}keys"  #: Prefix of the entries that say which keys the names were made with.
_PURPOSE = "erased"
CODE_LENGTH = 3  #: What is kept of a relay's reply about an erased person: `550`.
_SHOWN = 8  #: Digits shown in place of erased data; enough to tell people apart.


class ErasedNames:
    """Names for erased addresses and people, made with the current keys."""

    def __init__(self, keys: Callable[[], SigningKeys]) -> None:
        self._keys = keys

    def new_name(self, text: str) -> str:
        """Return the name for an address (in lookup form) or person to be erased now."""
        return PREFIX + self._keys().digest(_PURPOSE, text)

    def all_names(self, text: str) -> tuple[str, ...]:
        """Return every name it may have been given, one for each key."""
        return tuple(PREFIX + digest for digest in self._keys().digests(_PURPOSE, text))

    @property
    def key_marks(self) -> tuple[str, ...]:
        """Return fingerprints of the keys, the first key's first; they don't reveal the keys."""
        return tuple(digest[:16] for digest in self._keys().digests("key mark", ""))


def short_name(name: str) -> str:
    """Return what the journal shows in place of an erased address: `erased:5f0c21ab`."""
    return name[: len(PREFIX) + _SHOWN]
