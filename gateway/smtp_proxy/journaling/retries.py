"""Retries of transactions that are still undecided, and how they are answered.

If a client gives up and sends again, its mail must not be delivered twice: the retry waits for the
verdict on the first try and gets it. Tries in this worker are known here, those in other workers on
the host through `HostMarks`, those on other hosts through the store.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic

from gateway.core.journal.attempt import Attempt, RetryMarks, date_in_seconds, is_same_date
from gateway.core.mail.headers import Headers
from gateway.runtime.periodic import pause
from gateway.smtp_proxy.client_reader import ClientReader
from gateway.smtp_proxy.journaling.host_marks import HostMarks, MarkKind
from gateway.store.engine.database import StoreUnavailable

SLOW_SECONDS = 0.5  #: After which the store is informed of a try without a verdict.
_PIPELINED_SECONDS = 0.1  #: By then, commands pipelined with the final dot have arrived (RFC 2920).
_STEP_SECONDS = 0.05  #: Between two checks whether another worker's try has ended.
_LOOK_SECONDS = 0.05  #: How long the store's answer is trusted.
_SOON_SECONDS = 0.2  #: After this long the store shows what happened in other workers.
_LOST_SECONDS = 1.0  #: How long a lost try stays marked after the store was informed.

EarlierTries = Sequence[Attempt]


class ClientTry:
    """One try to send a mail, from the end of its content to the answer."""

    __slots__ = (
        "_arrived", "_ended", "_headers", "answer", "answered", "client_reader", "content_hash",
        "gave_up", "has_ended", "heard", "lost", "marks", "message", "others", "since", "slow",
        "tell",
    )  # fmt: skip

    def __init__(
        self,
        message: int,
        marks: RetryMarks,
        headers: Headers,
        arrived: datetime,
        content_hash: Callable[[], str],
    ) -> None:
        self.message = message
        self.marks = marks
        self.content_hash = content_hash
        self._headers = headers
        self._arrived = arrived
        self.others: tuple[RetryMarks, ...] = ()  #: Other marks that a retry may have instead.
        self.lost = False  #: Whether the client has gone, or got 451.
        self.gave_up = False  #: Whether it sent or closed something long after the final dot.
        self.slow = False  #: Whether it took longer than verdicts usually do.
        self.heard = False  #: Whether the client has received the answer.
        self.answered = False  #: Whether the answer is on its way to the client.
        self.since = 0.0  #: When the final dot was sent, by `monotonic`.
        self.client_reader: ClientReader
        self.tell: Callable[[], object]  #: Informs the store that there is no verdict yet.
        self.has_ended = False
        self.answer: Attempt | None = None  #: How it ended; None: a retry gets no answer from it.
        self._ended: asyncio.Event | None = None

    def end(self, answer: Attempt | None) -> None:
        """Give waiting retries their answer."""
        if not self.has_ended:
            self.has_ended, self.answer = True, answer
            if self._ended is not None:
                self._ended.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most that many seconds."""
        if self._ended is None:
            self._ended = asyncio.Event()
        await pause(self._ended, timedelta(seconds=seconds))

    @property
    def date(self) -> int:
        """Its Date field in seconds since 1970."""
        return date_in_seconds(self._headers.text("date"), self._arrived)

    def is_retry_of(self, attempt: Attempt) -> bool:
        """Whether an attempt known to the store is for the same mail."""
        date = self.date if attempt.dated is not None else 0
        return attempt.is_first_of(self.content_hash(), date)

    def answer_in(self, earlier: EarlierTries) -> Attempt | None:
        """Return the newest attempt whose answer, present or awaited, also applies to this try."""
        states = ("verdict", "pending")
        same = [
            attempt for attempt in earlier if attempt.state in states and self.is_retry_of(attempt)
        ]
        return same[-1] if same else None

    def is_like(self, other: "ClientTry") -> bool:
        """Whether another try of equal likeness is for the same mail, whatever its Message-ID."""
        return self.content_hash() == other.content_hash() and is_same_date(self.date, other.date)

    def attempts_to_store(self, state: str, verdict: str = "") -> tuple[Attempt, ...]:
        """Return what the store should remember about it.

        It is remembered by its fingerprint (without a Message-ID, together with its date). Once its
        client is lost, also by its likeness, because such a client may generate the mail again with
        another Message-ID.
        """
        attempts = []
        for marks in (self.marks, *self.others):
            known_by = [(marks.fingerprint, None if marks.has_id else self.date)]
            if self.lost:
                known_by.append((marks.likeness, self.date))
            attempts += [
                Attempt(
                    fingerprint=mark,
                    message=self.message,
                    state=state,
                    content_hash=self.content_hash(),
                    verdict=verdict,
                    dated=date,
                )
                for mark, date in known_by
            ]
        return tuple(attempts)


