"""Triggers: what exists, what they would do, what they did; and changes of applications."""

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.feed.unread_fields import UnreadField
from gateway.core.kinds import Kind
from gateway.core.moments import in_utc
from gateway.core.triggers.application_change import Change, ChangeOutcome, ChangeResult
from gateway.core.triggers.events.registry import APPLICATION_EVENTS, EVENTS
from gateway.core.triggers.occurrence import Occurrence, OccurrenceState
from gateway.core.triggers.reasons import TAKEN_BACK
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_edit import FileFault
from gateway.core.triggers.trigger_preview import NotMailed, Preview, PreviewMail
from gateway.core.triggers.trigger_run import RunState, TriggerRun
from gateway.documents.fields import (
    DayText,
    IdText,
    JsonSchema,
    PersonText,
    RecipientText,
    TimeText,
)
from gateway.documents.unread_fields import UnreadFieldDocument, unread_field_document
from gateway.store.triggers.status_mail import MailedTransition, StatusMail

EventName = Annotated[str, JsonSchema(enum=[*EVENTS])]


class TriggerDocument(TypedDict):
    """A trigger, and the last day it has looked at."""

    name: str
    enabled: bool
    event: EventName
    template: str
    kind: Kind
    report_to: str | None
    looked_at: DayText | None
    programme: str | None
    status: str | None
    recipients: list[str]
    dates: list[DayText]
    yearly: Annotated[list[str], JsonSchema(description="Month and day: 12-24.")]
    monthly: Annotated[list[int], JsonSchema(description="Days of the month.")]


class FileFaultDocument(TypedDict):
    """A fault at one place in a trigger's file."""

    line: Annotated[int | None, JsonSchema(description="Null: of no line, as what is missing.")]
    key: Annotated[str, JsonSchema(description="Empty: the file as a whole.")]
    fault: Annotated[str, JsonSchema(description="What is wrong, and what to write instead.")]


def file_fault_document(fault: FileFault) -> FileFaultDocument:
    """Return a fault at one place of a trigger's file."""
    return {"line": fault.line, "key": fault.key, "fault": fault.fault}


class UnusableTriggerDocument(TypedDict):
    """A trigger whose file can't be used: it goes on as it was before, or mails nobody."""

    name: str
    file: str
    faults: list[FileFaultDocument]


class PreviewMailDocument(TypedDict):
    """A mail that would be sent."""

    person: PersonText
    about: str
    to: str
    subject: str
    text: str
    html: Annotated[
        str | None, JsonSchema(description="As it would be sent: not made safe to be shown.")
    ]
    trigger: str
    recipient: RecipientText
    name: Annotated[str, JsonSchema(description="Of the recipient.")]
    blank: Annotated[list[str], JsonSchema(description="Values the text takes and that are empty.")]


class NotMailedDocument(TypedDict):
    """Somebody a trigger selects or names who gets no mail now."""

    person: RecipientText
    name: str
    about: str
    reason: str


class PreviewDocument(TypedDict):
    """What a trigger would do."""

    trigger: str
    mails: list[PreviewMailDocument]
    skipped: list[NotMailedDocument]
    warning: Annotated[
        str | None, JsonSchema(description="What people are told before they go on.")
    ]


class ChangeDocument(TypedDict):
    """What was done to one application, or why nothing was."""

    reference: str
    before: Annotated[str, JsonSchema(description="crm_id of the status it had.")]
    status: str
    changed: bool
    undone: Annotated[bool, JsonSchema(description="It takes back a change nobody has heard of.")]
    withdrawn: Annotated[
        int, JsonSchema(description="Mails about earlier changes that don't leave now.")
    ]
    error: str | None


class ChangeResultDocument(PreviewDocument):
    """What was done to applications, or would be, and the mail it causes."""

    applications: list[ChangeDocument]
    outcome: ChangeOutcome
    token: Annotated[str | None, JsonSchema(description="Confirms what is shown.")]
    token_valid_until: TimeText | None


class WaitingMailDocument(TypedDict):
    """Mail that waits for a field that can't be read."""

    trigger: str
    person: PersonText
    about: str
    due_at: TimeText
    latest_at: TimeText | None
    reason: str


class WaitingDocument(TypedDict):
    """The fields that can't be read, and the mail that waits for them."""

    fields: list[UnreadFieldDocument]
    mails: list[WaitingMailDocument]


