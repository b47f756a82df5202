"""The sender of triggered mail: what is due leaves once, its conditions looked at again."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from gateway import logs
from gateway.core import ids
from gateway.core.decision.decide import blocking
from gateway.core.kinds import Kind
from gateway.core.people.people import NOBODY, PersonRef
from gateway.core.people.training import Qualification
from gateway.core.sending.event import Event, EventType
from gateway.core.triggers.conditions import unmet, waits
from gateway.core.triggers.due_times import in_quiet_hours
from gateway.core.triggers.events.registry import APPLICATION_EVENTS, EVENTS
from gateway.core.triggers.occurrence import (
    Ending,
    Occurrence,
    OccurrenceState,
    ending,
)
from gateway.core.triggers.occurrence_facts import OccurrenceFacts, told_earlier
from gateway.core.written import as_read
from gateway.runtime.attempts import attempt, keep
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.journal import message_lookup
from gateway.store.sending import events
from gateway.store.triggers import due, ledger
from gateway.triggers import record
from gateway.triggers.epoch import EpochFileUnusable, RestoreDetector
from gateway.triggers.letter import OccurrenceLetter, addressee, sender_of, write
from gateway.triggers.plan import Carrier, TriggerSettings
from gateway.triggers.templates import CheckedTrigger, NotRendered

log = logs.get("triggers")

#: Until mail that waits for a field is looked at again; an import that tells it comes first.
_UNREAD = timedelta(hours=1)
_EARLIER_FIRST = "the mail of an earlier change to this status is being sent"
_EARLIER_ENDS = timedelta(seconds=2)  #: Until it is looked at whether that mail has ended.
_PAUSED = timedelta(seconds=30)  #: Until a paused mail is looked at again.
_EVERY = frozenset(EVENTS)
_LATE = Ending(state=OccurrenceState.EXPIRED, reason=ledger.TOO_LATE)
_GONE = Ending(state=OccurrenceState.SKIPPED, reason="the trigger is gone")
_LOUD = (OccurrenceState.FAILED, OccurrenceState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLimits:
    """How much the sender does at once, and how long it waits."""

    concurrency: int = 4  #: The relay connection is shared with the outbox.
    batch: int = 32
    taken: timedelta = timedelta(minutes=2)  #: How long rows are taken that are not sent yet.
    attempt: timedelta = timedelta(minutes=4)  #: One delivery; shorter than the lease.
    lease: timedelta = timedelta(minutes=5)
    away: timedelta = timedelta(seconds=2)  #: Between tries while the store is away.


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the sender takes from the world around it."""

    holder: str  #: Names this process among all that share the store.
    clock: Callable[[], datetime]  #: Aware.
    new_id: Callable[[], int]
    jitter: Callable[[], float]
    is_gone: IsGone


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row with its mail, or with why there is none."""

    row: Occurrence
    facts: OccurrenceFacts
    outcome: OccurrenceLetter | Ending


class TriggerSender:
    """Sends what is due in the ledger, and nothing twice."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[], TriggerSettings],
        carrier: Carrier,
        watch: RestoreDetector,
        *,
        outside: Outside,
        stopping: asyncio.Event,
        limits: SenderLimits | None = None,
    ) -> None:
        self._database = database
        self._plan = plan
        self._carrier = carrier
        self.watch = watch
        self._outside = outside
        self._stopping = stopping
        self._limits = limits or SenderLimits()

    async def send_due(
        self, *, runs: Collection[int] | None = None, in_quiet_hours_too: bool = False
    ) -> int:
        """Send what is due now (of some runs only); return how many rows were looked at.

        Raise `StoreUnavailable`, and `EpochFileUnusable` where nothing can be sent safely.
        """
        done = 0
        while not self._stopping.is_set():
            rows = await self._take(runs, quiet_too=in_quiet_hours_too)
            if not rows:
                break
            await self._send_all(rows)
            done += len(rows)
        return done

    async def _take(self, runs: Collection[int] | None, *, quiet_too: bool) -> list[Occurrence]:
        outside, now, plan = self._outside, self._outside.clock(), self._plan()
        is_gone = outside.is_gone
        if not await self._database.read(lambda c: ledger.has_work(c, now, is_gone)):
            return []
        for row in await self._database.write(lambda c: ledger.recover(c, now, is_gone)):
            self._tell(row, Ending(state=row.state, reason=row.reason))
        if not await self.watch.may_send():
            return []
        is_quiet = in_quiet_hours(plan.quiet_hours, now.astimezone(plan.zone).time())
        return await self._database.write(
            lambda connection: ledger.claim(
                connection,
                outside.holder,
                now,
                lease=self._limits.taken,
                limit=self._limits.batch,
                # What was done to applications mails at any hour.
                events=APPLICATION_EVENTS if is_quiet and not quiet_too else _EVERY,
                runs=runs,
            )
        )

    async def _send_all(self, rows: list[Occurrence]) -> None:
        """Send rows a few at a time; what isn't begun when the process stops is given back."""
        plan, outside = self._plan(), self._outside
        # What rows are about is looked at, and their mails are written, all in one go.
        facts = await self._database.read(
            lambda connection: [due.facts(connection, row) for row in rows]
        )
        now, pairs = outside.clock(), list(zip(rows, facts, strict=True))
        waiting = await asyncio.to_thread(
            lambda: [prepare(plan, row, known, now) for row, known in reversed(pairs)]
        )

        async def work() -> None:
            while waiting and not self._stopping.is_set():
                await self._send(plan, waiting.pop())

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._limits.concurrency):
                    tasks.create_task(work())
        except* (StoreUnavailable, EpochFileUnusable) as errors:
            raise errors.exceptions[0] from None
        finally:
            if waiting:
                numbers = [prepared.row.id for prepared in waiting]
                try:
                    await self._database.write(
                        lambda c: ledger.give_back(c, outside.holder, numbers)
                    )
                except StoreUnavailable as error:
                    log.error("triggers_put_off", reason=str(error))

    async def _send(self, plan: TriggerSettings, prepared: Prepared) -> None:
        """Take one occurrence through; the network is used between two transactions."""
        row, outcome, now = prepared.row, prepared.outcome, self._outside.clock()
        rule = plan.rules.get(row.trigger)
        if isinstance(outcome, Ending) or rule is None:
            ended = outcome if isinstance(outcome, Ending) else _GONE
            holder = self._outside.holder
            if await self._database.write(
                lambda c: ledger.settle(c, row.id, holder, ended, now=self._outside.clock())
            ):
                self._tell(row, ended)
            return
        message = self._outside.new_id()
        case = record.MailOfOccurrence(
            plan=plan,
            trigger=rule.trigger,
            row=row,
            letter=outcome,
            message=message,
            now=now,
            relay=self._carrier.relay_of(_address(sender_of(plan, rule.trigger))),
        )
        decided = await self._database.write(lambda c: self._begin(c, case, prepared.facts))
        if decided is not None:
            self._tell(row, decided)
            return
        await self.watch.reach(message)
        await self._deliver(case)

    def _begin(
        self, connection: StoreTransaction, case: record.MailOfOccurrence, facts: OccurrenceFacts
    ) -> Ending | None:
        """Look at everything again in the transaction that lets the mail go (RELIABILITY E6).

        Returns how the occurrence ended without being sent; None: it is being sent.
        """
        row, plan, holder = case.row, case.plan, self._outside.holder
        if row.latest_at is not None and row.latest_at <= case.now:
            ledger.settle(connection, row.id, holder, _LATE, now=case.now)
            return _LATE
        if due.facts(connection, row) != facts:
            ledger.give_back(connection, holder, [row.id])
            return Ending(state=OccurrenceState.DUE, reason="changed meanwhile", next_at=case.now)
        switches = message_lookup.paused(connection)
        if "all" in switches or (case.trigger.kind is Kind.BULK and "bulk" in switches):
            paused = Ending(
                state=OccurrenceState.DUE, reason="mail is paused", next_at=case.now + _PAUSED
            )
            ledger.settle(connection, row.id, holder, paused, now=case.now)
            return paused
        address = plan.lookup(case.letter.address)
        standing = plan.standings.within(connection, [address]).get(address, NOBODY)
        blocked = blocking(case.trigger.kind, standing)
        if blocked:
            ended = Ending(state=OccurrenceState.SKIPPED, reason=record.reason(blocked))
            ledger.settle(
                connection,
                row.id,
                holder,
                ended,
                now=case.now,
                message=record.send_failed(connection, case, record.Blocked(standing, blocked)),
                address=case.letter.address,
            )
            return ended
        twin = self._twin(connection, case, facts, address)
        if twin is not None:
            ended = Ending(state=OccurrenceState.SKIPPED, reason=same_mailbox(twin))
            ledger.settle(connection, row.id, holder, ended, now=case.now, address=address)
            return ended
        mail = ledger.LedgerMail(
            address=case.letter.address,
            mailbox=address,
            subject=case.letter.subject,
            message_id=case.letter.message_id,
            body=case.letter.body,
            message=record.sending(case, standing),
        )
        if ledger.begin(connection, row.id, holder, mail, now=case.now, lease=self._limits.lease):
            return None
        return Ending(state=OccurrenceState.DUE, reason="taken by another process")

    def _twin(
        self,
        connection: StoreTransaction,
        case: record.MailOfOccurrence,
        facts: OccurrenceFacts,
        mailbox: str,
    ) -> PersonRef | None:
        """Return who else had the same mail of the day at that mailbox; None: it may go."""
        plan, row = case.plan, case.row
        if row.recipient or not (plan.once_per_address and case.trigger.is_of_date):
            return None
        subject = subject_of(facts.qualification)
        for other in ledger.others_at(connection, row, mailbox):
            if subject_of(due.facts(connection, other).qualification) == subject:
                return other.person
        return None

    async def _deliver(self, case: record.MailOfOccurrence) -> None:
        """Hand a mail to its relay and write down what became of it, the next try included."""
        row, letter = case.row, case.letter
        result = await attempt(
            self._carrier.carry(
                sender=_address(sender_of(case.plan, case.trigger)),
                recipient=letter.address,
                content=letter.body,
            ),
            self._limits.attempt,
            failed=lambda: log.exception("trigger_fault", occurrence=ids.show(row.id)),
        )
        now = self._outside.clock()
        ended = ending(result, row.attempts + 1, now, self._outside.jitter(), row.latest_at)
        outcome = record.outcome(case.message, result)
        sent = Event(
            id=self._outside.new_id(),
            type=EventType.TRIGGER_SENT,
            person=row.person,
            data={
                "trigger": row.trigger,
                "event": row.event,
                "person": str(row.person),
                "about": row.about,
                "occurrence": row.occurrence,
                "message": ids.show(case.message),
                "message_id": case.letter.message_id,
                "at": now.isoformat(),
            },
        )

        def work(connection: StoreTransaction) -> bool:
            events.put(connection, [sent] if ended.state is OccurrenceState.SENT else [])
            return ledger.end(
                connection, row.id, self._outside.holder, ending=ended, outcome=outcome, now=now
            )

        is_kept = await keep(
            self._database,
            work,
            lease=self._limits.lease,
            away=self._limits.away,
            clock=self._outside.clock,
            stopping=self._stopping,
            put_off=lambda error: log.error("triggers_put_off", reason=str(error)),
        )
        if is_kept is None:
            log.error("trigger_result_lost", occurrence=ids.show(row.id))
        self._tell(row, ended)

    def _tell(self, row: Occurrence, ended: Ending) -> None:
        fields = {"trigger": row.trigger, "occurrence": ids.show(row.id), "state": ended.state}
        if ended.state in _LOUD:
            log.error("trigger_failed", reason=ended.reason, **fields)
        elif ended.state is OccurrenceState.DUE and ended.reason == row.reason:
            return
        elif ended.state is OccurrenceState.DUE:
            log.warning("trigger_put_off", reason=ended.reason, **fields)
        else:
            log.info("trigger_done", **fields)


