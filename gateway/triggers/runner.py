"""Runs of date events: once a day, each trigger looks for whom it is due."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice

from gateway import logs
from gateway.core.triggers.conditions import unmet, waits
from gateway.core.triggers.due_times import first_day_to_look_at, latest_moment, local_moment
from gateway.core.triggers.occurrence import Due
from gateway.core.triggers.trigger import DateEvent, Trigger
from gateway.core.triggers.trigger_run import RunState, Skip, TriggerRun, is_far_more
from gateway.store.engine import leases
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.triggers import due, epochs, ledger, trigger_runs
from gateway.store.triggers.due import DuePerson
from gateway.triggers.plan import TriggerSettings
from gateway.triggers.templates import CheckedTrigger

log = logs.get("triggers")

_LEASE = timedelta(seconds=30)  #: For the sake of economy: the ledger keeps what counts.
_AT_ONCE = 500  #: Occurrences put in together: other writers wait no longer than for that.


@dataclass(frozen=True, slots=True)
class RunFindings:
    """What a look at an event brought."""

    dues: tuple[Due, ...]
    skips: tuple[Skip, ...]
    is_again: bool  #: Whether the day was looked at before.
    usual: int | None  #: How much the largest of the last runs had to send.


class Runner:
    """Looks for occurrences and puts them into the ledger; it sends nothing."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[], TriggerSettings],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], int],
        holder: str,
        is_gone: IsGone,
    ) -> None:
        self._database = database
        self._plan = plan
        self._clock = clock
        self._new_id = new_id
        self._holder = holder
        self._is_gone = is_gone
        self._failed_on: dict[str, date] = {}

    async def run_due(self) -> list[int]:
        """Run every trigger that has not looked at this day, once its hour has come."""
        plan, now = self._plan(), self._clock()
        if not self.has_come(now):
            return []
        today = plan.day(now)
        runs = []
        for rule in plan.active():
            name = rule.trigger.name
            looked = await self._database.read(partial(trigger_runs.looked, trigger=name))
            if today in (looked, self._failed_on.get(name)):
                continue
            is_ours = await self._database.write(
                partial(
                    leases.take,
                    name=f"trigger:{name}",
                    holder=self._holder,
                    now=now,
                    duration=_LEASE,
                    is_gone=self._is_gone,
                )
            )
            if is_ours:
                runs.append(await self.run(rule))
        return runs

    def has_come(self, now: datetime) -> bool:
        """Whether the hour at which date events are looked at has come today."""
        plan = self._plan()
        return now >= local_moment(plan.day(now), plan.daily_at, plan.zone)

    async def run(self, rule: CheckedTrigger) -> int:
        """Look for whom a trigger is due today and put that into the ledger; return the run's id.

        What is there already stays as it is, so that a second run of a day finds what is new. A
        run that fails is written down too; the next day's looks at this day again.
        """
        plan, now, number = self._plan(), self._clock(), self._new_id()
        trigger, today = rule.trigger, plan.day(now)
        run = TriggerRun(
            id=number,
            trigger=trigger.name,
            day=today,
            state=RunState.LOOKING,
            report_to=trigger.report_to,
        )
        try:
            found = await asyncio.to_thread(self._find, plan, trigger, today)
            await self._put(
                replace(run, skipped=len(found.skips), skips=found.skips), trigger, found, now
            )
        except StoreUnavailable:
            raise
        except Exception as error:  # one trigger's fault must not stop the others
            log.exception("trigger_run_failed", trigger=trigger.name)
            self._failed_on[trigger.name] = today
            said = f"{type(error).__name__}: {error}"
            failed = replace(run, id=self._new_id(), state=RunState.OPEN, error=said)
            await self._database.write(lambda connection: trigger_runs.begin(connection, failed))
            return failed.id
        return number

    async def _put(
        self, run: TriggerRun, trigger: Trigger, found: RunFindings, now: datetime
    ) -> None:
        hold = ""
        if is_far_more(len(found.dues), found.usual):
            hold = f"{len(found.dues)} mails: far more than usual (at most {found.usual})"
            log.error("trigger_run_held", trigger=trigger.name, occurrences=len(found.dues))

        def begin(connection: StoreTransaction) -> int:
            trigger_runs.begin(connection, run)
            if epochs.held(connection):
                return 0
            # What seemed too late before is due again where the day is looked at anew.
            return ledger.revive(connection, run.trigger, now, run.id)

        added = await self._database.write(begin)
        waiting = iter(found.dues)
        while chunk := list(islice(waiting, _AT_ONCE)):
            put = partial(ledger.put, dues=chunk, now=now, run=run.id, hold=hold)
            added += len(await self._database.write(put))
        state = RunState.HELD if hold else RunState.OPEN
        is_news = bool(added or (found.skips and not found.is_again) or trigger.report_empty)

        def close(connection: StoreTransaction) -> None:
            # By hand before the hour: what the CRM tells until then is still looked for.
            if self.has_come(now):
                trigger_runs.look(connection, trigger.name, run.day, now)
            if is_news:
                trigger_runs.found(connection, run.id, due=added, state=state)
            else:
                trigger_runs.drop(connection, run.id)

        await self._database.write(close)

    def _find(self, plan: TriggerSettings, trigger: Trigger, today: date) -> RunFindings:
        with self._database.reading() as connection:
            looked = trigger_runs.looked(connection, trigger.name)
            first = first_day_to_look_at(trigger, looked, today)
            found = list(due.candidates(connection, trigger, first, today, fresh=True))
            usual = trigger_runs.usual(connection, trigger.name)
        dues = tuple(self._dues(plan, trigger, found, today))
        return RunFindings(
            dues, tuple(skipped(trigger, found, today)), is_again=looked == today, usual=usual
        )

    def _dues(
        self, plan: TriggerSettings, trigger: Trigger, found: Sequence[DuePerson], today: date
    ) -> Iterator[Due]:
        for one in found:
            if waits(trigger, one.facts) or not why_not(trigger, one, today):
                event = trigger.event
                end = event.useless_from(one.facts) if isinstance(event, DateEvent) else None
                yield Due(
                    id=self._new_id(),
                    trigger=trigger.name,
                    event=trigger.event.name,
                    person=one.person.ref,
                    occurrence=one.occurrence,
                    about=one.about,
                    due_at=local_moment(one.day, plan.daily_at, plan.zone),
                    latest_at=latest_moment(trigger, one.day, plan.zone, end),
                )


def skipped(trigger: Trigger, found: Sequence[DuePerson], today: date) -> Iterator[Skip]:
    """Yield those an event selects and whose conditions aren't met."""
    for one in found:
        why = "" if waits(trigger, one.facts) else why_not(trigger, one, today)
        if why:
            yield Skip(one.person.ref, one.about, why)


def why_not(trigger: Trigger, one: DuePerson, today: date) -> str:
    """Return why somebody an event selects isn't mailed; empty: nothing speaks against it."""
    why = unmet(trigger, one.occurrence, one.facts, today)
    if why or one.person.emails:
        return why
    return "no address"
