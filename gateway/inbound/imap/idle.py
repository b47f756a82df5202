"""Whether a server that offers IDLE (RFC 2177) tells of new mail while it idles.

Courier as Debian ships it answers IDLE and looks for news once a minute; a server behind some
proxies never tells at all. What a search finds after an IDLE that told of nothing shows it.
"""

from collections.abc import Collection
from dataclasses import dataclass

#: A mail may arrive just before the end of an IDLE: it takes several in a row …
_MISSES = 3
#: … of IDLEs so long (seconds) that this is rare; Dovecot takes half a second to tell.
_LONG_ENOUGH = 5.0


@dataclass(frozen=True, slots=True)
class IdleEnd:
    """How an IDLE ended."""

    told: bool  #: Whether it told of news.
    seconds: float


class IdleWatch:
    """Compares what IDLE told with what was found afterwards, for one mailbox."""

    def __init__(self) -> None:
        self._uids: frozenset[int] | None = None
        self._misses = 0
        self._is_silent: bool | None = None

    def searched(self, uids: Collection[int], after: IdleEnd | None) -> bool | None:
        """Note what a search found; return whether IDLE is silent where that is news, else None.

        `after` is the IDLE just before it; None: there was none.
        """
        before, self._uids = self._uids, frozenset(uids)
        if after is None or before is None or not self._uids - before:
            return None
        if after.told:
            self._misses = 0
            return self._changed(is_silent=False)
        if after.seconds >= _LONG_ENOUGH:
            self._misses += 1
        return self._changed(is_silent=True) if self._misses >= _MISSES else None

    def _changed(self, *, is_silent: bool) -> bool | None:
        if self._is_silent is is_silent:
            return None
        self._is_silent = is_silent
        return is_silent
