"""The sender of triggered mail: sends what is due once, after checking its conditions again."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path

from gateway import logs
from gateway.core import ids
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.sending.event import Event, EventType
from gateway.core.sending.outbox import AttemptResult, Deferred
from gateway.core.triggers.due_times import in_quiet_hours
from gateway.core.triggers.events.registry import APPLICATION_EVENTS, EVENTS
from gateway.core.triggers.occurrence import (
    Occurrence,
    OccurrenceEnding,
    OccurrenceState,
    ending,
)
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.delivery.submission import MailSubmitter
from gateway.documents.triggers.triggers import trigger_sent_data
from gateway.runtime.attempts import keep
from gateway.runtime.queue_worker import QueueWorker
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.engine.group_commit import GroupCommit
from gateway.store.engine.leases import IsGone
from gateway.store.sending import events as event_store
from gateway.store.triggers import due, ledger
from gateway.store.triggers.ledger import LedgerEnd
from gateway.triggers import record
from gateway.triggers.attempt_notes import AttemptNotes, attempts_of, forget_ended
from gateway.triggers.epoch import EpochFileUnusable, RestoreDetector
from gateway.triggers.last_look import TRIGGER_GONE, ending_if_not_sent, let_go
from gateway.triggers.occurrence_mail import OccurrenceMail, sender_of, write
from gateway.triggers.record import MailToSend
from gateway.triggers.relay_turns import RelayTurns
from gateway.triggers.templates import NotRendered
from gateway.triggers.trigger_settings import TriggerSettings

log = logs.get("triggers")

_EVERY = frozenset(EVENTS)
_LOUD = (OccurrenceState.FAILED, OccurrenceState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLimits:
    """How much the sender does at once, and how long it waits."""

    batch: int = 32  #: The most mails released but not sent yet.
    claim: timedelta = timedelta(minutes=2)  #: How long unsent rows stay claimed.
    attempt: timedelta = timedelta(minutes=4)  #: A delivery; with its turn, shorter than the lease.
    lease: timedelta = timedelta(minutes=5)
    away: timedelta = timedelta(seconds=2)  #: Between retries while the store is away.


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderContext:
    """The sender's environment."""

    holder: str  #: Names this process among all that share the store.
    clock: Callable[[], datetime]  #: Aware.
    new_id: Callable[[], int]
    jitter: Callable[[], float]
    is_gone: IsGone
    state: Path  #: The folder of this machine's own files.


@dataclass(frozen=True, slots=True)
class PreparedMail:
    """A row with its mail, or with the reason why there is none."""

    settings: TriggerSettings  #: The settings it was written under.
    row: Occurrence
    facts: OccurrenceFacts
    outcome: OccurrenceMail | OccurrenceEnding


@dataclass(frozen=True, slots=True)
class AttemptedMail:
    """A mail that was handed to its relay, or was about to be."""

    mail_to_send: MailToSend
    end: LedgerEnd
    at: datetime


