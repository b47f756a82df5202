"""Whether a server that offers IDLE (RFC 2177) really announces new mail.

Courier as shipped by Debian accepts IDLE but looks for new mail only once a minute; servers behind
some proxies never announce any. It shows when a search finds new mail after an IDLE that announced
none.
"""

from collections.abc import Collection
from dataclasses import dataclass

#: Seconds a good server may take to announce a mail: Dovecot 2.3 collects news for half a second.
_TELLING = 0.5
#: A mail may arrive just before an IDLE ends, too late to be announced: with Dovecot and an IDLE of
#: 2 s that happens one time in four. A server is considered silent once the probability of this
#: happening to a good one every time is below …
_CHANCE = 1 / 1000
#: … and considered good after this many announcements in a row. (One isn't enough: a server that
#: announces mail late is sometimes in time by chance.)
_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class IdleEnd:
    """How an IDLE ended."""

    has_news: bool  #: Whether the server announced something.
    seconds: float


class IdleWatch:
    """Compares what IDLE announced with what a search then found, for one mailbox."""

    def __init__(self) -> None:
        self.is_silent: bool | None = None  #: None: not known yet.
        self._uidvalidity: int | None = None
        self._newest = 0
        self._chance = 1.0  # that a good server would have announced none of the last mails
        self._timely = 0

    def searched(
        self, uidvalidity: int | None, uids: Collection[int], after: IdleEnd | None
    ) -> None:
        """Record what a search found; `after` is the IDLE just before it, or None without one."""
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
