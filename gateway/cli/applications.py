"""What happens to applications, told by hand: submitted, or given a status."""

from typing import Annotated

import typer

from gateway.app.transitions import carry_out, who_acts
from gateway.cli.context import Context, Json, of, read_mail_address
from gateway.cli.output import complain, one_line, print_json, print_line
from gateway.cli.triggers import show_preview
from gateway.core.trigger import TriggerEvent
from gateway.triggers.documents import done as document
from gateway.triggers.transitions import Change, Done, Wish

app = typer.Typer(help="Applications: tell what happened, and who is mailed.", no_args_is_help=True)

_Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="Of the application.")]
_References = Annotated[
    list[str], typer.Argument(metavar="REFERENCE …", help="Of one or several applications.")
]
_Status = Annotated[str, typer.Argument(metavar="STATUS", help="The status's crm_id.")]
_NewStatus = Annotated[
    str | None, typer.Option("--status", metavar="S", help="The status it has now (crm_id).")
]
_By = Annotated[str, typer.Option("--by", metavar="STAFF", help="Who did it: crm_id or address.")]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Change and send nothing; show what would be mailed.")
]


@app.command("submit")
def submit(
    context: typer.Context,
    reference: _Reference,
    status: _NewStatus = None,
    dry_run: _DryRun = False,
    as_json: Json = False,
) -> None:
    """Tell that a candidate has submitted an application.

    It is acknowledged at once, as the triggers say.
    """
    chosen = of(context)
    wish = Wish(
        event=TriggerEvent.SUBMITTED,
        references=(reference,),
        status=status,
        language=chosen.settings.suppression.language,
    )
    _carry_out(chosen, wish, dry_run=dry_run, as_json=as_json)


@app.command("status")
def change_status(
    context: typer.Context,
    status: _Status,
    references: _References,
    *,
    by: _By,
    dry_run: _DryRun = False,
    as_json: Json = False,
) -> None:
    """Give applications a status, and mail what is owed.

    The triggers say who is mailed; it leaves at once.
    """
    named = read_mail_address(by) if "@" in by else by
    chosen = of(context)
    with chosen.store() as store, store.reading() as connection:
        actor = who_acts(chosen.settings, connection, named)
    if actor is None:
        complain(f"no staff is known as {named}: nobody is mailed as the one who acted")
    wish = Wish(
        event=TriggerEvent.STATUS_CHANGED,
        references=tuple(references),
        status=status,
        actor=actor.crm_id if actor else named,
        language=(actor.language if actor else "") or chosen.settings.suppression.language,
    )
    _carry_out(chosen, wish, dry_run=dry_run, as_json=as_json)


def _carry_out(chosen: Context, wish: Wish, *, dry_run: bool, as_json: bool) -> None:
    with chosen.store() as store:
        done = carry_out(chosen.settings, store, wish, dry_run=dry_run)
    if as_json:
        print_json(document(done))
    else:
        _show(done, dry_run=dry_run)
    if done.failed:
        raise typer.Exit(1)


def _show(done: Done, *, dry_run: bool) -> None:
    for change in done.changes:
        print_line(_line(change, dry_run=dry_run), "red" if change.error else "")
    if done.preview.warning and dry_run:
        print_line(f"\n{done.preview.warning}", "bold yellow")
    if done.preview.trigger:
        print_line()
        show_preview(done.preview)


def _line(change: Change, *, dry_run: bool) -> str:
    return one_line(f"{change.reference}: {_said(change, dry_run=dry_run)}")


def _said(change: Change, *, dry_run: bool) -> str:
    if change.error:
        return change.error
    if not change.changed:
        return f"nothing changes, it is {change.status or 'submitted'} already"
    verb = "would be" if dry_run else "is"
    return f"{verb} {change.status or 'submitted'}, was {change.before or 'without a status'}"
