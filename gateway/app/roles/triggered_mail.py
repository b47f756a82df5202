"""The part of the `sender` role that mails on events, and the same done by hand."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway import logs
from gateway.app import common
from gateway.app.roles.role_context import RoleContext
from gateway.app.triggers import triggers
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.triggers.trigger_run import RunState, TriggerRun
from gateway.delivery.submission import MailSubmitter
from gateway.runtime import processes
from gateway.runtime.periodic import every
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.triggers import ledger, trigger_runs
from gateway.triggers.attempt_notes import noting_holder
from gateway.triggers.epoch import EpochFileUnusable, RestoreDetector
from gateway.triggers.plan import TriggerSettings
from gateway.triggers.reports import RunReporter
from gateway.triggers.runner import Runner
from gateway.triggers.sender import SenderContext, SenderLimits, TriggerSender
from gateway.triggers.templates import CheckedTrigger

SEND_EVERY = timedelta(seconds=1)
LOOK_EVERY = timedelta(seconds=2)  #: Has a trigger's hour come, or has a file changed?
REPORT_EVERY = timedelta(seconds=2)
LIFE_EVERY = timedelta(seconds=5)
WAIT_FOR_OTHERS = timedelta(minutes=5)

log = logs.get("triggers")


class TriggerEngine:
    """Everything that mails on events, for one process; `close` it in the end.

    `runner` puts what happened into the ledger, `sender` sends what is due there, `reporter`
    reports what became of it; `watch` says before each sending whether the store is still the same.
    All of them use `plan`, which `refresh` replaces when settings or the files of triggers have
    changed. The sender always asks for the newest: a file may have been changed a moment ago.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        submitter: MailSubmitter,
        *,
        stopping: asyncio.Event,
        clock: Callable[[], datetime] = common.now,
        holder: str = "",
        is_gone: IsGone = processes.has_ended,
    ) -> None:
        """`holder` names it among all that share the store; empty: by its process."""
        state = triggers.epoch_file(settings).parent
        holder = holder or noting_holder(state)
        self._clock = clock
        self._database = database
        self._settings = settings
        self.files = triggers.CurrentTriggerFiles(settings)
        self._standings = common.standings(settings, database)
        self.plan = self._make_plan()
        self._new_id = common.ids_of(database, clock).next
        self.watch = RestoreDetector(database, self.plan.epoch_file)
        self.sender = TriggerSender(
            database,
            self.newest_plan,
            submitter,
            self.watch,
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
            lambda: self.plan,
            clock=clock,
            new_id=self._new_id,
            holder=holder,
            is_gone=is_gone,
        )
        self.reporter = RunReporter(database, lambda: self.plan, clock=clock, new_id=self._new_id)

    def refresh(self, settings: Settings) -> None:
        """Use new settings and changed files; on GatewayError, the old ones stay in use."""
        if settings is not self._settings:
            files = triggers.CurrentTriggerFiles(settings)
            self._standings.close()
            self._standings = common.standings(settings, self._database)
            self.files, self._settings = files, settings
            self.watch = self.sender.watch = RestoreDetector(
                self._database, triggers.epoch_file(settings)
            )
        elif not self.files.refresh():
            return
        self.plan = self._make_plan()

    def newest_plan(self) -> TriggerSettings:
        """Return the plan by the files as they are now; where they can't be read, by the old."""
        try:
            self.refresh(self._settings)
        except (GatewayError, OSError) as error:
            log.error("triggers_put_off", reason=str(error))
        return self.plan

    async def look(self) -> None:
        """Run every trigger whose hour has come, where mail may leave; else it is held."""
        if self.plan.active() and self.runner.has_come(self._clock()):
            await self.watch.may_send()
            await self.runner.run_due()

    async def run(self, rule: CheckedTrigger, *, even_now: bool) -> TriggerRun:
        """Run a trigger and send what it found; return what became of it.

        Before the hour of `daily_at`, nothing is due unless `even_now`.
        """
        now, trigger = self._clock(), rule.trigger
        nothing = TriggerRun(
            id=self._new_id(),
            trigger=trigger.name,
            day=self.plan.day(now),
            state=RunState.FINISHED,
            report_to=trigger.report_to,
        )
        if not (even_now or self.runner.has_come(now)):
            return nothing
        number = await self.runner.run(rule)
        unfinished_runs = await self._database.read(trigger_runs.unfinished)
        earlier = [
            unfinished.id for unfinished in unfinished_runs if unfinished.trigger == trigger.name
        ]
        await self.sender.send_due(runs=[number, *earlier], in_quiet_hours_too=even_now)
        # Mails of the run that another process has taken are waited for.
        until = common.now() + WAIT_FOR_OTHERS
        while common.now() < until:
            if not await self._database.read(ledger.is_busy, number):
                break
            await asyncio.sleep(0.2)
        await self.reporter.report()
        finished = await self._database.read(trigger_runs.by_id, number)
        return finished or nothing

    def close(self) -> None:
        """Let go of the store."""
        self.sender.close()
        self._standings.close()

    def _make_plan(self) -> TriggerSettings:
        files = self.files
        return triggers.plan(
            self._settings, dict(files.rules), self._standings, unusable=files.unusable
        )


class TriggeredMail:
    """Runs the triggers as long as the `sender` role lives."""

    def __init__(self, context: RoleContext, database: Database, submitter: MailSubmitter) -> None:
        self._context = context
        self._engine = TriggerEngine(
            context.settings, database, submitter, stopping=context.stopping
        )

    async def work(self) -> None:
        """Look, send and report again and again."""
        engine = self._engine

        async def show_life() -> None:  # New settings bring another watch.
            await engine.watch.show_life()

        async with asyncio.TaskGroup() as tasks:
            for interval, chore in (
                (LOOK_EVERY, self._look),
                (SEND_EVERY, engine.sender.send_due),
                (REPORT_EVERY, engine.reporter.report),
                (LIFE_EVERY, show_life),
            ):
                tasks.create_task(
                    every(
                        interval,
                        chore,
                        stopping=self._context.stopping,
                        failed=_failed,
                        after_failure=interval + LOOK_EVERY,
                    )
                )

    def close(self) -> None:
        """Let go of the store."""
        self._engine.close()

    async def _look(self) -> None:
        try:
            self._engine.refresh(self._context.settings)
        except (GatewayError, OSError) as error:
            log.error("triggers_put_off", reason=str(error))
        await self._engine.look()


def _failed(error: Exception) -> None:
    """Tell what keeps a chore from working; the sender role has other work to do meanwhile."""
    if isinstance(error, StoreUnavailable | EpochFileUnusable):
        log.error("triggers_put_off", reason=str(error))
    else:
        log.exception("triggers_fault")