class RunNumbers(TypedDict):
    """How many of a run's mails had each result; `skipped` are people selected but not mailed."""

    sent: int
    skipped: int
    failed: int
    unknown: int
    expired: int
    held: int


class TransitionMailDocument(TypedDict):
    """A mail owed for a change to an application."""

    id: IdText
    person: PersonText
    recipient: RecipientText
    to: Annotated[str, JsonSchema(description="Where it went, or would go now.")]
    state: str
    due_at: TimeText
    next_at: TimeText | None
    reason: str


class TriggerRunDocument(RunNumbers):
    """A run of a trigger."""

    id: IdText
    trigger: str
    at: TimeText
    day: DayText
    state: RunState
    waiting: Annotated[int, JsonSchema(description="Mails still to be sent.")]
    error: str
    report_to: str | None
    finished_at: TimeText | None
    told: Annotated[
        bool, JsonSchema(description="Whether its end was reported, by mail and webhook.")
    ]


class ApplicationTransitionDocument(TriggerRunDocument):
    """A change to an application with the mail it owes, like a run."""

    event: EventName
    reference: str
    before: Annotated[str, JsonSchema(description="crm_id of the status it had.")]
    status: str
    by: Annotated[str | None, JsonSchema(description="crm_id of staff; none: the candidate.")]
    mails: list[TransitionMailDocument]


DoneDocument = ApplicationTransitionDocument | TriggerRunDocument


class TriggerWithRunsDocument(TriggerDocument):
    """A trigger with its last runs."""

    runs: list[TriggerRunDocument]


class TriggerSentData(TypedDict):
    """A trigger's mail that was sent."""

    trigger: str
    event: EventName
    person: PersonText
    about: str
    occurrence: str
    message: IdText
    message_id: str
    at: TimeText


class RunFinishedData(RunNumbers):
    """The end of a run, or of all mail owed for a change to an application."""

    run: IdText
    trigger: str
    day: DayText
    state: RunState
    waiting: int
    error: str
    at: TimeText
    event: NotRequired[
        Annotated[
            str,
            JsonSchema(
                enum=[name for name in EVENTS if name in APPLICATION_EVENTS],
                description="Only of what was done to an application.",
            ),
        ]
    ]
    reference: NotRequired[Annotated[str, JsonSchema(description="The application's.")]]
    status: NotRequired[Annotated[str, JsonSchema(description="crm_id of the status it got.")]]


def trigger_document(trigger: Trigger, last_day: date | None) -> TriggerDocument:
    """Return a trigger, and the last day it has looked at."""
    return {
        "name": trigger.name,
        "enabled": trigger.enabled,
        "event": trigger.event.name,
        "template": trigger.template,
        "kind": trigger.kind,
        "report_to": trigger.report_to or None,
        "looked_at": None if last_day is None else last_day.isoformat(),
        "programme": trigger.programme or None,
        "status": trigger.status or None,
        "recipients": list(trigger.recipients),
        "dates": [day.isoformat() for day in trigger.stored.dates],
        "yearly": [f"{month:02}-{day:02}" for month, day in trigger.stored.yearly],
        "monthly": list(trigger.stored.monthly),
    }


def preview_document(preview: Preview) -> PreviewDocument:
    """Return what a trigger would do."""
    return {
        "trigger": preview.trigger,
        "mails": [preview_mail_document(mail) for mail in preview.mails],
        "skipped": [not_mailed_document(skipped) for skipped in preview.skipped],
        "warning": preview.warning or None,
    }


def preview_mail_document(mail: PreviewMail) -> PreviewMailDocument:
    """Return a mail that would be sent."""
    return {
        "person": str(mail.person),
        "about": mail.about,
        "to": mail.to,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html or None,
        "trigger": mail.trigger,
        "recipient": mail.recipient,
        "name": mail.name,
        "blank": list(mail.blank),
    }


def not_mailed_document(skipped: NotMailed) -> NotMailedDocument:
    """Return a person who gets no mail now."""
    return {
        "person": skipped.person,
        "name": skipped.name,
        "about": skipped.about,
        "reason": skipped.reason,
    }


def change_result_document(result: ChangeResult) -> ChangeResultDocument:
    """Return the result of changes to applications, and what it mails."""
    return {
        **preview_document(result.preview),
        "applications": [change_document(change) for change in result.changes],
        "outcome": result.outcome,
        "token": result.token or None,
        "token_valid_until": in_utc(result.token_valid_until),
    }


