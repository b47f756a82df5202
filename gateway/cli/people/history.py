"""Replies that were filed."""

from collections.abc import Iterator
from typing import Annotated

import typer

from gateway.cli.context import Context, Json, NotFound, of, read_id
from gateway.cli.output import local, one_line, print_json, print_line
from gateway.core import ids
from gateway.core.people.history import HistoryEntry
from gateway.store.people import history
from gateway.store.views import documents

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
    chosen = of(context)
    with chosen.store() as store, store.reading() as connection:
        found = history.one(connection, read_id(number))
    if found is None:
        raise NotFound(f"the history has no entry {number}")
    if as_json:
        print_json(documents.history_entry(found))
        return
    for line in described(chosen, found):
        print_line(line)


def described(context: Context, one: HistoryEntry) -> Iterator[str]:
    """Yield a reply line by line: who wrote to whom, its documents, what staff added, text."""
    address = f"<{one_line(one.sender)}>" if one.sender else ""
    yield f"Subject:     {one_line(one.subject)}"
    yield f"From:        {f'{one_line(one.sender_name)} {address}'.strip()}"
    if one.recipients:
        yield f"To:          {one_line(one.recipients)}"
    if one.copies:
        yield f"Cc:          {one_line(one.copies)}"
    yield f"Date:        {local(one.date, context.zone) if one.date else one_line(one.date_text)}"
    yield f"Person:      {one.person}, application {one.reference}"
    yield f"Filed:       {local(one.at, context.zone)}, forwarded by {one_line(one.staff)}"
    yield from (f"Remark:      {one_line(remark)}" for remark in one.remarks)
    for each in one.documents:
        what = f"{one_line(each.filename)} ({each.type}, {each.size} octets)"
        yield f"Document:    {ids.show(each.id)} {what}"
    if one.staff_text:
        yield ""
        yield from (f"| {line}" for line in one.staff_text.splitlines())
    yield ""
    yield one.text
