"""What was filed to people: replies, and their documents."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from gateway.api.bearer import READS
from gateway.api.json_response import Using, matches, read_id, respond
from gateway.api.problems import Problem
from gateway.api.schemas import answers
from gateway.core.ascii_text import ascii_text
from gateway.core.people.history import Document
from gateway.documents.replies import (
    HistoryEntryDocument,
    PersonFileDocument,
    history_entry_document,
    person_file_document,
)
from gateway.store.engine.blobs import BlobMissing, Blobs
from gateway.store.people import history

router = APIRouter(tags=["history"], dependencies=[READS])

OCTETS = "application/octet-stream"  #: For all documents, whatever type they claim to be.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_CONTENT = {
    200: {"content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}},
    206: {"content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}},
}


@router.get(
    "/history/{id}", responses=answers(HistoryEntryDocument, "The reply, with its documents.")
)
async def show_entry(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show a reply that was filed."""
    number = read_id(id)
    entry = await using.database.read(history.by_id, number)
    if entry is None:
        raise Problem(404, "the history has no such entry")
    return respond(request, history_entry_document(entry))


@router.get(
    "/documents/{id}", responses=answers(PersonFileDocument, "The document, without its content.")
)
async def show_document(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show what is known of a document."""
    return respond(request, person_file_document(await _existing_document(using, id)))


@router.get("/documents/{id}/content", responses=_CONTENT)  # type: ignore[arg-type]
async def download(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Download a document, or a range of its octets (RFC 9110, 14)."""
    document = await _existing_document(using, id)
    tag = f'"{document.sha256}"'
    headers = {
        "etag": tag,
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": disposition(document.filename),
    }
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    range_header = request.headers.get("range", "")
    if request.headers.get("if-range", tag) != tag:
        range_header = ""
    span = span_of(range_header, document.size)
    if span is None:
        return await _stream(using.blobs, document, range(document.size), 200, headers)
    if not span:
        raise Problem(416, headers={"content-range": f"bytes */{document.size}"})
    headers["content-range"] = f"bytes {span[0]}-{span[-1]}/{document.size}"
    return await _stream(using.blobs, document, span, 206, headers)


async def _existing_document(using: Using, text: str) -> Document:
    number = read_id(text)
    document = await using.database.read(history.document, number)
    if document is None:
        raise Problem(404, "there is no such document")
    return document


def disposition(filename: str) -> str:
    """Return a header that has a file saved under its name, never displayed (RFC 6266, 4.3)."""
    plain = "".join(
        character if character not in '"\\%;' else "_" for character in ascii_text(filename)
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def span_of(text: str, size: int) -> range | None:
    """Return the octets a Range requests (RFC 9110, 14.2); empty: none exist; None: all."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        return range(max(0, size - int(match[2])), size)
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    return range(first, min(last + 1, size)) if first < size else range(0)


async def _stream(
    blobs: Blobs, document: Document, span: range, status: int, headers: dict[str, str]
) -> Response:
    pieces = cut(blobs.pieces(document.sha256), span)
    first = await anext(pieces, b"")  # A missing file is reported before the answer begins.
    if span and not first:
        raise BlobMissing("the blob store doesn't have all of a document")

    async def all_of_it() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    length = {"content-length": str(len(span))}
    return StreamingResponse(all_of_it(), status, headers | length, media_type=OCTETS)


async def cut(pieces: AsyncIterator[bytes], span: range) -> AsyncIterator[bytes]:
    """Yield the octets of a file's pieces whose positions are in `span`."""
    at = 0
    async for piece in pieces:
        part = piece[max(0, span.start - at) : max(0, span.stop - at)]
        at += len(piece)
        if part:
            yield part
        if at >= span.stop:
            return