class Retries:
    """The tries of a worker that have no verdict yet."""

    def __init__(self, host: HostMarks | None) -> None:
        """Without `host`, other workers on this host are known only through the store."""
        self._host = host
        self._in_flight: dict[int, list[ClientTry]] = {}  # by fingerprint
        self._lost: dict[int, list[ClientTry]] = {}  # by likeness
        self._lost_marks: Counter[int] = Counter()
        self._awaited: Counter[int] = Counter()
        self._at_dot: dict[ClientTry, None] = {}  # oldest first
        self._timer: asyncio.TimerHandle | None = None

    # Before the final dot

    async def enter(
        self,
        own_try: ClientTry,
        earlier: EarlierTries,
        *,
        asked_at: float,
        look_again: Callable[[], Awaitable[EarlierTries]],
        client_reader: ClientReader,
        patience: float,
        waits: Callable[[], Awaitable[None]],
        first_is: Callable[[int], None],
    ) -> Attempt | None:
        """Return the attempt whose answer also applies to this try; None: it may go to the relay.

        `earlier` is the store's answer at `asked_at` (`monotonic`); `look_again` asks it again.
        While a first try is in flight, this waits up to `patience` seconds for its verdict; `waits`
        is called if that takes long, `first_is` with the message it waited for. Raise whatever
        ended the client meanwhile.
        """
        if monotonic() - asked_at > _LOOK_SECONDS:
            earlier = await _ask_again(look_again, earlier)
        answer, first = self._find_earlier(own_try, earlier)
        if answer is not None or (first is None and self._may_go(own_try, earlier)):
            return answer

        # From here on it waits, and the first try's answer is kept for it in whichever worker.
        number = own_try.marks.fingerprint
        self._awaited[number] += 1
        if self._host is not None and self._awaited[number] == 1:
            self._host.set(MarkKind.AWAITED, number)
        try:
            return await self._waited_for(
                own_try,
                look_again,
                client_reader,
                patience=patience,
                waits=waits,
                first_is=first_is,
            )
        finally:
            self._awaited[number] -= 1
            if not self._awaited[number]:
                del self._awaited[number]
                if self._host is not None:
                    self._host.remove(MarkKind.AWAITED, number)

    async def _waited_for(
        self,
        own_try: ClientTry,
        look_again: Callable[[], Awaitable[EarlierTries]],
        client_reader: ClientReader,
        *,
        patience: float,
        waits: Callable[[], Awaitable[None]],
        first_is: Callable[[int], None],
    ) -> Attempt | None:
        earlier: EarlierTries = ()
        began = monotonic()
        is_long = False
        while True:
            earlier = await _ask_again(look_again, earlier)
            client_reader.raise_if_over()
            retried = [attempt for attempt in earlier if own_try.is_retry_of(attempt)]
            for attempt in retried:
                first_is(attempt.message)
            answer, first = self._find_earlier(own_try, earlier)
            if answer is not None or (first is None and self._may_go(own_try, earlier)):
                return answer
            waited = monotonic() - began
            if waited > patience:
                elsewhere = [attempt.message for attempt in retried if attempt.state == "sending"]
                message = first.message if first else elsewhere[0] if elsewhere else 0
                number = own_try.marks.fingerprint
                return Attempt(fingerprint=number, message=message, state="pending")
            if not is_long and waited > _SOON_SECONDS:
                is_long = True
                await waits()
                continue
            if first is not None:
                first_is(first.message)
                await first.wait(_STEP_SECONDS)
                if first.answer is not None:
                    return first.answer
            else:
                await asyncio.sleep(_STEP_SECONDS)

    def _find_earlier(
        self, own_try: ClientTry, earlier: EarlierTries
    ) -> tuple[Attempt | None, ClientTry | None]:
        """Return an answer that exists already, or a try in this worker that will have one."""
        marks = own_try.marks
        candidates = self._in_flight.get(marks.fingerprint, []) if marks.has_id else []
        if not (candidates or earlier or self._lost):  # Nearly always.
            return None, None
        if self._lost:
            lost = self._lost.get(marks.likeness, [])
            alike = [other for other in lost if other is not own_try and other.is_like(own_try)]
            candidates = [*candidates, *alike]
        for other in candidates:
            if other is own_try or other.content_hash() != own_try.content_hash():
                continue
            if not other.has_ended:
                return None, other
            if other.answer is not None and not other.heard:
                return other.answer, None
        return own_try.answer_in(earlier), None

    def _may_go(self, own_try: ClientTry, earlier: EarlierTries) -> bool:
        """Whether no other worker has a try of the same mail in flight; if so, this one now has."""
        host, marks = self._host, own_try.marks
        sending = [attempt for attempt in earlier if attempt.state == "sending"]
        if sending and any(own_try.is_retry_of(attempt) for attempt in sending):
            return False
        # Otherwise what is in flight elsewhere is other content.
        if host is not None and not sending:
            if host.has_seldom and host.is_set(MarkKind.LOST, marks.likeness):
                return False
            if (
                marks.has_id
                and marks.fingerprint not in self._in_flight
                and not host.set(MarkKind.IN_FLIGHT, marks.fingerprint)
            ):
                return False
        self._in_flight.setdefault(marks.fingerprint, []).append(own_try)
        return True

    # While the relay has it

    def dot_out(
        self, own_try: ClientTry, client_reader: ClientReader, tell: Callable[[], object]
    ) -> None:
        """Have the store informed, by `tell`, once the verdict takes long or the client is gone."""
        own_try.since, own_try.client_reader, own_try.tell = monotonic(), client_reader, tell
        self._at_dot[own_try] = None
        client_reader.watcher = lambda: self._look_for_client(own_try)
        if client_reader.is_closed:
            self._look_for_client(own_try)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._look_at_slow)

    def _look_at_slow(self) -> None:
        self._timer = None
        now = monotonic()
        for oldest in self._at_dot:
            if oldest.slow:
                continue
            left = oldest.since + SLOW_SECONDS - now
            if left > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(left, self._look_at_slow)
                return
            oldest.slow = True
            oldest.tell()

    def _look_for_client(self, own_try: ClientTry) -> None:
        """Check whether it has gone, or sends another command instead of waiting."""
        is_impatient = monotonic() - own_try.since > _PIPELINED_SECONDS
        own_try.gave_up = own_try.gave_up or is_impatient
        if (is_impatient or own_try.client_reader.is_closed) and not own_try.lost:
            self.lose(own_try)
            own_try.tell()

    def lose(self, own_try: ClientTry) -> None:
        """Make retries with another Message-ID wait for this try, too."""
        own_try.lost = True
        lost = self._lost.setdefault(own_try.marks.likeness, [])
        if own_try in lost:
            return
        lost.append(own_try)
        self._lost_marks[own_try.marks.likeness] += 1
        if self._host is not None:
            self._host.set(MarkKind.LOST, own_try.marks.likeness)

    def verdict_came(self, own_try: ClientTry) -> None:
        """End what `dot_out` started."""
        if own_try in self._at_dot:
            del self._at_dot[own_try]
            own_try.client_reader.watcher = None
            # It refers back to the transaction that has this try: a cycle that only the collector
            # would free, 30 objects and the content of every message (docs/code.md).
            del own_try.tell

    # After it

    def is_awaited(self, own_try: ClientTry) -> bool:
        """Whether somebody is waiting for the result of this try, here or in another worker.

        Its client may seem to be there and to get the answer: Go's net/smtp and Ruby's Net::SMTP
        give up, leave the connection open, and send again on another.
        """
        if own_try.marks.fingerprint in self._awaited:
            return True
        if self._host is None or not self._host.has_seldom:
            return False
        return self._host.is_set(MarkKind.AWAITED, own_try.marks.fingerprint)

    def leave(
        self,
        own_try: ClientTry,
        answer: Attempt | None,
        visible: "asyncio.Future[None] | None" = None,
    ) -> None:
        """Give waiting retries their answer; forget the try once every process can see it."""
        self.verdict_came(own_try)
        own_try.end(answer)
        if visible is None:
            self._forget(own_try)
        else:
            visible.add_done_callback(lambda _: self._forget(own_try))

    def _forget(self, own_try: ClientTry) -> None:
        marks = own_try.marks
        tries = self._in_flight.get(marks.fingerprint, [])
        if own_try in tries:
            tries.remove(own_try)
            if not tries:
                del self._in_flight[marks.fingerprint]
                if self._host is not None and marks.has_id:
                    self._host.remove(MarkKind.IN_FLIGHT, marks.fingerprint)
        if not own_try.lost:
            return
        lost = self._lost.get(marks.likeness, [])
        if own_try in lost:
            lost.remove(own_try)
            if not lost:
                del self._lost[marks.likeness]
            # Anybody who retries right now asks a store that may not know it yet.
            seconds = _LOST_SECONDS if own_try.answer is not None else 0.0
            likeness = marks.likeness

            def remove_mark() -> None:
                self._lost_marks[likeness] -= 1
                if not self._lost_marks[likeness]:
                    del self._lost_marks[likeness]
                    if self._host is not None:
                        self._host.remove(MarkKind.LOST, likeness)

            asyncio.get_running_loop().call_later(seconds, remove_mark)


async def _ask_again(
    look_again: Callable[[], Awaitable[EarlierTries]], earlier: EarlierTries
) -> EarlierTries:
    """Ask the store again; while it is away, its previous answer counts."""
    try:
        return await look_again()
    except StoreUnavailable:
        return earlier
