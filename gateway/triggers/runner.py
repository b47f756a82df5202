"""Runs of date events: once a day, each trigger looks for people for whom it is due."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from gateway import logs
from gateway.core.batches import batched
from gateway.core.triggers.due_times import local_moment
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_run import RunState, TriggerRun, is_far_more
from gateway.core.written import counted
from gateway.runtime.lease import Lease
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.triggers import epochs, ledger, trigger_runs
from gateway.triggers.search import RunFindings, search
from gateway.triggers.templates import CheckedTrigger
from gateway.triggers.trigger_settings import TriggerSettings

log = logs.get("triggers")

#: How long a run's lease lasts. It only saves others the same work: the ledger prevents duplicates.
_TERM = timedelta(seconds=30)
_AT_ONCE = 500  #: Occurrences per transaction: other writers wait for no longer than that.


class Runner:
    """Looks for occurrences and adds them to the ledger; it sends nothing."""

    def __init__(
        self,
        database: Database,
        settings: Callable[[], TriggerSettings],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], int],
        holder: str,
        is_gone: IsGone,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._new_id = new_id
        self._holder = holder
        self._is_gone = is_gone
        self._failed_on: dict[str, date] = {}

    async def run_due(self) -> list[int]:
        """Run every trigger that has not looked at this day, once its hour has come."""
        settings, now = self._settings(), self._clock()
        if not self.has_come(now):
            return []
        today = settings.day(now)
        runs = []
        for checked in settings.active():
            name = checked.trigger.name
            last_day = await self._database.read(partial(trigger_runs.last_look, trigger=name))
            if today in (last_day, self._failed_on.get(name)):
                continue
            lease = Lease(
                database=self._database,
                name=f"trigger:{name}",
                holder=self._holder,
                term=_TERM,
                clock=self._clock,
                is_gone=self._is_gone,
            )
            if await lease.take():
                runs.append(await self.run(checked))
        return runs

    async def pass_over_days_off(self) -> None:
        """Record that the days before today are over for triggers that are switched off.

        A set date of 1 March, for example, isn't mailed by a trigger that was off on that day and
        is switched on again on the 5th. Of the days of an outage nobody knows whether it was off.
        """
        settings, now = self._settings(), self._clock()
        names, yesterday = settings.switched_off(), settings.day(now) - timedelta(days=1)
        if not names or not self.has_come(now):
            return
        looks = await self._database.read(trigger_runs.last_looks)
        behind = [name for name in names if looks.get(name, yesterday) < yesterday]
        if behind:
            await self._database.write(
                partial(trigger_runs.pass_over, triggers=behind, day=yesterday, now=now)
            )

    def has_come(self, now: datetime) -> bool:
        """Whether the hour for date events has come today."""
        settings = self._settings()
        return now >= local_moment(settings.day(now), settings.daily_at, settings.zone)

    async def run(self, checked: CheckedTrigger) -> int:
        """Enter the people for whom a trigger is due today in the ledger; return the run's id.

        Existing rows stay as they are, so a second run on the same day finds only what is new. A
        failed run is recorded too; the next day's run repeats this day.
        """
        settings, now, number = self._settings(), self._clock(), self._new_id()
        trigger, today = checked.trigger, settings.day(now)
        run = TriggerRun(
            id=number,
            trigger=trigger.name,
            day=today,
            state=RunState.LOOKING,
            report_to=trigger.report_to,
        )
        try:
            findings = await asyncio.to_thread(
                search, self._database, settings, trigger, today, self._new_id
            )
            await self._enter_findings(
                replace(run, skipped=len(findings.skips), skips=findings.skips),
                trigger,
                findings,
                now,
            )
        except StoreUnavailable:
            raise
        except Exception as error:  # one trigger's fault must not stop the others
            log.exception("trigger_run_failed", trigger=trigger.name)
            self._failed_on[trigger.name] = today
            error_text = f"{type(error).__name__}: {error}"
            failed = replace(run, id=self._new_id(), state=RunState.OPEN, error=error_text)
            await self._database.write(trigger_runs.begin, failed)
            return failed.id
        return number

    async def _enter_findings(
        self, run: TriggerRun, trigger: Trigger, findings: RunFindings, now: datetime
    ) -> None:
        """Add the findings to the ledger in parts, and update the run."""
        hold = ""
        if is_far_more(len(findings.dues), findings.usual):
            mails = counted(len(findings.dues), "mail")
            hold = f"{mails}: far more than usual (at most {findings.usual})"
            log.error("trigger_run_held", trigger=trigger.name, occurrences=len(findings.dues))

        def begin(connection: StoreTransaction) -> int:
            trigger_runs.begin(connection, run)
            if epochs.why_held(connection):
                return 0
            # What seemed too late before is due again if the day is searched again.
            return ledger.revive(connection, run.trigger, now, run.id)

        added = await self._database.write(begin)
        for chunk in batched(findings.dues, _AT_ONCE):
            put = partial(ledger.put, dues=chunk, now=now, run=run.id, hold=hold)
            added += len(await self._database.write(put))
        for chunk in batched(findings.mailed_before, _AT_ONCE):
            await self._database.write(partial(ledger.put, dues=chunk, now=now, run=run.id))
        state = RunState.HELD if hold else RunState.OPEN
        is_news = bool(
            added
            or findings.mailed_before
            or (findings.skips and not findings.is_again)
            or trigger.report_empty
        )

        def close(connection: StoreTransaction) -> None:
            # If run by hand before the hour, the day is searched again for what the CRM sends until
            # then.
            if self.has_come(now):
                trigger_runs.record_look(connection, trigger.name, run.day, now)
            if is_news:
                trigger_runs.note_due(connection, run.id, due=added, state=state)
            else:
                trigger_runs.drop(connection, run.id)

        await self._database.write(close)
