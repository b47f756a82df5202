"""JSON responses: with an ETag, page by page with a cursor; and types of request values."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator

from gateway.api.problems import Problem
from gateway.api.services import ApiServices
from gateway.api.using import services
from gateway.core import ids
from gateway.core.mail.typed.typed_address import (
    NotAnAddress,
    TypedAddress,
    read_address,
    read_person_or_address,
)
from gateway.core.moments import read_since
from gateway.core.people.people import PersonRef, RefOrAddress

T = TypeVar("T")
JSON = "application/json"
MOST = 500  #: Entries per page.
_LARGEST = 2**63 - 1

Using = Annotated[ApiServices, Depends(services)]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next` of the page before this one.")
]


def plain_text(text: str) -> str:
    """Refuse NUL and lone surrogates (RFC 3629), which no store takes."""
    if "\0" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValueError("must be text without NUL or lone surrogates")
    return text


PlainText = Annotated[str, AfterValidator(plain_text)]


async def _read_since(
    using: Using,
    since: Annotated[
        PlainText | None,
        Query(
            max_length=100,
            description="Only from then on: a day or time (`2026-03-12`, `2026-03-12T08:30`; local "
            "time unless it has a zone), `today`, `yesterday`, or how long ago (`2h`, `7d`).",
        ),
    ] = None,
) -> datetime | None:
    try:
        return None if since is None else read_since(since, using.clock(), using.zone())
    except ValueError as error:
        raise Problem(422, f"since: {error}") from None


#: The start of a list, parsed like the command line's `--since`.
Since = Annotated[datetime | None, Depends(_read_since)]


def _one_address(text: str) -> str:
    address = read_address(text)
    if isinstance(address, NotAnAddress):
        raise ValueError(str(address))
    return address.address


def address_or_person(text: str) -> str:
    """Parse `ann@example.org` or `candidate:17`; return the bare address, or the person."""
    match read_person_or_address(text):
        case PersonRef() as person:
            return str(person)
        case TypedAddress() as typed:
            return typed.address
        case NotAnAddress() as fault:
            hint = "" if "@" in text else "; a person is written candidate:17"
            raise ValueError(f"{fault}{hint}")


def read_ref_or_address(using: ApiServices, typed: str) -> RefOrAddress:
    """Return the person with a key, or an address in lookup form."""
    read = read_person_or_address(typed)
    return read if isinstance(read, PersonRef) else using.lookup(typed)


def sender_address(text: str) -> str:
    """Parse an envelope sender; `<>` and an empty text are the null sender (RFC 5321, 4.5.5)."""
    return "" if text.strip() in ("", "<>") else _one_address(text)


def staff_name(text: str) -> str:
    """Parse the name of a member of staff: a crm_id or name as written, or the bare address."""
    return _one_address(text) if "@" in text else text


#: An address in any notation, reduced to the bare address.
OneAddress = Annotated[PlainText, AfterValidator(_one_address)]
#: The same, or `candidate:17`.
AddressOrPerson = Annotated[PlainText, AfterValidator(address_or_person)]
#: One address, or `<>`, the null sender, as an empty text.
SenderAddress = Annotated[PlainText, AfterValidator(sender_address)]
#: crm_id or address of a member of staff.
StaffName = Annotated[PlainText, AfterValidator(staff_name)]


def respond(request: Request, document: object) -> Response:
    """Return a JSON document; 304 if the client already has it (RFC 9110, 13.1.2)."""
    body = octets(document)
    if request.method != "GET":
        return Response(body, media_type=JSON)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=JSON)


def octets(document: object) -> bytes:
    """Return JSON in UTF-8, whatever its texts contain."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return json.dumps(document).encode()


def matches(request: Request, tag: str) -> bool:
    """Whether the client already has the document with this tag."""
    header = request.headers.get("if-none-match", "")
    tags = [tag_given.strip().removeprefix("W/") for tag_given in header.split(",")]
    return tag in tags or header.strip() == "*"


