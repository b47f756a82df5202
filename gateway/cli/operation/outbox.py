"""What the gateway itself sends."""

from typing import Annotated

import typer

from gateway.app.common import now
from gateway.cli.context import Json, of, read_id
from gateway.cli.output import local, one_line, print_json, print_line, print_table
from gateway.core import ids
from gateway.core.sending.outbox import OutboxState
from gateway.documents.sending import outbox_entry_document
from gateway.store.sending import outbox
from gateway.store.triggers import status_mail

app = typer.Typer(help="What the gateway itself sends.", no_args_is_help=True)

_NO_ENTRIES = "No entries. Reports to senders, notices to staff and triggered mail are listed here."

_Id = Annotated[str, typer.Argument(metavar="ID", help="The id of an entry.")]


@app.command("list")
def list_entries(
    context: typer.Context,
    *,
    state: Annotated[OutboxState | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most, the newest first.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List what was sent and what will be, the newest first.

    Mail about changed statuses and submissions is here while it waits; `gateway triggers history`
    shows what became of it.
    """
    chosen = of(context)
    with chosen.store() as store, store.reading() as connection:
        entries = status_mail.among(
            outbox.listed(connection, state=state, limit=limit),
            status_mail.waiting(connection, state=state, limit=limit),
            limit,
        )
    if as_json:
        print_json([outbox_entry_document(row) for row in entries])
        return
    headings = ("id", "time", "type", "to", "about", "state", "attempts", "next", "error")
    rows = (
        (
            ids.show(row.id),
            local(row.at, chosen.zone),
            row.type,
            row.recipient,
            one_line(row.about),
            row.state,
            row.attempts,
            local(row.next_at, chosen.zone),
            one_line(row.error),
        )
        for row in entries
    )
    print_table(headings, rows, empty=_NO_ENTRIES)


@app.command("retry")
def retry(context: typer.Context, number: _Id) -> None:
    """Send an entry again; one in the state unknown may arrive twice."""
    with of(context).store() as store, store.writing() as connection:
        before = outbox.retry(connection, read_id(number), now())
    print_line(f"Queued again: {number}, which was {before.state}.")


@app.command("cancel")
def cancel(context: typer.Context, number: _Id) -> None:
    """Give up on an entry for good."""
    with of(context).store() as store, store.writing() as connection:
        before = status_mail.cancel_entry(connection, read_id(number), now())
    print_line(f"Cancelled: {number}, which was {before}.")
