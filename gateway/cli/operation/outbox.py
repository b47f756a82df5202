"""The gateway's own outgoing mail and webhooks."""

from typing import Annotated

import typer

from gateway.app.common import now
from gateway.cli.context import of, read_id
from gateway.cli.listing import ListColumns, ListRequest, lists, newest_first
from gateway.cli.output import one_line, print_line
from gateway.core import ids
from gateway.core.sending.outbox import OutboxRow, OutboxState
from gateway.documents.sending import outbox_entry_document
from gateway.store.engine.database import StoreTransaction
from gateway.store.sending import outbox
from gateway.store.triggers import status_mail

app = typer.Typer(help="What the gateway itself sends.", no_args_is_help=True)

_NO_ENTRIES = "No entries. Reports to senders, notices to staff and triggered mail are listed here."

_Id = Annotated[str, typer.Argument(metavar="ID", help="The id of an entry.")]


_COLUMNS: ListColumns[OutboxRow] = {
    "id": lambda row: ids.show(row.id),
    "time": lambda row: row.at,
    "type": lambda row: row.type,
    "to": lambda row: row.recipient,
    "about": lambda row: one_line(row.about),
    "state": lambda row: row.state,
    "attempts": lambda row: row.attempts,
    "next": lambda row: row.next_at,
    "error": lambda row: one_line(row.error),
}


@app.command("list")
@lists()
def list_entries(
    context: typer.Context,
    request: ListRequest,
    *,
    state: Annotated[OutboxState | None, typer.Option(help="Only in this state.")] = None,
) -> None:
    """List what was sent and what will be, the newest first.

    Mail about changed statuses and submissions is here while it waits; `gateway triggers history`
    shows what became of it.
    """
    since = request.since

    def read(connection: StoreTransaction, before: int | None, limit: int) -> list[OutboxRow]:
        return status_mail.merge_newest_first(
            outbox.list_outbox(connection, state=state, since=since, before=before, limit=limit),
            status_mail.list_waiting_mail(
                connection, state=state, since=since, before=before, limit=limit
            ),
            limit,
        )

    with of(context).store() as store:
        source = newest_first(store, read, lambda row: row.id)
        request.print(source, _COLUMNS, document=outbox_entry_document, empty=_NO_ENTRIES)


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
