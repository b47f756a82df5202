"""Previews, runs and what was done to applications as JSON has them."""

from collections.abc import Iterable

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.occurrence import Occurrence, OccurrenceState
from gateway.core.trigger_run import Run
from gateway.core.unread import UnreadField
from gateway.store.documents import unread
from gateway.triggers.preview import NotMailed, Preview
from gateway.triggers.transitions import Change, Done

Document = dict[str, object]


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
        "skipped": [_skip(one) for one in shown.skipped],
        "warning": shown.warning or None,
    }


def _skip(one: NotMailed) -> Document:
    return {
        "person": one.person,
        "name": one.name,
        "about": one.about,
        "reason": one.reason,
    }


def done(what: Done) -> Document:
    """Return what was done to applications, and what it mails."""
    return {
        **preview(what.preview),
        "applications": [_change(one) for one in what.changes],
        "outcome": what.outcome.value,
        "token": what.token or None,
        "token_valid_until": in_utc(what.token_valid_until),
    }


def _change(one: Change) -> Document:
    return {
        "reference": one.reference,
        "before": one.before,
        "status": one.status,
        "changed": one.changed,
        "undone": one.undone,
        "withdrawn": one.withdrawn,
        "error": one.error or None,
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


def run(run: Run) -> Document:
    """Return a run as JSON has it."""
    return {
        "id": ids.show(run.id),
        "trigger": run.trigger,
        "at": in_utc(run.at),
        "day": run.day.isoformat(),
        "state": run.state.value,
        "sent": run.count(OccurrenceState.SENT),
        "skipped": run.left_out,
        "failed": run.count(OccurrenceState.FAILED),
        "unknown": run.count(OccurrenceState.UNKNOWN),
        "expired": run.count(OccurrenceState.EXPIRED),
        "held": run.count(OccurrenceState.HELD),
        "waiting": run.waiting,
        "error": run.error,
        "report_to": run.report_to or None,
    }