def on_page(
    rows: Sequence[T], limit: int, cursor: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """Return the rows of a page, and the next page's cursor if there is one.

    There is a next page if `rows` has one row more than the `limit`.
    """
    shown_rows = rows[:limit]
    return shown_rows, cursor(shown_rows[-1]) if len(rows) > limit else None


def page(
    request: Request,
    rows: Sequence[T],
    limit: int,
    *,
    document: Callable[[T], Mapping[str, object]],
    cursor: Callable[[T], str],
    more: Mapping[str, object] | None = None,
) -> Response:
    """Return a page of at most `limit` entries; `rows` has one more if there is a next page.

    `more` are further members of the document.
    """
    shown_rows, following = on_page(rows, limit, cursor)
    entries = [document(item) for item in shown_rows]
    return respond(request, {"items": entries, "next": following, **(more or {})})


def part(request: Request, whole: Sequence[object], limit: int, cursor: str | None) -> Response:
    """Return a page of a complete list, newest first.

    The cursor counts older entries, so that new ones shift no page.
    """
    older = len(whole) if cursor is None else min(_count(cursor), len(whole))
    start = len(whole) - older
    shown_entries = whole[start : start + limit]
    left = older - len(shown_entries)
    return respond(request, {"items": shown_entries, "next": str(left) if left else None})


def as_it_is(document: T) -> T:
    """Return a document unchanged, for lists that already consist of documents."""
    return document


def whole_page(
    request: Request,
    entries: Sequence[T],
    limit: int,
    cursor: str | None,
    *,
    document: Callable[[T], Mapping[str, object]],
    key: Callable[[T], str],
    more: Mapping[str, object] | None = None,
) -> Response:
    """Return a page of a complete list in its own order.

    The cursor names the last entry shown; if it no longer exists, the list continues at its old
    place.
    """
    start = 0
    if cursor is not None:
        last, place = unwrap_cursor(cursor, 2)
        positions = (at for at, entry in enumerate(entries, 1) if key(entry) == last)
        start = next(positions, _count(place))
    shown_entries = entries[start : start + limit]
    end = start + len(shown_entries)
    following = (
        wrap_cursor([key(shown_entries[-1]), str(end)])
        if shown_entries and end < len(entries)
        else None
    )
    items = [document(entry) for entry in shown_entries]
    return respond(request, {"items": items, "next": following, **(more or {})})


def _count(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < len(str(_LARGEST))):
        raise unknown_cursor()
    return int(cursor)


def id_cursor(row: Any) -> str:
    """Return the cursor after an entry with an id."""
    return ids.show(row.id)


def id_before(cursor: str | None) -> int | None:
    """Parse a cursor that is an id."""
    if cursor is None:
        return None
    try:
        return ids.read(cursor)
    except ValueError:
        raise unknown_cursor() from None


def wrap_cursor(parts: Sequence[str]) -> str:
    """Return a cursor made of texts."""
    return base64.urlsafe_b64encode(orjson.dumps(list(parts))).decode()


def unknown_cursor() -> Problem:
    """Return the exception for an invalid cursor."""
    return Problem(422, "cursor: not the `next` of a page")


def unwrap_cursor(cursor: str, count: int) -> list[str]:
    """Parse a cursor made of a given number of texts."""
    try:
        parts = orjson.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        parts = None
    if isinstance(parts, list) and len(parts) == count:
        texts = [part for part in parts if isinstance(part, str) and "\0" not in part]
        if len(texts) == count:
            return texts
    raise unknown_cursor()


def time_cursor(moment: datetime) -> str:
    """Return the cursor that continues after an entry identified by its time."""
    return wrap_cursor([moment.isoformat()])


def before_time(cursor: str | None) -> datetime | None:
    """Parse a cursor that is a time."""
    if cursor is None:
        return None
    try:
        moment = datetime.fromisoformat(unwrap_cursor(cursor, 1)[0])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise unknown_cursor()
    return moment


def read_id(text: str) -> int:
    """Parse an id; an invalid one matches nothing."""
    try:
        return ids.read(text)
    except ValueError:
        raise Problem(404, "there is no such thing") from None
