"""Documents of people."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import NotFound, of, read_id
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists
from gateway.cli.output import one_line, print_line
from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.people.history import Document
from gateway.core.people.people import PersonRef
from gateway.documents.replies import person_file_document
from gateway.store.engine.blobs import Blobs
from gateway.store.people import history, people
from gateway.store.people.people import PersonUnknown

app = typer.Typer(help="Documents of people.", no_args_is_help=True)

_NO_DOCUMENTS = "No documents. The attachments of this person's filed replies are listed here."

_Person = Annotated[str, typer.Argument(metavar="PERSON", help="candidate:17, or an address.")]
_Document = Annotated[str, typer.Argument(metavar="DOCUMENT", help="The id of a document.")]
_To = Annotated[
    Path | None,
    typer.Option(
        help="A new file or a folder; `-` prints it. By default this folder.", metavar="PATH"
    ),
]


class FileExists(GatewayError):
    """A document would overwrite a file."""


_COLUMNS: ListColumns[Document] = {
    "id": lambda document: ids.show(document.id),
    "time": lambda document: document.at,
    "file": lambda document: one_line(document.filename),
    "type": lambda document: document.type,
    "size": lambda document: document.size,
    "reference": lambda document: document.reference,
}


@app.command("list")
@lists()
def list_documents(context: typer.Context, request: ListRequest, person: _Person) -> None:
    """List a person's documents, the newest first."""
    invocation = of(context)
    ref_or_address = invocation.read_ref_or_address(person)
    with invocation.store() as store, store.reading() as connection:
        persons = (
            [ref_or_address]
            if isinstance(ref_or_address, PersonRef)
            else people.holders(connection, ref_or_address)
        )
        documents = [
            document for ref in persons for document in history.documents_of(connection, ref)
        ]
        is_known = bool(documents or people.find(connection, ref_or_address))
    if not is_known:
        raise NotFound(f"nobody known as {person}", PersonUnknown.cure)
    listed = [
        document for document in documents if request.since is None or document.at >= request.since
    ]
    source = in_memory(listed, lambda document: ids.show(document.id))
    request.print(source, _COLUMNS, document=person_file_document, empty=_NO_DOCUMENTS)


@app.command("save")
def save(context: typer.Context, number: _Document, to: _To = None) -> None:
    """Save a document as a file; no file is overwritten."""
    invocation = of(context)
    with invocation.store() as store, store.reading() as connection:
        document = history.document(connection, read_id(number))
    if document is None:
        raise NotFound(f"there is no document {number}", "gateway documents list PERSON")
    pieces = Blobs(invocation.settings.store.blobs).read(document.sha256)
    if to is not None and str(to) == "-":
        sys.stdout.buffer.writelines(pieces)
        return
    folder = to or Path()
    target = folder / document.filename if folder.is_dir() else folder
    try:
        with target.open("xb") as file:
            file.writelines(pieces)
    except FileExistsError as error:
        raise FileExists(f"{target} exists already: name another with --to") from error
    print_line(f"Saved: {target}")
