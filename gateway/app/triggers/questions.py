"""The API's queries about triggers and single messages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from gateway.api.services import NotDone, TriggerQuestions
from gateway.app import common
from gateway.app.triggers import trigger_previews, triggers
from gateway.app.triggers.transitions import NobodyActs
from gateway.config import Settings
from gateway.core.decision.explanation import ExplainedMail
from gateway.core.mail.mail_file import NoMail, read_mail
from gateway.core.triggers.trigger_run import TriggerRun
from gateway.core.written import readable_name
from gateway.documents.explanations import ExplanationDocument, explanation_document
from gateway.documents.triggers.triggers import (
    DoneDocument,
    PreviewDocument,
    TriggerDocument,
    TriggerRunDocument,
    TriggerWithRunsDocument,
    UnusableTriggerDocument,
    WaitingDocument,
    file_fault_document,
    history_document,
    preview_document,
    trigger_document,
    trigger_run_document,
    waiting_document,
)
from gateway.store.engine.database import Database
from gateway.store.feed import unread
from gateway.store.triggers import ledger, status_mail, trigger_runs
from gateway.store.triggers.status_mail import MailedTransition
from gateway.store.triggers.transitions import NoSuchStatus


class TriggerAnswers(TriggerQuestions):
    """Answers from the configured files and the store."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database

    def list_triggers(self) -> tuple[Sequence[TriggerDocument], Sequence[UnusableTriggerDocument]]:
        good, unusable = triggers.read_all(self._settings())
        with self._database.reading() as connection:
            last_days = {name: trigger_runs.last_look(connection, name) for name in good}
        usable = [
            trigger_document(checked.trigger, last_days[name]) for name, checked in good.items()
        ]
        faulty: list[UnusableTriggerDocument] = [
            {
                "name": name,
                "file": readable_name(str(trigger.file)),
                "faults": [
                    file_fault_document(fault)
                    for fault in triggers.faults_of(trigger.error, trigger.file)
                ],
            }
            for name, trigger in unusable.items()
        ]
        return usable, faulty

    def by_name(self, name: str) -> TriggerWithRunsDocument:
        with _errors_as_not_done():
            checked = trigger_previews.checked_trigger(self._settings(), name)
        with self._database.reading() as connection:
            last_day = trigger_runs.last_look(connection, name)
        return {**trigger_document(checked.trigger, last_day), "runs": list(self.runs(name))}

    def runs(self, name: str) -> Sequence[TriggerRunDocument]:
        with self._database.reading() as connection:
            runs = trigger_runs.list_runs(connection, trigger=name)
        return [trigger_run_document(run) for run in runs]

    def list_waiting_mail(self) -> WaitingDocument:
        with self._database.reading() as connection:
            fields = unread.list_unread_fields(connection, deciding=True)
            return waiting_document(fields, ledger.list_waiting_mail(connection))

    def history(
        self, limit: int, *, since: datetime | None = None, before: int | None = None
    ) -> Sequence[DoneDocument]:
        """List runs and changes of applications, with the results of their mail."""
        with self._database.reading() as connection:
            runs = trigger_runs.list_runs(connection, since=since, before=before, limit=limit)
            changes = status_mail.list_mailed_transitions(
                connection, since=since, before=before, limit=limit
            )
        both: list[TriggerRun | MailedTransition] = [*runs, *changes]
        done = sorted(both, key=lambda entry: entry.id, reverse=True)[:limit]
        return history_document(done, common.time_zone(self._settings()))

    def preview(self, name: str, day: date | None) -> PreviewDocument:
        """Return whom a date event would mail, and whom not."""
        with _errors_as_not_done():
            preview = trigger_previews.of_date(self._settings(), self._database, name, day)
        return preview_document(preview)

    def preview_change(self, reference: str, status: str, by: str | None) -> PreviewDocument:
        with _errors_as_not_done():
            preview = trigger_previews.of_change(
                self._settings(), self._database, reference, status, by
            )
        return preview_document(preview)


async def explain(
    settings: Settings, database: Database, mail: ExplainedMail
) -> ExplanationDocument:
    """Return what would happen to a message, and why; nothing is sent or written."""
    # Imported here, so that the API doesn't load the proxy until it is needed.
    from gateway.app.decision.explain import NoSuchListener, explain

    content = read_mail(mail.content)
    if isinstance(content, NoMail):
        raise NotDone(422, f"the message {content.fault}")
    try:
        explanation = await explain(settings, database, replace(mail, content=content))
        return explanation_document(explanation)
    except NoSuchListener as error:
        raise NotDone(422, str(error)) from error


@contextmanager
def _errors_as_not_done() -> Iterator[None]:
    try:
        yield
    except (trigger_previews.NoSuchTrigger, trigger_previews.NoSuchReference) as error:
        raise NotDone(404, str(error)) from error
    except (trigger_previews.CannotPreview, NobodyActs, NoSuchStatus) as error:
        raise NotDone(422, str(error)) from error
