"""Previews, runs and what was done to applications as JSON has them."""

from collections.abc import Iterable
from datetime import date, tzinfo

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.triggers.occurrence import Occurrence, OccurrenceState
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_run import TriggerRun
from gateway.core.triggers.unread_fields import UnreadField
from gateway.store.triggers.status_mail import MailedTransition
from gateway.store.triggers.transitions import TAKEN_BACK
from gateway.store.views.documents import unread
from gateway.triggers.preview import Preview
from gateway.triggers.transitions import ChangeResult

Document = dict[str, object]


def trigger(one: Trigger, looked: date | None) -> Document:
    """Return a trigger, and the day up to which it was looked whom it mails."""
    return {
        "name": one.name,
        "enabled": one.enabled,
        "event": one.event.name,
        "template": one.template,
        "kind": one.kind.value,
        "report_to": one.report_to or None,
        "looked_at": None if looked is None else looked.isoformat(),
        "programme": one.programme or None,
        "status": one.status or None,
        "recipients": list(one.recipients),
        "dates": [day.isoformat() for day in one.stored.dates],
        "yearly": [f"{month:02}-{day:02}" for month, day in one.stored.yearly],
        "monthly": list(one.stored.monthly),
    }


def preview(shown: Preview) -> Document:
    """Return what a trigger would do."""
    return {
        "trigger": shown.trigger,
        "mails": [
            {
                "person": str(one.person),
                "about": one.about,
                "to": one.to,
                "subject": one.subject,
                "text": one.text,
                "trigger": one.trigger,
                "recipient": one.recipient,
                "name": one.name,
                "blank": list(one.blank),
            }
            for one in shown.mails
        ],
        "skipped": [
            {"person": one.person, "name": one.name, "about": one.about, "reason": one.reason}
            for one in shown.skipped
        ],
        "warning": shown.warning or None,
    }


def done(what: ChangeResult) -> Document:
    """Return what was done to applications, and what it mails."""
    return {
        **preview(what.preview),
        "applications": [
            {
                "reference": one.reference,
                "before": one.before,
                "status": one.status,
                "changed": one.changed,
                "undone": one.undone,
                "withdrawn": one.withdrawn,
                "error": one.error or None,
            }
            for one in what.changes
        ],
        "outcome": what.outcome.value,
        "token": what.token or None,
        "token_valid_until": in_utc(what.token_valid_until),
    }


def waiting(fields: Iterable[UnreadField], owed: Iterable[Occurrence]) -> Document:
    """Return the fields that can't be read, and the mail that waits for them."""
    return {
        "fields": [unread(one) for one in fields],
        "mails": [
            {
                "trigger": one.trigger,
                "person": str(one.person),
                "about": one.about,
                "due_at": in_utc(one.due_at),
                "latest_at": in_utc(one.latest_at),
                "reason": one.reason,
            }
            for one in owed
        ],
    }


def history(done: Iterable[TriggerRun | MailedTransition], zone: tzinfo) -> list[Document]:
    """Return runs, and what was done to applications and mailed, each like a run."""
    return [run(one) if isinstance(one, TriggerRun) else transition(one, zone) for one in done]


def transition(done: MailedTransition, zone: tzinfo) -> Document:
    """Return what was done to an application and the mail it owes, like a run."""
    return {
        **run(done.run(zone)),
        "event": done.event,
        "reference": done.reference,
        "before": done.before,
        "status": done.status,
        "by": done.actor or None,
        "told": done.is_told,
        "mails": [
            {
                "id": ids.show(one.row.id),
                "person": str(one.row.person),
                "recipient": one.row.recipient or str(one.row.person),
                "to": one.to,
                "state": state_of(one.row),
                "due_at": in_utc(one.row.due_at),
                "next_at": in_utc(one.row.next_at),
                "reason": one.row.reason,
            }
            for one in done.mails
        ],
    }


def state_of(row: Occurrence) -> str:
    """Return where mail about an application stands, as people call it."""
    if row.state is OccurrenceState.DUE:
        return "waiting"
    if row.state is OccurrenceState.SKIPPED and row.reason == TAKEN_BACK:
        return "undone"
    return row.state.value


def run(run: TriggerRun) -> Document:
    """Return a run as JSON has it."""
    return {
        "id": ids.show(run.id),
        "trigger": run.trigger,
        "at": in_utc(run.at),
        "day": run.day.isoformat(),
        "state": run.state.value,
        **run.outcome,
        "waiting": run.waiting,
        "error": run.error,
        "report_to": run.report_to or None,
        "finished_at": in_utc(run.finished_at),
        "told": bool(run.reports),
    }
