"""Mail for the importer, and people's decisions on what was not filed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.app.replies.import_address import MISSING, import_addresses
from gateway.cli.context import Context, Json, NotFound, of, read_id
from gateway.cli.listing import ListColumns, ListRequest, lists, newest_first
from gateway.cli.output import one_line, print_json, print_line, print_table
from gateway.core import ids
from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.documents.replies import (
    import_addresses_document,
    inbox_mail_document,
    inbox_reading_document,
)
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.replies import inbox

if TYPE_CHECKING:
    from gateway.core.replies.inbox_reading import InboxReading
    from gateway.inbound.importer import ReplyImporter
    from gateway.inbound.verdict import ImportVerdict

app = typer.Typer(help="Forwarded replies that were not filed.", no_args_is_help=True)

_NO_MAILS = "No mails. Replies that can't be filed to an application wait here for a decision."

#: What stands before the detail of a reason; else it goes on from "it".
_BECAUSE: dict[str, str] = {
    AttentionReason.NOT_ALLOWED: "its sender's roles are {}, which inbound.allowed_roles lacks",
    AttentionReason.UNKNOWN_REFERENCE: "its reference {} is that of no application",
    AttentionReason.TOO_LARGE: "it has {}",
}
_Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a mail.")]
_Reference = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The application it belongs to.")
]
_State = Annotated[
    list[InboxState] | None, typer.Option(help="Mails in this state instead; may be repeated.")
]
_Raw = Annotated[bool, typer.Option("--raw", help="Print the mail as it came, byte for byte.")]


_COLUMNS: ListColumns[InboxRow] = {
    "id": lambda mail: ids.show(mail.id),
    "time": lambda mail: mail.at,
    "sender": lambda mail: one_line(mail.sender),
    "subject": lambda mail: one_line(mail.subject),
    "state": lambda mail: mail.state,
    "reason": lambda mail: mail.reason,
    "detail": lambda mail: one_line(mail.detail),
}


@app.command("list")
@lists()
def list_mails(context: typer.Context, request: ListRequest, *, state: _State = None) -> None:
    """List the mails that wait for a decision, the newest first."""
    states = state or [InboxState.NEEDS_ATTENTION]

    def read(connection: StoreTransaction, before: int | None, limit: int) -> list[InboxRow]:
        return inbox.list_inbox(
            connection, states=states, since=request.since, before=before, limit=limit
        )

    with of(context).store() as store:
        source = newest_first(store, read, lambda mail: mail.id)
        request.print(source, _COLUMNS, document=inbox_mail_document, empty=_NO_MAILS)


@app.command("show")
def show(context: typer.Context, number: _Id, *, raw: _Raw = False, as_json: Json = False) -> None:
    """Show a mail: why it waits and what it is about.

    The applications it is likely about are named, with what speaks for each.
    """
    invocation = of(context)
    with invocation.store() as store:
        row = _existing_row(store, number)
        if raw:
            sys.stdout.buffer.writelines(Blobs(invocation.settings.store.blobs).read(row.content))
            return
        reading = asyncio.run(reading_of(invocation, store, row))
    if as_json:
        print_json(inbox_reading_document(reading))
        return
    print_line(f"Subject:     {one_line(row.subject)}")
    print_line(f"From:        {one_line(row.sender)}")
    print_line(f"Came:        {invocation.local(row.at)} by {row.origin}, {row.size} octets")
    print_line(f"Message-ID:  {one_line(row.message_id)}")
    print_line(f"State:       {row.state}{f' ({row.reason})' if row.reason else ''}")
    if row.detail:
        print_line(f"Because:     {_BECAUSE.get(row.reason, 'it {}').format(one_line(row.detail))}")
    if row.entry is not None:
        print_line(f"Filed as:    {ids.show(row.entry)}")
    for file in reading.files:
        print_line(f"File:        {one_line(file.filename)} ({file.size} octets)")
    for text in filter(None, (reading.staff_text, reading.text)):
        print_line()
        print_line(text)
    if reading.suggestions:
        print_line()
        print_line("Likely about, the likeliest first; gateway inbox assign ID REFERENCE files it:")
        headings = ("reference", "person", "name", "about", "status", "because")
        rows = (
            (
                one_line(suggestion.application.known_application.application.reference),
                one_line(str(suggestion.application.known_application.application.person)),
                one_line(suggestion.application.name),
                one_line(suggestion.application.known_application.about),
                one_line(suggestion.application.known_application.status_name),
                one_line("; ".join(reason_in_words(*reason) for reason in suggestion.reasons)),
            )
            for suggestion in reading.suggestions
        )
        print_table(headings, rows, empty="", times=invocation.times)


@app.command("address")
def address(context: typer.Context, as_json: Json = False) -> None:
    """Print the address staff forward replies to.

    It is `inbound.address`, or else the login of each mailbox whose login is an address.
    """
    addresses = import_addresses(of(context).settings)
    if as_json:
        print_json(
            import_addresses_document([(place.address, place.told_by) for place in addresses])
        )
        raise typer.Exit(0 if addresses else 1)
    if not addresses:
        raise NotFound(MISSING)
    for place in addresses:
        print_line(place.address)


@app.command("assign")
def assign(
    context: typer.Context, number: _Id, reference: _Reference, as_json: Json = False
) -> None:
    """File a mail under an application.

    It is treated as if its subject began with the right reference.
    """
    mail_id = read_id(number)
    _decide(of(context), lambda importer: importer.assign(mail_id, reference), as_json=as_json)


@app.command("retry")
def retry(context: typer.Context, number: _Id, as_json: Json = False) -> None:
    """Try to file a mail again.

    The application, role or setting that was missing may exist now.
    """
    mail_id = read_id(number)
    _decide(of(context), lambda importer: importer.retry(mail_id), as_json=as_json)


@app.command("discard")
def discard(context: typer.Context, number: _Id, as_json: Json = False) -> None:
    """Give up on a mail; it stays listed and can still be assigned."""
    with of(context).store() as store, store.writing() as connection:
        before = inbox.discard(connection, read_id(number))
    if as_json:
        print_json(inbox_mail_document(replace(before, state=InboxState.DISCARDED)))
        return
    print_line(f"Discarded: {number}, which was {before.state} ({before.reason}).")


def _decide(
    invocation: Context,
    work: "Callable[[ReplyImporter], Awaitable[ImportVerdict]]",
    *,
    as_json: bool,
) -> None:
    from gateway.app.replies.importing import importer_by_hand
    from gateway.inbound.verdict import Filed, Ignored, NeedsAttention, Repeated

    async def decided(store: Database) -> "ImportVerdict":
        async with importer_by_hand(invocation.settings, store) as importer:
            return await work(importer)

    with invocation.store() as store:
        verdict = asyncio.run(decided(store))
        row = _existing_row(store, ids.show(verdict.inbox))
    if as_json:
        print_json(inbox_mail_document(row))
    else:
        match verdict:
            case Filed(entry):
                print_line(f"Filed: gateway history show {ids.show(entry)}")
            case Repeated(entry):
                print_line(f"Filed there before: gateway history show {ids.show(entry)}")
            case NeedsAttention(reason):
                print_line(f"Still needs attention: {reason}")
            case Ignored(kind):
                print_line(f"Ignored: {kind}")
    raise typer.Exit(1 if isinstance(verdict, NeedsAttention) else 0)


def _existing_row(store: Database, number: str) -> InboxRow:
    with store.reading() as connection:
        row = inbox.by_id(connection, read_id(number))
    if row is None:
        raise NotFound(f"the inbox has no mail {number}", inbox.NoSuchMail.cure)
    return row


async def reading_of(invocation: Context, store: Database, row: InboxRow) -> "InboxReading":
    """Return a mail with its content, and the applications it is probably about."""
    from gateway.app.replies.importing import importer_by_hand
    from gateway.app.replies.inbox_reading import read_of_inbox

    async with importer_by_hand(invocation.settings, store) as importer:
        return await read_of_inbox(importer, store, invocation.lookup, row, invocation.zone)


def reason_in_words(reason: str, text: str) -> str:
    """Return in words why an application is suggested: `sender ann@example.org`."""
    return f"{reason.replace('_', ' ')} {text}".strip()