def same_mailbox(person: PersonRef) -> str:
    """Say that somebody with the same address has had the same mail of the day."""
    return f"the address had it once today, for {person}"


def subject_of(one: Qualification | None) -> tuple[str, str]:
    """Return what tells mails about qualifications apart for who reads them; ids don't."""
    return (as_read(one.name), as_read(one.licence_number)) if one else ("", "")


def _address(mailbox: str) -> str:
    return parseaddr(mailbox)[1]


def prepare(
    plan: TriggerSettings, row: Occurrence, facts: OccurrenceFacts, now: datetime
) -> Prepared:
    """Write the mail of a row, or tell why there is none."""
    rule = plan.rules.get(row.trigger)
    found = refused(plan, rule, row, facts, now)
    if found is not None or rule is None:
        return Prepared(row, facts, found or _GONE)
    try:
        return Prepared(row, facts, write(plan, rule, row, facts, now))
    except NotRendered as error:
        return Prepared(row, facts, Ending(state=OccurrenceState.FAILED, reason=str(error)))
    except Exception as error:  # one mail's fault must not stop the others
        log.exception("trigger_fault", occurrence=ids.show(row.id))
        why = f"{type(error).__name__}: {error}"
        return Prepared(row, facts, Ending(state=OccurrenceState.FAILED, reason=why))