class TriggerSender:
    """Sends what is due in the ledger, and nothing twice."""

    def __init__(
        self,
        database: Database,
        settings: Callable[[], TriggerSettings],
        submitter: MailSubmitter,
        restore_detector: RestoreDetector,
        *,
        context: SenderContext,
        stopping: asyncio.Event,
        limits: SenderLimits | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._submitter = submitter
        self.restore_detector = restore_detector
        self._context = context
        self._stopping = stopping
        self._limits = limits or SenderLimits()
        self._letting_go = GroupCommit(
            database, partial(let_go, holder=context.holder, lease=self._limits.lease)
        )
        self._ending = GroupCommit(database, self._end)
        self._turns = RelayTurns(
            submitter,
            AttemptNotes(context.holder),
            most=self._limits.batch,
            limit=self._limits.attempt,
        )
        self._has_looked = False  #: For files of processes that have ended.

    async def send_due(
        self, *, runs: Collection[int] | None = None, in_quiet_hours_too: bool = False
    ) -> int:
        """Send what is due now (or of some runs only); return how many rows were examined.

        Raises `StoreUnavailable`, and `EpochFileUnusable` if nothing can be sent safely.
        """

        async def claim(_: int) -> Sequence[PreparedMail]:
            return await self._claim(runs, in_quiet_hours_too=in_quiet_hours_too)

        self._turns.renew()
        worker = QueueWorker(
            claim,
            self._send,
            give_back=self._give_back,
            at_once=self._turns.let_go_at_once,
            stopping=self._stopping,
            put_off=lambda error: log.error("triggers_put_off", reason=str(error)),
            away=self._limits.away,
        )
        return await worker.work_off()

    def close(self) -> None:
        """Close the file of attempts."""
        self._turns.notes.close()

    async def _claim(
        self, runs: Collection[int] | None, *, in_quiet_hours_too: bool
    ) -> Sequence[PreparedMail]:
        """Claim what is due and write the mails; report what others have abandoned."""
        context, now = self._context, self._context.clock()
        has_work = partial(ledger.has_work, now=now, is_gone=context.is_gone)
        if not await self._database.read(has_work):
            return []
        for row in await self._database.write(self._recover):
            self._tell(row, OccurrenceEnding(state=row.state, reason=row.reason))
        if not self._has_looked:
            self._has_looked = True
            forget_ended(context.state, context.is_gone)
        if not await self.restore_detector.may_send():
            return []
        settings = self._settings()
        is_quiet = in_quiet_hours(settings.quiet_hours, now.astimezone(settings.zone).time())
        # Changes to applications are mailed at any hour.
        events = APPLICATION_EVENTS if is_quiet and not in_quiet_hours_too else _EVERY
        claim = partial(
            ledger.claim,
            holder=context.holder,
            now=now,
            lease=self._limits.claim,
            limit=self._limits.batch,
            events=events,
            runs=runs,
        )
        rows = await self._database.write(claim)
        if not rows:
            return []
        with contextlib.suppress(OSError):  # Without it, fewer are released at once.
            self._turns.notes.open()
        # A status may have changed a second after its trigger was created or switched on: under the
        # previous settings, its mail would be skipped for good.
        settings = self._settings()
        # The facts of all rows are queried, and their mails written, in one go.
        try:
            facts = await self._database.read(due.facts_of, rows)
            now, pairs = context.clock(), list(zip(rows, facts, strict=True))
            return await asyncio.to_thread(
                lambda: [prepare(settings, row, row_facts, now) for row, row_facts in pairs]
            )
        except Exception:
            # If the store is away, their lease runs out.
            with contextlib.suppress(StoreUnavailable):
                numbers = [row.id for row in rows]
                await self._database.write(ledger.give_back, context.holder, numbers)
            raise

    async def _give_back(self, prepared: Sequence[PreparedMail]) -> None:
        numbers = [mail_to_send.row.id for mail_to_send in prepared]
        await self._database.write(ledger.give_back, self._context.holder, numbers)

    async def _send(self, prepared: PreparedMail) -> None:
        """Process one occurrence; the network is used between two transactions."""
        settings = prepared.settings
        row, outcome, now = prepared.row, prepared.outcome, self._context.clock()
        checked = settings.checked_triggers.get(row.trigger)
        if isinstance(outcome, OccurrenceEnding) or checked is None:
            ended = outcome if isinstance(outcome, OccurrenceEnding) else TRIGGER_GONE
            holder = self._context.holder
            if await self._database.write(
                lambda c: ledger.settle(c, row.id, holder, ended, now=self._context.clock())
            ):
                self._tell(row, ended)
            return
        message = self._context.new_id()
        mail_to_send = MailToSend(
            settings=settings,
            trigger=checked.trigger,
            row=row,
            facts=prepared.facts,
            mail=outcome,
            message=message,
            now=now,
            relay=self._submitter.relay_of(_address(sender_of(settings, checked.trigger))),
        )
        looked_at = await self._letting_go.write(mail_to_send)
        if isinstance(looked_at, OccurrenceEnding):
            self._tell(row, looked_at)
            return
        await self._deliver(mail_to_send, looked_at.newest)

    async def _deliver(self, mail_to_send: MailToSend, newest: int) -> None:
        """Hand a mail to its relay and record the result, including the next attempt.

        If the epoch file can't be written first, the mail is not sent but tried again later, and
        `EpochFileUnusable` is raised.
        """
        row, fault = mail_to_send.row, None
        result: AttemptResult
        try:
            await self.restore_detector.reach(newest)
            result = await self._turns.submit(
                row.id,
                sender=_address(sender_of(mail_to_send.settings, mail_to_send.trigger)),
                recipient=mail_to_send.mail.address,
                content=mail_to_send.mail.body,
            )
        except EpochFileUnusable as error:
            fault, result = error, Deferred(str(error))
        now = self._context.clock()
        ended = ending(result, row.attempts + 1, now, self._context.jitter(), row.latest_at)
        outcome = record.outcome(mail_to_send.message, result)
        attempted = AttemptedMail(mail_to_send, LedgerEnd(row.id, ended, outcome), now)
        is_kept = await keep(
            lambda: self._ending.write(attempted),
            lease=self._limits.lease,
            away=self._limits.away,
            clock=self._context.clock,
            stopping=self._stopping,
            put_off=lambda error: log.error("triggers_put_off", reason=str(error)),
        )
        if is_kept is None:
            log.error("trigger_result_lost", occurrence=ids.show(row.id))
        self._tell(row, ended)
        if fault is not None:
            raise fault

    def _end(
        self, connection: StoreTransaction, several: Sequence[AttemptedMail]
    ) -> Sequence[bool]:
        """Record the results of mails and report those sent; return whether each was still ours."""
        ends, now = [attempted.end for attempted in several], several[-1].at
        ended = ledger.end(connection, self._context.holder, ends, now=now)
        # The answer to a commit may be lost: then all this was reported before the next attempt.
        sent = [
            self._sent_event(
                attempted.mail_to_send.row,
                message=attempted.mail_to_send.message,
                message_id=attempted.mail_to_send.mail.message_id,
                at=attempted.at,
            )
            for attempted in several
            if attempted.end.id in ended and attempted.end.ending.state is OccurrenceState.SENT
        ]
        event_store.put(connection, sent)
        return [end.id in ended for end in ends]

    def _recover(self, connection: StoreTransaction) -> Sequence[Occurrence]:
        """Settle what vanished processes left; return what nobody will send any more."""
        context, now = self._context, self._context.clock()
        left = ledger.recover(connection, now, context.is_gone, attempts_of)
        sent = [
            self._sent_event(row, message=row.message, message_id=row.message_id, at=now)
            for row in left
            if row.state is OccurrenceState.SENT and row.message is not None
        ]
        event_store.put(connection, sent)
        return left

    def _sent_event(self, row: Occurrence, *, message: int, message_id: str, at: datetime) -> Event:
        return Event(
            id=self._context.new_id(),
            type=EventType.TRIGGER_SENT,
            person=row.person,
            data=trigger_sent_data(row, message=message, message_id=message_id, at=at),
        )

    def _tell(self, row: Occurrence, ended: OccurrenceEnding) -> None:
        fields = {"trigger": row.trigger, "occurrence": ids.show(row.id), "state": ended.state}
        if ended.state in _LOUD:
            log.error("trigger_failed", reason=ended.reason, **fields)
        elif ended.state is OccurrenceState.DUE and ended.reason == row.reason:
            return
        elif ended.state is OccurrenceState.DUE:
            log.warning("trigger_put_off", reason=ended.reason, **fields)
        else:
            log.info("trigger_done", **fields)


@lru_cache  # All mail of a run comes from the same few.
def _address(mailbox: str) -> str:
    return name_and_address(mailbox)[1]


def prepare(
    settings: TriggerSettings, row: Occurrence, facts: OccurrenceFacts, now: datetime
) -> PreparedMail:
    """Write the mail of a row, or return why there is none."""
    checked = settings.checked_triggers.get(row.trigger)
    against = ending_if_not_sent(settings, checked, row, facts, now)
    if against is not None or checked is None:
        return PreparedMail(settings, row, facts, against or TRIGGER_GONE)
    try:
        return PreparedMail(settings, row, facts, write(settings, checked, row, facts, now))
    except NotRendered as error:
        return PreparedMail(
            settings, row, facts, OccurrenceEnding(state=OccurrenceState.FAILED, reason=str(error))
        )
    except Exception as error:  # one mail's fault must not stop the others
        log.exception("trigger_fault", occurrence=ids.show(row.id))
        why = f"{type(error).__name__}: {error}"
        return PreparedMail(
            settings, row, facts, OccurrenceEnding(state=OccurrenceState.FAILED, reason=why)
        )
