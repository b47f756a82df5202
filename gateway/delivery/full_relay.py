"""Whether a relay accepts no more connections than it has, and when to try one more."""

from gateway import logs

#: After this a full relay is tried again, if none of its connections has ended before.
CROWDED_SECONDS = 1.0
#: How long a relay takes to notice that a connection has ended; then it accepts another.
NOTICED_SECONDS = 0.05
LOGGED_SECONDS = 3600.0  #: How often at most the log says that a relay is full.

log = logs.get("delivery")


class FullRelay:
    """Keeps whether a relay is full, and when to try one more connection.

    Only one is tried at a time: Exim lets no more than 20 wait to be accepted or refused. Times are
    those of the event loop, in seconds.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_full = False
        self._ask_at = 0.0
        self._ended_at = -CROWDED_SECONDS  # when one of its connections ended last
        self._logged_at: float | None = None  # in seconds of the loop

    def note_refused(self, now: float, connections: int, reason: str) -> None:
        """Note that it refused one more than these connections."""
        self._is_full = True
        noticed_at = self._ended_at + NOTICED_SECONDS
        self._ask_at = noticed_at if noticed_at > now else now + CROWDED_SECONDS
        if connections and (self._logged_at is None or now - self._logged_at > LOGGED_SECONDS):
            self._logged_at = now
            log.warning(
                "relay_takes_no_more", relay=self._name, connections=connections, reason=reason
            )

    def note_accepted(self, now: float, *, are_others_waiting: bool) -> None:
        """Note that it accepted one more; if others wait, the next one is tried at once."""
        self._is_full = self._is_full and are_others_waiting
        self._ask_at = now

    def note_ended(self, now: float) -> None:
        """Note that one of its connections has ended."""
        self._ended_at = now
        self._ask_at = min(self._ask_at, now + NOTICED_SECONDS)

    def has_just_ended_one(self, now: float, *, is_too_many: bool) -> bool:
        """Whether a connection has ended and the relay may not have noticed yet.

        `is_too_many`: it answered that there are too many, so it is up and gets more time.
        """
        return now - self._ended_at < (CROWDED_SECONDS if is_too_many else NOTICED_SECONDS)

    def note_none_left(self, now: float) -> None:
        """Note that no connection is left or being opened, so it isn't full."""
        self._is_full = self._is_full and self.has_just_ended_one(now, is_too_many=True)

    def ask(self, now: float) -> float:
        """Return when one more may be tried; if that is now, the next try is a while later."""
        if not self._is_full:
            return now
        at = self._ask_at
        if at <= now:
            self._ask_at = now + CROWDED_SECONDS
        return at