def refused(
    plan: TriggerSettings,
    rule: CheckedTrigger | None,
    row: Occurrence,
    facts: OccurrenceFacts,
    now: datetime,
) -> Ending | None:
    """Return how an occurrence ends that isn't sent; None: nothing speaks against it."""
    skipped = OccurrenceState.SKIPPED
    if rule is None or rule.trigger.event.name != row.event:
        return _GONE
    if not rule.trigger.enabled:
        return Ending(state=skipped, reason="the trigger is switched off")
    if row.latest_at is not None and row.latest_at <= now:
        return _LATE
    to_person = not row.recipient
    if facts.person is not None and (why := waits(rule.trigger, facts, to_person=to_person)):
        next_at = now + _UNREAD if row.latest_at is None else min(now + _UNREAD, row.latest_at)
        return Ending(state=OccurrenceState.DUE, reason=why, next_at=next_at)
    why = unmet(rule.trigger, row.occurrence, facts, plan.day(now), to_person=to_person)
    why = why or facts.superseded or told_earlier(facts)
    if why:
        return Ending(state=skipped, reason=why)
    if facts.earlier is OccurrenceState.SENDING:
        return Ending(state=OccurrenceState.DUE, reason=_EARLIER_FIRST, next_at=now + _EARLIER_ENDS)
    if not addressee(row.recipient, facts).address:
        return Ending(state=skipped, reason="no address")
    return None
