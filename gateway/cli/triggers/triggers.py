"""Mail on events: the triggers, what they would do, and what they did."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import typer

from gateway.app import common
from gateway.app.roles.sender import send_reports
from gateway.app.sending.own_mail import own_mail_sender
from gateway.app.triggers import trigger_previews, triggers
from gateway.app.triggers.current_trigger_settings import CurrentTriggerSettings
from gateway.app.triggers.holding import resume_all
from gateway.cli.context import Context, Json, of, read_staff, wrong_use
from gateway.cli.listing import (
    ListColumns,
    ListForm,
    ListRequest,
    in_memory,
    lists,
    newest_first,
)
from gateway.cli.output import one_line, print_json, print_line, print_table
from gateway.cli.triggers import changing
from gateway.cli.triggers.previews import show_preview
from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.feed.unread_fields import UnreadField
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.trigger_run import TriggerRun
from gateway.delivery.own_mail import OwnMailSender
from gateway.documents.triggers.triggers import (
    history_document,
    preview_document,
    state_of,
    trigger_document,
    trigger_run_document,
    waiting_document,
)
from gateway.metrics import Metrics
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.feed import unread
from gateway.store.triggers import epochs, ledger, status_mail, trigger_runs
from gateway.store.triggers.status_mail import MailedTransition
from gateway.triggers.engine import TriggerEngine
from gateway.triggers.templates import CheckedTrigger

app = typer.Typer(help="Mail on events.", no_args_is_help=True)
app.command("calendar")(changing.show_calendar)
app.command("show")(changing.show_trigger)
app.command("new")(changing.new_trigger)
app.command("edit")(changing.edit_trigger)
app.command("enable")(changing.enable)
app.command("disable")(changing.disable)
app.command("template")(changing.change_template)
app.command("edits")(changing.list_edits)
app.command("hold")(changing.hold)

_NO_FIELD = (
    "No mail waits for a field. Fields that can't be read, but decide about mail, are listed here."
)
_NONE_IS_ON = "No trigger with a date event is on: see `gateway triggers list`."
_NO_RUNS = "No runs. `gateway run` looks once a day, `gateway triggers run` at once."

_OfDate = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The trigger's file, without .toml.")
]
_Reference = Annotated[str | None, typer.Option(metavar="R", help="The application's reference.")]
_Status = Annotated[
    str | None, typer.Option(metavar="S", help="The status it would get: crm_id or name.")
]
_By = Annotated[
    str | None, typer.Option(metavar="STAFF", help="Who would do it: crm_id, name or address.")
]
_OneName = Annotated[
    str | None, typer.Argument(metavar="NAME", help="One trigger; by default all that are on.")
]
_On = Annotated[
    str | None,
    typer.Option("--on", metavar="DATE", help="As if it were this day; by default today."),
]
_Now = Annotated[bool, typer.Option("--now", help="Even before daily_at and in quiet hours.")]
_Waiting = Annotated[bool, typer.Option("--waiting", help="Unreadable fields that mail waits for.")]


class CannotRun(GatewayError):
    """A trigger can't be run or previewed as asked."""


@app.command("list")
@lists(has_since=False)
def list_triggers(context: typer.Context, request: ListRequest, waiting: _Waiting = False) -> None:
    """List the triggers, on and off, or the fields mail waits for."""
    invocation = of(context)
    if waiting:
        list_waiting(invocation, request)
        return
    checked_triggers, unusable = triggers.read_all(invocation.settings)
    with invocation.store() as store, store.reading() as connection:
        looked = {name: trigger_runs.last_look(connection, name) for name in checked_triggers}
    columns: ListColumns[str] = {
        "name": lambda name: name,
        "on": lambda name: "yes" if checked_triggers[name].trigger.enabled else "no",
        "event": lambda name: checked_triggers[name].trigger.event,
        "template": lambda name: checked_triggers[name].trigger.template,
        "kind": lambda name: checked_triggers[name].trigger.kind,
        "looked at": looked.get,
    }
    folder = invocation.settings.triggers.folder
    request.print(
        in_memory(checked_triggers, str),
        columns,
        document=lambda name: trigger_document(checked_triggers[name].trigger, looked[name]),
        empty=f"No triggers. Each is a file in {folder}: see docs/triggers.md.",
    )
    triggers.raise_faults(unusable.values())  # After the usable ones.


