"""Reports on runs: stored, and mailed to the configured addresses."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from gateway import logs
from gateway.core import ids
from gateway.core.languages import in_language
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.sending.event import Event, EventType
from gateway.core.sending.notice import Notice, build
from gateway.core.sending.outbox import OutboxDraft
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.run_report import values_of_report
from gateway.core.triggers.trigger_run import RunState, TriggerRun
from gateway.documents.triggers.triggers import (
    RunFinishedData,
    run_finished_data,
    run_numbers,
    transition_finished_data,
)
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.people import applications
from gateway.store.sending import events, outbox
from gateway.store.triggers import ledger, status_mail, trigger_runs
from gateway.store.triggers.status_mail import MailedTransition
from gateway.triggers.trigger_settings import TriggerSettings

log = logs.get("triggers")

TYPE = "trigger_report"
#: A run still searching after this long was interrupted.
_BROKEN_OFF = timedelta(minutes=10)
_INTERIM = timedelta(hours=1)  #: Mail that waits longer is reported before it is settled.
_LOOKED_AT = 200  #: Transitions examined at a time.
_AT_ONCE = 1_000


class RunReporter:
    """Reports on each run whose mail is settled."""

    def __init__(
        self,
        database: Database,
        settings: Callable[[], TriggerSettings],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], int],
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._new_id = new_id
        self._after = 0  #: The last transition examined for the end of its mail.

    async def report(self) -> None:
        """Report every run that has ended or stopped."""
        for run in await self._database.read(trigger_runs.unfinished):
            state = reached(run, self._clock())
            if state is not None:
                await self._report(run, state)

        # Changes to applications whose mail has ended (S4, reports).
        after = self._after
        ended, self._after = await self._database.read(status_mail.unreported, after, _LOOKED_AT)
        for number in dict.fromkeys(change.id for change in ended):
            mailed = [change for change in ended if change.id == number]
            await self._database.write(partial(self._tell_of_change, mailed=mailed))

    def _tell_of_change(self, connection: StoreTransaction, mailed: list[MailedTransition]) -> None:
        """Send the CRM the outcome of a change's mail: an event for each trigger that mailed."""
        if not status_mail.record_report(connection, mailed[0].id):
            return
        now, zone = self._clock(), self._settings().zone
        for change in mailed:
            data = transition_finished_data(change, zone, now)
            events.put(connection, [self._event(data)])

    async def _report(self, run: TriggerRun, state: RunState) -> None:
        """Report a run in the log, to the CRM, and by mail to the configured address."""
        now, settings = self._clock(), self._settings()

        def write_down(connection: StoreTransaction) -> bool:
            if not trigger_runs.report(connection, run, state, now):
                return False
            events.put(connection, [self._event(run_finished_data(run, state, now))])
            if not run.report_to or not is_mailed(run, settings):
                return True
            recipient = name_and_address(run.report_to)[1]
            # Its reader may be a member of staff whose language is known.
            staff = applications.staff_at(connection, settings.lookup(recipient))
            language = next((member.language for member in staff), "")
            wording = in_language(settings.reports, language, settings.language)
            rows = ledger.of_run(connection, run.id, _AT_ONCE)
            filled = values_of_report(run, rows, wording, console_url=settings.console_url)
            number = self._new_id()
            notice = Notice(
                id=number,
                at=now.astimezone(settings.zone),
                sender=settings.sender,
                hostname=settings.hostname,
                recipient=recipient,
                language=wording.language,
                subject=wording.head(filled),
                text=wording.body(filled),
            )
            draft = OutboxDraft(
                id=number,
                type=TYPE,
                key=f"{TYPE}:{ids.show(run.id)}:{run.reports}",
                recipient=recipient,
                body=build(notice),
                due=now,
            )
            outbox.put(connection, draft)
            return True

        if await self._database.write(write_down):
            log_run(run, state)

    def _event(self, data: RunFinishedData) -> Event:
        return Event(id=self._new_id(), type=EventType.TRIGGER_RUN_FINISHED, data=data)


def is_mailed(run: TriggerRun, settings: TriggerSettings) -> bool:
    """Whether a run is reported by mail: it had mail to send or failed, or all are wanted."""
    checked = settings.checked_triggers.get(run.trigger)
    return not run.is_empty or (checked is not None and checked.trigger.report_empty)


def reached(run: TriggerRun, now: datetime) -> RunState | None:
    """Return the state of a run to be reported; None if there is nothing new."""
    if run.state is RunState.LOOKING:
        return RunState.FINISHED if now - run.at > _BROKEN_OFF and not run.waiting else None
    if run.waiting:
        is_long = now - run.at > _INTERIM and not run.reports
        return RunState.WAITING if is_long else None
    if run.count(OccurrenceState.HELD):
        return None if run.state is RunState.HELD and run.reports else RunState.HELD
    return RunState.FINISHED


def log_run(run: TriggerRun, state: RunState) -> None:
    """Log the result of a run."""
    fields = {
        "run": ids.show(run.id),
        "trigger": run.trigger,
        "state": state,
        **run_numbers(run),
    }
    if run.error or state is RunState.HELD:
        log.error("trigger_run_finished", **fields)
    else:
        log.info("trigger_run_finished", **fields)
