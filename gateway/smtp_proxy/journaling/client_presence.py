"""Whether a client gets a verdict that took long, or that came after it closed its side.

    c: .
                                          some seconds pass; is the client still there?
    s: 250 2.0.0 Ok: queued as 4XZ1
    c: QUIT                               it was: sending the same mail again is on purpose

If it has given up instead, it will sooner or later send the mail again, and that retry must get
this answer and not be delivered a second time.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing

from gateway.core.journal.attempt import Attempt
from gateway.core.mail.reply import Reply
from gateway.smtp_proxy.client_reader import ClientReader, has_read_all
from gateway.smtp_proxy.journaling.retries import ClientTry, Retries

_SECONDS = 1.0  #: After which a client that is connected and silent has received the answer.
#: By then the network has shown whether one that closed its side still reads.
_CLOSED_SECONDS = 0.3
_AWAITED_SECONDS = 1.0  #: How long other workers can see an answer they waited for.


class ClientPresence:
    """From the answer to the client's next action; retries wait until then."""

    def __init__(
        self,
        client_try: ClientTry,
        write: Callable[[tuple[Attempt, ...]], "asyncio.Future[None] | None"],
        client_reader: ClientReader,
        retries: Retries,
        reply: Reply,
        *,
        owes: bool,
    ) -> None:
        """Take how to store the answer for a retry, and whether the mail owes a notice.

        `write` makes the journal store the answer, and returns a future that is done when every
        process can see it. `owes`: a notice goes to the sender, which a retry must not repeat.
        """
        self._client_try = client_try
        self._write = write
        self._client_reader = client_reader
        self._retries = retries
        self._reply = reply
        self._owes = owes
        self._loop = asyncio.get_running_loop()

    def watch(self) -> None:
        """Wait for the client; anything it sent before the answer proves nothing."""
        self._client_try.answered = True
        self._client_reader.watcher = self._note_event
        self._timer = self._loop.call_later(_SECONDS, self._note_event)

    def look_whether_it_listens(self) -> None:
        """Check, a moment after the answer, whether a client that closed its side has read it.

        `printf … | nc` closes its side at once and keeps listening; a client that gave up doesn't,
        or closes later: nodemailer keeps reading after its timeout and discards what comes.
        """
        connection = self._client_reader.connection()
        if connection is None:
            return

        def check_again() -> None:
            with closing(connection):
                if has_read_all(connection):
                    self._client_try.heard = True
                    self._write(self._attempts(self._state_heard))

        self._loop.call_later(_CLOSED_SECONDS, check_again)

    def _note_event(self) -> None:
        self._timer.cancel()
        if self._client_reader.watcher == self._note_event:
            self._client_reader.watcher = None
        if not self._client_reader.is_closed:
            self._note_heard()
        elif self._client_reader.was_reset:
            self._note_unheard()
        else:
            connection = self._client_reader.connection()
            if connection is None:  # It was connected until we closed: it had sent QUIT early.
                self._note_heard()
                return
            with closing(connection):
                has_read = has_read_all(connection)
            if has_read:
                self._note_heard()
            else:
                self._note_unheard()

    def _note_unheard(self) -> None:
        client_try = self._client_try
        self._retries.lose(client_try)
        attempts = self._attempts("verdict")
        self._retries.leave(client_try, attempts[0], self._write(attempts))

    def _note_heard(self) -> None:
        """Let the client send the same mail again on purpose; those who waited get the answer."""
        client_try = self._client_try
        client_try.heard = True
        stored_attempts = attempts = self._attempts("verdict")
        forgotten = self._attempts(self._state_heard)
        if self._retries.is_awaited(client_try):
            self._loop.call_later(_AWAITED_SECONDS, lambda: self._write(forgotten))
        else:
            stored_attempts = forgotten
        self._retries.leave(client_try, attempts[0], self._write(stored_attempts))

    @property
    def _state_heard(self) -> str:
        return "sent" if self._owes and self._reply.positive else "heard"

    def _attempts(self, state: str) -> tuple[Attempt, ...]:
        return self._client_try.attempts_to_store(state, self._reply.text)
