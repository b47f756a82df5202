"""A relay that accepts no connection beside those it has accepted."""

from gateway import logs

#: After that it is asked again, if none of its connections has ended before.
CROWDED_SECONDS = 1.0
#: A relay takes that long to notice that a connection has ended; then it accepts another.
NOTICED_SECONDS = 0.05
TOLD_SECONDS = 3600.0  #: The log tells at most once in this time that a relay takes no more.

log = logs.get("delivery")


class FullRelay:
    """Whether a relay is full, and when it is asked for one more connection.

    One at a time: Exim lets no more than 20 wait to be accepted or refused. Times are those of the
    event loop, in seconds.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_full = False
        self._ask_at = 0.0
        self._ended_at = -CROWDED_SECONDS  # when one of its connections ended last
        self._logged_at: float | None = None  # in seconds of the loop

    def note_refused(self, now: float, connections: int, reason: str) -> None:
        """Note that it accepts no more than that many."""
        self._is_full = True
        noticed_at = self._ended_at + NOTICED_SECONDS
        self._ask_at = noticed_at if noticed_at > now else now + CROWDED_SECONDS
        if connections and (self._logged_at is None or now - self._logged_at > TOLD_SECONDS):
            self._logged_at = now
            log.warning(
                "relay_takes_no_more", relay=self._name, connections=connections, reason=reason
            )

    def note_accepted(self, now: float, *, are_others_waiting: bool) -> None:
        """Note that it accepted one more; if others wait, it is asked for the next one at once."""
        self._is_full = self._is_full and are_others_waiting
        self._ask_at = now

    def note_ended(self, now: float) -> None:
        """Note that one of its connections has ended."""
        self._ended_at = now
        self._ask_at = min(self._ask_at, now + NOTICED_SECONDS)

    def has_just_ended_one(self, now: float, *, is_too_many: bool) -> bool:
        """Whether a connection has ended of which the relay may not have noticed it yet.

        `is_too_many`: the relay is up, so it is given more time for that.
        """
        return now - self._ended_at < (CROWDED_SECONDS if is_too_many else NOTICED_SECONDS)

    def note_none_left(self, now: float) -> None:
        """Note that it has no connection, nor one that is being opened: so it isn't full."""
        self._is_full = self._is_full and self.has_just_ended_one(now, is_too_many=True)

    def ask(self, now: float) -> float:
        """Return when it may be asked; if that is now, it is asked next after a while."""
        if not self._is_full:
            return now
        at = self._ask_at
        if at <= now:
            self._ask_at = now + CROWDED_SECONDS
        return at
