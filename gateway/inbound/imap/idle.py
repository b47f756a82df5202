"""Whether a server that offers IDLE (RFC 2177) tells of new mail while it idles.

Courier as Debian ships it answers IDLE and looks for news once a minute; a server behind some
proxies never tells at all. What a search finds after an IDLE that told of nothing shows it.
"""

from collections.abc import Collection
from dataclasses import dataclass

#: How long a good server may take to tell, in seconds: Dovecot 2.3 gathers news for half a second.
_TELLING = 0.5
#: A mail may arrive just before the end of an IDLE: of 2 s at Dovecot it does so one time in four.
#: A server is silent once a good one would seem so less often than this …
_CHANCE = 1 / 1000
#: … and tells of new mail once it did so several times in a row: one that tells late does, too.
_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class IdleEnd:
    """How an IDLE ended."""

    has_news: bool  #: Whether it told of news.
    seconds: float


class IdleWatch:
    """Compares what IDLE told with what was found afterwards, for one mailbox."""

    def __init__(self) -> None:
        self.is_silent: bool | None = None  #: None: not known yet.
        self._uidvalidity: int | None = None
        self._newest = 0
        self._chance = 1.0  # that a good server told of none of the last mails in time
        self._timely = 0

    def searched(
        self, uidvalidity: int | None, uids: Collection[int], after: IdleEnd | None
    ) -> None:
        """Note what a search found; `after` is the IDLE just before it, None: there was none."""
        is_same = uidvalidity is not None and uidvalidity == self._uidvalidity
        before, self._uidvalidity = self._newest if is_same else 0, uidvalidity
        self._newest = max(before, *uids, 0)
        if after is None or not is_same or self._newest == before:
            return
        if after.has_news:
            self._chance = 1.0
            self._timely += 1
            if self._timely >= _IN_A_ROW:
                self.is_silent = False
            return
        self._timely = 0
        if after.seconds > _TELLING:
            self._chance *= _TELLING / after.seconds
        if self._chance <= _CHANCE:
            self.is_silent = True