_FIELDS: ListColumns[UnreadField] = {
    "record": lambda field: one_line(f"{field.what} {field.record}"),
    "field": lambda field: field.field,
    "since": lambda field: field.since,
    "in": lambda field: one_line(field.place),
    "because": lambda field: one_line(field.text),
}


def list_waiting(invocation: Context, request: ListRequest) -> None:
    """Print the unreadable fields that mail depends on, and the mail that waits."""
    with invocation.store() as store, store.reading() as connection:
        fields = unread.list_unread_fields(connection, deciding=True)
        owed = ledger.list_waiting_mail(connection)
    if request.form is ListForm.JSON:  # A separate document, with both.
        print_json(waiting_document(fields, owed))
        return
    source = in_memory(fields, lambda field: f"{field.what} {field.record} {field.field}")
    request.print(source, _FIELDS, document=str, empty=_NO_FIELD)
    if owed and request.form is ListForm.TABLE:
        print_line()
        mails = ((row.trigger, row.person, row.about, one_line(row.reason)) for row in owed)
        print_table(("mail that waits", "about", "subject", "because"), mails)


@app.command("preview")
def preview_trigger(
    context: typer.Context,
    name: _OfDate = None,
    on: _On = None,
    *,
    reference: _Reference = None,
    status: _Status = None,
    by: _By = None,
    as_json: Json = False,
) -> None:
    """Show who would get what, and who would not.

    Nothing is sent. Give the name of a trigger for dates, or --reference and --status for what
    changing an application's status would send.
    """
    invocation = of(context)
    if (name is None) == (reference is None) or (reference is None) != (status is None):
        wrong_use("name a trigger, or give --reference and --status")
    staff = None if by is None else read_staff(by)
    try:
        day = None if on is None else date.fromisoformat(on)
    except ValueError:
        wrong_use(f"--on: not a date such as 2027-03-01: {on}")
    with invocation.store() as store:
        if reference is not None:
            preview = trigger_previews.of_change(
                invocation.settings, store, reference, status, staff
            )
        else:
            preview = trigger_previews.of_date(invocation.settings, store, name or "", day)
    if as_json:
        print_json(preview_document(preview))
        return
    show_preview(preview)


@app.command("run")
def run_triggers(
    context: typer.Context, name: _OneName = None, now: _Now = False, as_json: Json = False
) -> None:
    """Run date events now, and report what was done.

    Everybody who is due and hasn't had the mail gets it.
    """
    invocation = of(context)
    changing.log_as_usual(invocation)
    if name:
        checked_triggers = [to_run(invocation, name)]
    else:
        all_triggers = triggers.checked_triggers(invocation.settings).values()
        checked_triggers = [
            checked
            for checked in all_triggers
            if checked.trigger.enabled and checked.trigger.is_of_date
        ]

    async def run(store: Database) -> tuple[list[TriggerRun], str]:
        with _sending(invocation, store) as (own_mail, engine):
            may_send = await engine.restore_detector.may_send()
            runs = [await engine.run(checked, even_now=now) for checked in checked_triggers]
            await send_reports(store, own_mail)
            return runs, "" if may_send else await store.read(epochs.why_held)

    with invocation.store() as store:
        runs, held = asyncio.run(run(store))
    documents = [trigger_run_document(run) for run in runs]
    if as_json:
        print_json(documents[0] if name else documents)
    else:
        rows = [[cell(run) for cell in _RUNS.values()] for run in runs]
        print_table(list(_RUNS), rows, empty=_NONE_IS_ON, times=invocation.times)
    if held:
        raise CannotRun(f"all triggered mail is held: {held}; gateway triggers resume")
    if any(run.error or run.count(*_FAULTS) for run in runs):
        raise typer.Exit(1)


