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


def trigger(rule: Trigger, looked: date | None) -> Document:
    """Return a trigger, and the day up to which it was looked whom it mails."""
    return {
        "name": rule.name,
        "enabled": rule.enabled,
        "event": rule.event.name,
        "template": rule.template,
        "kind": rule.kind.value,
        "report_to": rule.report_to or None,
        "looked_at": None if looked is None else looked.isoformat(),
        "programme": rule.programme or None,
        "status": rule.status or None,
        "recipients": list(rule.recipients),
        "dates": [day.isoformat() for day in rule.stored.dates],
        "yearly": [f"{month:02}-{day:02}" for month, day in rule.stored.yearly],
        "monthly": list(rule.stored.monthly),
    }


def preview(shown: Preview) -> Document:
    """Return what a trigger would do."""
    return {
        "trigger": shown.trigger,
        "mails": [
            {
                "person": str(mail.person),
                "about": mail.about,
                "to": mail.to,
                "subject": mail.subject,
                "text": mail.text,
                "trigger": mail.trigger,
                "recipient": mail.recipient,
                "name": mail.name,
                "blank": list(mail.blank),
            }
            for mail in shown.mails
        ],
        "skipped": [
            {"person": skip.person, "name": skip.name, "about": skip.about, "reason": skip.reason}
            for skip in shown.skipped
        ],
        "warning": shown.warning or None,
    }


def done(what: ChangeResult) -> Document:
    """Return what was done to applications, and what it mails."""
    return {
        **preview(what.preview),
        "applications": [
            {
                "reference": change.reference,
                "before": change.before,
                "status": change.status,
                "changed": change.changed,
                "undone": change.undone,
                "withdrawn": change.withdrawn,
                "error": change.error or None,
            }
            for change in what.changes
        ],
        "outcome": what.outcome.value,
        "token": what.token or None,
        "token_valid_until": in_utc(what.token_valid_until),
    }


def waiting(fields: Iterable[UnreadField], owed: Iterable[Occurrence]) -> Document:
    """Return the fields that can't be read, and the mail that waits for them."""
    return {
        "fields": [unread(field) for field in fields],
        "mails": [
            {
                "trigger": row.trigger,
                "person": str(row.person),
                "about": row.about,
                "due_at": in_utc(row.due_at),
                "latest_at": in_utc(row.latest_at),
                "reason": row.reason,
            }
            for row in owed
        ],
    }


def history(done: Iterable[TriggerRun | MailedTransition], zone: tzinfo) -> list[Document]:
    """Return runs, and what was done to applications and mailed, each like a run."""
    return [
        run(entry) if isinstance(entry, TriggerRun) else transition(entry, zone) for entry in done
    ]


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
                "id": ids.show(mail.row.id),
                "person": str(mail.row.person),
                "recipient": mail.row.recipient or str(mail.row.person),
                "to": mail.to,
                "state": state_of(mail.row),
                "due_at": in_utc(mail.row.due_at),
                "next_at": in_utc(mail.row.next_at),
                "reason": mail.row.reason,
            }
            for mail in done.mails
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
