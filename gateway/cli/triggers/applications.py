"""Events of applications reported by hand: submitted, or given a status."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer

from gateway.app.triggers.transitions import carry_out, who_acts
from gateway.cli.context import Json, of, read_staff, wrong_use
from gateway.cli.listing import ListColumns, ListRequest, ListSource, lists
from gateway.cli.output import (
    complain,
    one_line,
    print_json,
    print_line,
    printable,
)
from gateway.cli.triggers.previews import show_preview
from gateway.core.errors import GatewayError
from gateway.core.triggers.application_change import Change, ChangeOutcome, ChangeResult
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.core.triggers.transition import is_yes, question
from gateway.documents.triggers.applications import (
    ListedApplicationDocument,
    listed_application_document,
)
from gateway.documents.triggers.triggers import change_result_document
from gateway.store.views import application_list
from gateway.triggers.transitions import ChangeRequest

app = typer.Typer(
    help="Report what happened to applications, and mail people.", no_args_is_help=True
)

_Reference = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The application's reference.")
]
_References = Annotated[
    list[str], typer.Argument(metavar="REFERENCE", help="References of applications.")
]
_Status = Annotated[str, typer.Argument(metavar="STATUS", help="The status's crm_id or name.")]
_Words = Annotated[list[str] | None, typer.Argument(metavar="WORD", help="What to look for.")]
_WithStatus = Annotated[
    str, typer.Option("--status", metavar="S", help="Those with this status: its crm_id.")
]
_NewStatus = Annotated[
    str | None, typer.Option("--status", metavar="S", help="The status it has now: crm_id or name.")
]
_By = Annotated[
    str, typer.Option("--by", metavar="STAFF", help="Who does it: crm_id, name or address.")
]
_Partial = Annotated[
    bool, typer.Option("--partial", help="Change those that can be, even if not all can.")
]
_Yes = Annotated[
    bool, typer.Option("--yes", help="Go on even if mail is sent; without it you are asked.")
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Change and send nothing; show what would be mailed.")
]


class NotConfirmed(GatewayError):
    """Nothing was changed, since it would mail and nobody was asked."""


@app.command("list")
@lists(has_since=False)
def list_applications(
    context: typer.Context,
    request: ListRequest,
    words: _Words = None,
    status: _WithStatus = "",
) -> None:
    """List applications, by reference.

    Each word begins the reference, or stands in the title, the programme, or the person's name or
    address.
    """
    invocation = of(context)
    with invocation.store() as store:

        def every(after: str | None, at_once: int) -> Iterator[ListedApplicationDocument]:
            last, looked_for = after or "", " ".join(words or [])
            with store.reading() as connection:
                if after is not None and application_list.by_reference(connection, after) is None:
                    wrong_use(f"--after {after}: the list has no such entry")
            while True:
                with store.reading() as connection:
                    page = application_list.list_applications(
                        connection, words=looked_for, status=status, after=last, limit=at_once
                    )
                yield from map(listed_application_document, page)
                if len(page) < at_once:
                    return
                last = page[-1].known_application.application.reference

        request.print(
            ListSource(every, lambda row: row["reference"]),
            _APPLICATIONS,
            document=lambda row: row,
            empty="No applications. The CRM tells of them: gateway import applications FILE.",
        )


_APPLICATIONS: ListColumns[ListedApplicationDocument] = {
    "reference": lambda row: one_line(row["reference"]),
    "person": lambda row: one_line(row["person"] or ""),
    "name": lambda row: one_line(row["person_name"]),
    "title": lambda row: one_line(row["title"]),
    "status": lambda row: one_line(row["status"]),
}


@app.command("submit")
def submit(
    context: typer.Context,
    reference: _Reference,
    status: _NewStatus = None,
    dry_run: _DryRun = False,
    as_json: Json = False,
) -> None:
    """Report that a candidate has submitted an application.

    It is acknowledged at once, as the triggers say; a dry run shows how.
    """
    invocation = of(context)
    request = ChangeRequest(
        event=SUBMITTED,
        references=(reference,),
        status=status,
        language=invocation.settings.suppression.language,
    )
    with invocation.store() as store:
        done = carry_out(invocation.settings, store, request, dry_run=dry_run)
    _tell(done, as_json=as_json)


@app.command("status")
def change_status(
    context: typer.Context,
    status: _Status,
    references: _References,
    *,
    by: _By,
    yes: _Yes = False,
    partial: _Partial = False,
    dry_run: _DryRun = False,
    as_json: Json = False,
) -> None:
    """Give applications a status, and mail what is owed.

    All of them are changed or none, unless --partial is given. The triggers decide who is mailed;
    before anybody is, you are shown who and asked.
    """
    invocation, staff = of(context), read_staff(by)
    with invocation.store() as store:
        with store.reading() as connection:
            actor = who_acts(invocation.settings, connection, staff)
        request = ChangeRequest(
            event=STATUS_CHANGED,
            references=tuple(references),
            status=status,
            actor=actor.crm_id,
            language=actor.language or invocation.settings.suppression.language,
            is_partial=partial,
            is_confirmed=yes,
        )
        done = carry_out(invocation.settings, store, request, dry_run=dry_run)
        # Show what it would mail, and do it if that is wanted; if it has changed by then, ask
        # again.
        is_asked = done.outcome is ChangeOutcome.UNCONFIRMED and sys.stdin.isatty()
        while is_asked and done.outcome in (ChangeOutcome.UNCONFIRMED, ChangeOutcome.STALE):
            if done.outcome is ChangeOutcome.STALE:
                complain("What would be mailed has changed in the meantime:")
            if not as_json:
                _show(done)
            prompt = f"\n{printable(done.preview.warning)}. {question(request.language)}"
            answer = typer.prompt(prompt, "", show_default=False, prompt_suffix=" ", err=True)
            if not is_yes(answer, request.language):
                raise typer.Abort
            confirmed = replace(request, token=done.token)
            done = carry_out(invocation.settings, store, confirmed, dry_run=False)
    _tell(done, as_json=as_json)


def _tell(done: ChangeResult, *, as_json: bool) -> None:
    if as_json:
        print_json(change_result_document(done))
    else:
        _show(done)
    if done.outcome is ChangeOutcome.UNCONFIRMED:
        raise NotConfirmed(
            f"{done.preview.warning}: nothing was changed; look at it with --dry-run, then repeat "
            "with --yes"
        )
    if done.has_failed:
        raise typer.Exit(1)


def _show(done: ChangeResult) -> None:
    for change in done.changes:
        print_line(
            one_line(f"{change.reference}: {what_became_of(change, done.outcome)}"),
            "red" if change.error else "",
        )
    if done.preview.trigger:
        print_line()
        show_preview(done.preview, is_done=done.outcome is ChangeOutcome.DONE)


def what_became_of(change: Change, outcome: ChangeOutcome) -> str:
    """Return in words what was done to one application, or would be."""
    if change.error:
        return change.error
    if not change.changed:
        return f"nothing changes, it is {change.status or 'submitted'} already"
    verb = "is" if outcome is ChangeOutcome.DONE else "would be"
    text = f"{verb} {change.status or 'submitted'}, was {change.before or 'without a status'}"
    if change.withdrawn:
        text += f"; mail about that which is no longer sent: {change.withdrawn}"
    if change.undone:
        text += "; taken back in time, nobody is mailed"
    return text
