"""Released mails take turns at their relay; each is noted before the relay hears of it."""

import asyncio
import contextlib
import time
from datetime import timedelta

from gateway import logs
from gateway.core import ids
from gateway.core.sending.outbox import AttemptResult, Deferred, Sent, Unknown
from gateway.delivery.submission import MailSubmitter
from gateway.runtime.attempts import attempt
from gateway.triggers.attempt_notes import AttemptNotes

log = logs.get("triggers")

_AHEAD_SECONDS = 1.0  #: How far ahead of the relay mails are released.
_WAIT_SECONDS = 30.0  #: For a turn; what waits longer is postponed.
_NEWEST = 0.125  #: Weight of one mail in the average time the relay takes.


class RelayTurns:
    """Submits mails, as many at once as the submitter wants."""

    def __init__(
        self, submitter: MailSubmitter, notes: AttemptNotes, *, most: int, limit: timedelta
    ) -> None:
        """At most `most` are released and not settled; `limit` is how long one may take."""
        self.notes = notes
        self._submitter = submitter
        self._most = most
        self._limit = limit
        self._turns = asyncio.Semaphore(submitter.at_once)
        self._usual = _AHEAD_SECONDS  #: Average time the relay takes for a mail.

    def renew(self) -> None:
        """Use the submitter's current settings; nothing may be in progress."""
        self._turns = asyncio.Semaphore(self._submitter.at_once)

    def let_go_at_once(self) -> int:
        """Return how many mails may be released: those at the relay, and a second's worth.

        Releasing a mail and recording its outcome takes a commit, which many share. Without notes,
        only as many as the relay is handling: all of them are in doubt if this process ends.
        """
        in_hand = self._submitter.at_once
        if not self.notes.are_kept:
            return in_hand
        return min(max(in_hand, int(in_hand * _AHEAD_SECONDS / self._usual)), self._most)

    async def submit(
        self, number: int, *, sender: str, recipient: str, content: bytes
    ) -> AttemptResult:
        """Hand a mail to its relay when its turn comes; `number` is its occurrence's."""
        turns = self._turns
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await turns.acquire()
        except TimeoutError:
            return Deferred("the relay had others in hand")
        began = time.monotonic()
        try:
            self.notes.note_begun(number)
            result = await attempt(
                self._submitter.submit(sender=sender, recipient=recipient, content=content),
                self._limit,
                failed=lambda: log.exception("trigger_fault", occurrence=ids.show(number)),
            )
            with contextlib.suppress(OSError):
                if isinstance(result, Sent):
                    self.notes.note_taken(number)
                elif not isinstance(result, Unknown):
                    self.notes.note_refused(number)
            return result
        except OSError as error:
            return Deferred(f"the attempt can't be noted: {error}")
        finally:
            self._usual += (time.monotonic() - began - self._usual) * _NEWEST
            turns.release()