def change_document(change: Change) -> ChangeDocument:
    """Return the change to one application, or why there was none."""
    return {
        "reference": change.reference,
        "before": change.before,
        "status": change.status,
        "changed": change.changed,
        "undone": change.undone,
        "withdrawn": change.withdrawn,
        "error": change.error or None,
    }


def waiting_document(fields: Iterable[UnreadField], owed: Iterable[Occurrence]) -> WaitingDocument:
    """Return the unreadable fields, and the mail that waits for them."""
    return {
        "fields": [unread_field_document(field) for field in fields],
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


def history_document(
    done: Iterable[TriggerRun | MailedTransition], zone: tzinfo
) -> list[DoneDocument]:
    """Return runs, and changes to applications with their mail, each like a run."""
    return [
        trigger_run_document(run)
        if isinstance(run, TriggerRun)
        else application_transition_document(run, zone)
        for run in done
    ]


def trigger_run_document(run: TriggerRun) -> TriggerRunDocument:
    """Return a run of a trigger."""
    return {
        "id": ids.show(run.id),
        "trigger": run.trigger,
        "at": in_utc(run.at),
        "day": run.day.isoformat(),
        "state": run.state,
        **run_numbers(run),
        "waiting": run.waiting,
        "error": run.error,
        "report_to": run.report_to or None,
        "finished_at": in_utc(run.finished_at),
        "told": bool(run.reports),
    }


def run_numbers(run: TriggerRun) -> RunNumbers:
    """Return how many of a run's mails had each result."""
    return {
        "sent": run.count(OccurrenceState.SENT),
        "skipped": run.left_out,
        "failed": run.count(OccurrenceState.FAILED),
        "unknown": run.count(OccurrenceState.UNKNOWN),
        "expired": run.count(OccurrenceState.EXPIRED),
        "held": run.count(OccurrenceState.HELD),
    }


def application_transition_document(
    transition: MailedTransition, zone: tzinfo
) -> ApplicationTransitionDocument:
    """Return a change to an application with the mail it owes, like a run."""
    return {
        **trigger_run_document(transition.run(zone)),
        "event": transition.event,
        "reference": transition.reference,
        "before": transition.before,
        "status": transition.status,
        "by": transition.actor or None,
        "told": transition.is_reported,
        "mails": [transition_mail_document(mail) for mail in transition.mails],
    }


def transition_mail_document(mail: StatusMail) -> TransitionMailDocument:
    """Return a mail owed for a change to an application."""
    row = mail.row
    return {
        "id": ids.show(row.id),
        "person": str(row.person),
        "recipient": row.recipient or str(row.person),
        "to": mail.to,
        "state": state_of(row),
        "due_at": in_utc(row.due_at),
        "next_at": in_utc(row.next_at),
        "reason": row.reason,
    }


def state_of(row: Occurrence) -> str:
    """Return the state of mail about an application, in words."""
    if row.state is OccurrenceState.DUE:
        return "waiting"
    if row.state is OccurrenceState.SKIPPED and row.reason == TAKEN_BACK:
        return "undone"
    return row.state.value


def trigger_sent_data(
    row: Occurrence, *, message: int, message_id: str, at: datetime
) -> TriggerSentData:
    """Return a webhook's data on a sent mail of a trigger."""
    return {
        "trigger": row.trigger,
        "event": row.event,
        "person": str(row.person),
        "about": row.about,
        "occurrence": row.occurrence,
        "message": ids.show(message),
        "message_id": message_id,
        "at": at.isoformat(),
    }


def run_finished_data(run: TriggerRun, state: RunState, at: datetime) -> RunFinishedData:
    """Return a webhook's data on a run that has reached a state."""
    numbers = run_numbers(run)
    return {
        "run": ids.show(run.id),
        "trigger": run.trigger,
        "day": run.day.isoformat(),
        "state": state,
        "sent": numbers["sent"],
        "skipped": numbers["skipped"],
        "failed": numbers["failed"],
        "unknown": numbers["unknown"],
        "expired": numbers["expired"],
        "held": numbers["held"],
        "waiting": run.waiting,
        "error": run.error,
        "at": at.isoformat(),
    }


def transition_finished_data(
    transition: MailedTransition, zone: tzinfo, at: datetime
) -> RunFinishedData:
    """Return a webhook's data once all mail owed for a change to an application has ended."""
    data = run_finished_data(transition.run(zone), RunState.FINISHED, at)
    data["event"] = transition.event
    data["reference"] = transition.reference
    data["status"] = transition.status
    return data
