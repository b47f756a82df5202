"""Replies filed to people."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.context import Context, Json, NotFound, of, read_id
from gateway.cli.output import one_line, print_json, print_line
from gateway.core import ids
from gateway.core.people.history import REPEATED, HistoryEntry
from gateway.documents.replies import history_entry_document
from gateway.store.people import history

app = typer.Typer(help="Replies that were filed to people.", no_args_is_help=True)

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The id of an entry.")]


@app.callback()
def entries() -> None:
    """Replies that were filed to people."""


@app.command("show")
def show(context: typer.Context, number: _Entry, as_json: Json = False) -> None:
    """Show a reply, and what came with it.

    Who wrote what to whom, what staff added, and its documents.
    """
    invocation = of(context)
    with invocation.store() as store, store.reading() as connection:
        entry = history.by_id(connection, read_id(number))
    if entry is None:
        raise NotFound(f"the history has no entry {number}", "gateway person show PERSON")
    if as_json:
        print_json(history_entry_document(entry))
        return
    for line in reply_lines(invocation, entry):
        print_line(line)


def reply_lines(invocation: Context, entry: HistoryEntry) -> Iterator[str]:
    """Yield a reply line by line: who wrote to whom, its documents, what staff added, text."""
    address = f"<{one_line(entry.sender)}>" if entry.sender else ""
    yield f"Subject:     {one_line(entry.subject)}"
    yield f"From:        {f'{one_line(entry.sender_name)} {address}'.strip()}"
    if entry.recipients:
        yield f"To:          {one_line(entry.recipients)}"
    if entry.copies:
        yield f"Cc:          {one_line(entry.copies)}"
    date = invocation.local(entry.date) if entry.date else one_line(entry.date_text)
    yield f"Date:        {date}"
    yield f"Person:      {entry.person}, application {entry.reference}"
    yield f"Filed:       {invocation.local(entry.at)}, forwarded by {one_line(entry.staff)}"
    for remark in entry.remarks:
        yield f"Remark:      {one_line(_with_local_time(invocation, remark))}"
    for document in entry.documents:
        description = f"{one_line(document.filename)} ({document.type}, {document.size} octets)"
        yield f"Document:    {ids.show(document.id)} {description}"
    if entry.staff_text:
        yield ""
        yield from (f"| {line}" for line in entry.staff_text.splitlines())
    yield ""
    yield entry.text


def _with_local_time(invocation: Context, remark: str) -> str:
    """Return a remark with the time it has, `repeated 2026-03-12T08:30:00+00:00 s1 …`, as local."""
    kind, _, rest = remark.partition(" ")
    if kind != REPEATED:
        return remark
    when, _, more = rest.partition(" ")
    return f"{kind} {invocation.local(datetime.fromisoformat(when))} {more}".rstrip()
