"""Mail on events, as a part of the `sender` role."""

import asyncio
from datetime import timedelta

from gateway import logs
from gateway.app.common import now
from gateway.app.roles.role_context import RoleContext
from gateway.app.triggers.current_trigger_settings import CurrentTriggerSettings
from gateway.core.errors import GatewayError
from gateway.delivery.submission import MailSubmitter
from gateway.runtime.periodic import every
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.triggers.engine import TriggerEngine
from gateway.triggers.epoch import EpochFileUnusable

SEND_EVERY = timedelta(seconds=1)
LOOK_EVERY = timedelta(seconds=2)  #: To notice a trigger's hour, or a changed file.
REPORT_EVERY = timedelta(seconds=2)
LIFE_EVERY = timedelta(seconds=5)

log = logs.get("triggers")


class TriggeredMail:
    """Runs the triggers for the life of the `sender` role."""

    def __init__(self, context: RoleContext, database: Database, submitter: MailSubmitter) -> None:
        self._context = context
        self._trigger_settings = CurrentTriggerSettings(context.settings, database)
        self._engine = TriggerEngine(
            database, self._trigger_settings, submitter, stopping=context.stopping, clock=now
        )

    async def work(self) -> None:
        """Look for due mail, send and report, repeatedly."""
        engine = self._engine

        async def show_life() -> None:  # New settings bring another detector.
            await engine.restore_detector.show_life()

        async with asyncio.TaskGroup() as tasks:
            for interval, chore in (
                (LOOK_EVERY, self._run_due),
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
        """Release the store."""
        self._engine.close()
        self._trigger_settings.close()

    async def _run_due(self) -> None:
        try:
            self._trigger_settings.refresh(self._context.settings)
        except (GatewayError, OSError) as error:
            log.error("triggers_put_off", reason=str(error))
        await self._engine.run_due()


def _failed(error: Exception) -> None:
    """Log what stops a chore; the sender role meanwhile has other work."""
    if isinstance(error, StoreUnavailable | EpochFileUnusable):
        log.error("triggers_put_off", reason=str(error))
    else:
        log.exception("triggers_fault")
