"""Assembles everything a process needs to mail on events.

A birthday on 12 March, with `daily_at` 08:00 and a trigger that is switched on:

    08:00  Runner            begins a run: the event selects candidate:17, whose row in the ledger
                             is `due` now
           TriggerSender     claims the row, asks the conditions once more, renders the mail,
                             commits it as `sending`, hands it to the relay, and keeps the outcome
           RunReporter       once no row of the run is left, mails the report, if one is wanted

A process that ends in between leaves rows to the next one: what the relay may have taken becomes
`unknown`, and is sent again by a person only; all else is due again (`attempt_notes.py`).
"""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Protocol

from gateway.core.triggers.trigger_run import RunState, TriggerRun
from gateway.delivery.submission import MailSubmitter
from gateway.runtime import processes
from gateway.runtime.process_ids import ids_of
from gateway.store.engine.database import Database
from gateway.store.engine.leases import IsGone
from gateway.store.triggers import ledger, trigger_runs
from gateway.triggers.attempt_notes import noting_holder
from gateway.triggers.epoch import RestoreDetector
from gateway.triggers.reports import RunReporter
from gateway.triggers.runner import Runner
from gateway.triggers.sender import SenderContext, SenderLimits, TriggerSender
from gateway.triggers.templates import CheckedTrigger
from gateway.triggers.trigger_settings import TriggerSettings

WAIT_FOR_OTHERS = timedelta(minutes=5)
_LOOK_SECONDS = 0.2


class TriggerSettingsSource(Protocol):
    """The source of the settings of triggered mail, which may change while mail is sent."""

    @property
    def current(self) -> TriggerSettings:
        """The current settings."""
        ...

    def newest(self) -> TriggerSettings:
        """Return those of the files as they are; if they can't be read, the current ones."""
        ...


class TriggerEngine:
    """Everything a process needs to mail on events; the caller must `close` it.

    `runner` enters occurrences in the ledger, `sender` sends what is due there, and `reporter`
    reports the results; `restore_detector` checks before each round of mails that the store is
    still the same. All use the current settings. Only the sender always requests the newest: a file
    may have been changed a moment ago.
    """

    def __init__(
        self,
        database: Database,
        source: TriggerSettingsSource,
        submitter: MailSubmitter,
        *,
        stopping: asyncio.Event,
        clock: Callable[[], datetime],
        holder: str = "",
        is_gone: IsGone = processes.has_ended,
    ) -> None:
        """`holder` names it among all that share the store; empty: its process does."""
        self._epoch_file = source.current.epoch_file
        state = self._epoch_file.parent
        holder = holder or noting_holder(state)
        self._clock = clock
        self._database = database
        self._source = source
        self._new_id = ids_of(database, clock).next
        self.restore_detector = RestoreDetector(database, self._epoch_file)
        self.sender = TriggerSender(
            database,
            self.newest_settings,
            submitter,
            self.restore_detector,
            context=SenderContext(
                holder=holder,
                clock=clock,
                new_id=self._new_id,
                jitter=random.random,
                is_gone=is_gone,
                state=state,
            ),
            stopping=stopping,
            limits=SenderLimits(),
        )
        self.runner = Runner(
            database,
            lambda: source.current,
            clock=clock,
            new_id=self._new_id,
            holder=holder,
            is_gone=is_gone,
        )
        self.reporter = RunReporter(
            database, lambda: source.current, clock=clock, new_id=self._new_id
        )

    def newest_settings(self) -> TriggerSettings:
        """Return the newest settings, and check the store against their epoch file."""
        settings = self._source.newest()
        self._detect_restores_by(settings.epoch_file)
        return settings

    def _detect_restores_by(self, epoch_file: Path) -> None:
        """Check the store against another epoch file if new settings name one."""
        if epoch_file != self._epoch_file:
            self._epoch_file = epoch_file
            self.restore_detector = self.sender.restore_detector = RestoreDetector(
                self._database, epoch_file
            )

    async def run_due(self) -> None:
        """Run every trigger whose time has come, if mail may be sent; otherwise it is held."""
        settings = self._source.current
        self._detect_restores_by(settings.epoch_file)
        await self.runner.pass_over_days_off()
        if settings.active() and self.runner.has_come(self._clock()):
            await self.restore_detector.may_send()
            await self.runner.run_due()

    async def run(self, checked: CheckedTrigger, *, even_now: bool) -> TriggerRun:
        """Run a trigger and send what it found; return the result.

        Before the hour of `daily_at`, nothing is due unless `even_now`.
        """
        now, trigger = self._clock(), checked.trigger
        nothing = TriggerRun(
            id=self._new_id(),
            trigger=trigger.name,
            day=self._source.current.day(now),
            state=RunState.FINISHED,
            report_to=trigger.report_to,
        )
        if not (even_now or self.runner.has_come(now)):
            return nothing
        number = await self.runner.run(checked)
        unfinished_runs = await self._database.read(trigger_runs.unfinished)
        earlier = [
            unfinished.id for unfinished in unfinished_runs if unfinished.trigger == trigger.name
        ]
        await self.sender.send_due(runs=[number, *earlier], in_quiet_hours_too=even_now)
        # Wait for mails of the run that another process has claimed.
        until = monotonic() + WAIT_FOR_OTHERS.total_seconds()
        while monotonic() < until:
            if not await self._database.read(ledger.is_busy, number):
                break
            await asyncio.sleep(_LOOK_SECONDS)
        await self.reporter.report()
        finished = await self._database.read(trigger_runs.by_id, number)
        return finished or nothing

    def close(self) -> None:
        """Close the notes of attempts."""
        self.sender.close()