@app.command("history")
@lists()
def history(context: typer.Context, request: ListRequest) -> None:
    """List the runs and what became of them, the newest first.

    Changes of applications are listed with their mail, also what waits, to whom and until when.
    """
    invocation, since = of(context), request.since
    shown_entries: list[TriggerRun | MailedTransition] = []

    def read(
        connection: StoreTransaction, before: int | None, limit: int
    ) -> list[TriggerRun | MailedTransition]:
        runs = trigger_runs.list_runs(connection, since=since, before=before, limit=limit)
        changes = status_mail.list_mailed_transitions(
            connection, since=since, before=before, limit=limit
        )
        both: list[TriggerRun | MailedTransition] = [*runs, *changes]
        return sorted(both, key=lambda entry: entry.id, reverse=True)[:limit]

    def as_run(entry: TriggerRun | MailedTransition) -> Iterator[TriggerRun]:
        shown_entries.append(entry)
        yield entry if isinstance(entry, TriggerRun) else entry.run(invocation.zone)

    with invocation.store() as store:
        request.print_lines(
            newest_first(store, read, lambda entry: entry.id),
            as_run,
            {"id": lambda run: ids.show(run.id), **_RUNS},
            document=lambda entry: history_document([entry], invocation.zone)[0],
            empty=_NO_RUNS,
        )
    mails = [
        (change, mail)
        for change in shown_entries
        if isinstance(change, MailedTransition)
        for mail in change.mails
    ]
    if mails and request.form is ListForm.TABLE:
        print_line()
        headings = ("changed", "by", "trigger", "application", "to", "state", "due", "because")
        rows = (
            (
                change.at,
                one_line(change.actor) or "-",
                change.trigger,
                one_line(f"{change.reference}: {change.before or '-'} → {change.status or '-'}"),
                mail.to or mail.row.recipient or mail.row.person,
                state_of(mail.row),
                mail.row.next_at or mail.row.due_at,
                one_line(mail.row.reason),
            )
            for change, mail in mails
        )
        print_table(headings, rows, times=invocation.times)


@app.command("resume")
def resume(context: typer.Context) -> None:
    """Send triggered mail that is held.

    From now on the store counts as the real one, not as a copy.
    """
    invocation = of(context)
    changing.log_as_usual(invocation)
    with invocation.store() as store:
        count = resume_all(invocation.settings, store)
    if count:
        print_line(f"Released: {count}; mail that would be too late now is not sent.")
    else:
        print_line("No mail was held; what comes due goes out again.")


_FAULTS = (OccurrenceState.FAILED, OccurrenceState.HELD, OccurrenceState.UNKNOWN)


def to_run(invocation: Context, name: str) -> CheckedTrigger:
    """Return a trigger to run by hand; CannotRun unless it is for dates and on."""
    checked = trigger_previews.checked_trigger(invocation.settings, name)
    if not checked.trigger.is_of_date:
        raise CannotRun(
            f"{name}: {checked.trigger.event} is not a date event; its mail is sent at once"
        )
    if not checked.trigger.enabled:
        raise CannotRun(f"{name} is switched off: set enabled = true in its file")
    return checked


@contextmanager
def _sending(invocation: Context, store: Database) -> Iterator[tuple[OwnMailSender, TriggerEngine]]:
    """Lend the sender of triggered mail, in a running event loop."""
    own_mail = own_mail_sender(invocation.settings, Metrics())
    trigger_settings = CurrentTriggerSettings(invocation.settings, store)
    engine = TriggerEngine(
        store, trigger_settings, own_mail, stopping=asyncio.Event(), clock=common.now
    )
    try:
        yield own_mail, engine
    finally:
        engine.close()
        trigger_settings.close()
        own_mail.close()


def _other_numbers(run: TriggerRun) -> str | None:
    states = (OccurrenceState.UNKNOWN, OccurrenceState.EXPIRED, OccurrenceState.HELD)
    others = [f"{run.count(state)} {state}" for state in states if run.count(state)]
    if run.waiting:
        others.append(f"{run.waiting} waiting")
    if run.error:
        others.append(one_line(run.error))
    return ", ".join(others) or None


_RUNS: ListColumns[TriggerRun] = {
    "time": lambda run: run.at,
    "trigger": lambda run: run.trigger,
    "day": lambda run: run.day,
    "state": lambda run: "failed" if run.error else run.state,
    "sent": lambda run: run.count(OccurrenceState.SENT),
    "skipped": lambda run: run.left_out,
    "failed": lambda run: run.count(OccurrenceState.FAILED),
    "other": _other_numbers,
}
