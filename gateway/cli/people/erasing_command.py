"""Erasing a person, and the list of erasures."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.context import Context, Json, of, wrong_use
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists
from gateway.cli.output import complain, print_json, print_line, print_table
from gateway.core import ids
from gateway.core.written import counted, readable_name
from gateway.documents.erasures import erasure_document

if TYPE_CHECKING:
    from gateway.app.people.erasure import ErasureDone
    from gateway.store.people.erasures import Erasure


class AtMailchimp(StrEnum):
    """What happens to the person's contact at Mailchimp."""

    ARCHIVE = "archive"
    DELETE = "delete"
    KEEP = "keep"


_NOBODY = "Nobody was erased yet. `gateway person erase` does it, and each erasure is listed here."

_Whom = Annotated[str | None, typer.Argument(metavar="PERSON", help="candidate:17, or an address.")]
_Exported = Annotated[str, typer.Argument(metavar="PERSON", help="candidate:17, or an address.")]
_To = Annotated[
    Path | None,
    typer.Option(help="A new or empty folder; by default candidate-17 here.", metavar="FOLDER"),
]
_By = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who asked for it.")]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Erase nothing; show what would go, by table.")
]
_Yes = Annotated[bool, typer.Option("--yes", help="Don't ask on a terminal.")]
_Mailchimp = Annotated[
    AtMailchimp,
    typer.Option(
        help="archive: hidden there; delete: gone for ever, and can never be added again."
    ),
]
_Files = Annotated[
    bool,
    typer.Option(
        "--files",
        help="Delete files of the feed that name them and that no row can be taken out of (.xlsx).",
    ),
]
_Again = Annotated[
    bool, typer.Option("--again", help="Erase again whom a restored store has brought back.")
]


def erase(
    context: typer.Context,
    person: _Whom = None,
    *,
    by: _By = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    mailchimp: _Mailchimp = AtMailchimp.ARCHIVE,
    files: _Files = False,
    again: _Again = False,
    as_json: Json = False,
) -> None:
    """Erase all that is held of a person; it can't be undone.

    Rows that are counted stay, without address, name or subject. Whoever was suppressed stays so by
    a keyed hash of each address, until somebody releases the address. Delete the person in the CRM
    first: otherwise its next feed brings them back.
    """
    from gateway.app.people import erasure  # It imports the blob store, too.

    invocation = of(context)
    if again:
        _erase_again(invocation, as_json=as_json)
        return
    if person is None or not (by and by.strip()):
        wrong_use("say whom, and who asked for it: gateway person erase candidate:17 --by eva")
    ref_or_address = invocation.read_ref_or_address(person)
    mode = "" if mailchimp is AtMailchimp.KEEP else mailchimp.value
    settings = invocation.settings
    with invocation.store() as store:
        subject = erasure.find_subject(store, ref_or_address)
        if not dry_run and not yes and sys.stdin.isatty():
            preview = erasure.erase(
                settings, store, subject, by=by, mailchimp=mode, with_files=files, is_dry=True
            )
            _tell(invocation, preview)
            typer.confirm(f"\nErase {person} for good?", abort=True, err=True)
        done = erasure.erase(
            settings, store, subject, by=by, mailchimp=mode, with_files=files, is_dry=dry_run
        )
    if as_json:
        print_json(done.document())
        return
    _tell(invocation, done)


def _erase_again(invocation: Context, *, as_json: bool) -> None:
    from gateway.app.people import erasure  # It imports the blob store, too.

    done: list[ErasureDone] = []
    with invocation.store() as store:
        erasure.erase_again(invocation.settings, store, done.append)
    if as_json:
        print_json([erased.document() for erased in done])
        return
    for erased in done:
        _tell(invocation, erased)
    if not done:
        print_line("The store knows of every erasure: nothing to do.")


def export_person(
    context: typer.Context, person: _Exported, to: _To = None, as_json: Json = False
) -> None:
    """Write all that is held of a person to a folder, for the person.

    person.json is for programs, person.html to read, in the person's language; documents and mail
    lie beside them. --json prints the first alone.
    """
    from gateway.app.people import erasure, export

    invocation = of(context)
    ref_or_address = invocation.read_ref_or_address(person)
    with invocation.store() as store:
        subject = erasure.find_subject(store, ref_or_address)
        gathered = export.gather(invocation.settings, store, subject)
    if as_json:
        print_json(gathered.document())
    if to is not None or not as_json:
        folder = to or export.default_folder(subject)
        number = export.write(invocation.settings, gathered, folder)
        if not as_json:
            print_line(f"Written: {counted(number, 'file')} in {folder}")


_ERASURES: "ListColumns[Erasure]" = {
    "id": lambda erasure: ids.show(erasure.id),
    "time": lambda erasure: erasure.at,
    "by": lambda erasure: erasure.by,
    "person": lambda erasure: erasure.person[:15],
    "addresses": lambda erasure: len(erasure.addresses),
    "rows": lambda erasure: sum(erasure.counts.values()),
}


@lists()
def list_erasures(context: typer.Context, request: ListRequest) -> None:
    """List the erasures that were done, without the data.

    After a restore it says which of them the store has lost.
    """
    from gateway.app.people import erasure  # It imports the blob store, too.
    from gateway.store.people import erasures

    invocation = of(context)
    with invocation.store() as store, store.reading() as connection:
        done = erasures.list_erasures(connection, since=request.since)
        lost = erasure.missing_erasures(invocation.settings, connection)
    source = in_memory(done, lambda listed: ids.show(listed.id))
    request.print(source, _ERASURES, document=erasure_document, empty=_NOBODY)
    if lost:
        are = counted(len(lost), "erasure is", "erasures are")
        complain(f"{are} lost, the store was restored: {erasure.AGAIN}")
        raise typer.Exit(1)


def _tell(invocation: Context, done: "ErasureDone") -> None:
    """Print the certificate."""
    erasure, is_dry = done.erasure, done.is_dry
    verb = "Would be erased" if is_dry else "Erased"
    number = "" if is_dry else f"Certificate {ids.show(erasure.id)}. "
    print_line(f"{number}{verb} on {invocation.local(erasure.at)} by {erasure.by}:", "bold")
    print_table(("what", "rows"), sorted(erasure.counts.items()), empty="Nothing is held.")
    for scope in sorted({suppression.scope.covers for suppression in erasure.kept}):
        print_line(f"Stays by keyed hash: {scope}, until gateway suppress release ADDRESS.")
    if done.shared:
        if done.shared == 1:
            print_line("1 address stays: other people have it too.")
        else:
            print_line(f"{done.shared} addresses stay: other people have them too.")
    if erasure.members:
        what = {"archive": "archived", "delete": "deleted for ever"}[erasure.mailchimp]
        print_line(
            f"At Mailchimp: {counted(erasure.members, 'contact')} "
            f"{_be(is_dry, erasure.members)} {what}."
        )
    if done.rows_in_files:
        print_line(
            f"Files of the feed: {counted(done.rows_in_files, 'row')} "
            f"{_be(is_dry, done.rows_in_files)} taken out."
        )
    for file in map(readable_name, map(str, done.waiting_files)):
        print_line(f"{file}: waits to be taken in, and brings them back: erase again then")
    for file in map(readable_name, map(str, done.files)):
        what = (
            _be(is_dry, 1) + " deleted"
            if done.are_files_deleted
            else "names them, or may: --files deletes it"
        )
        print_line(f"{file}: {what}")


def _be(is_dry: bool, number: int) -> str:
    if is_dry:
        return "would be"
    return "is to be" if number == 1 else "are to be"
