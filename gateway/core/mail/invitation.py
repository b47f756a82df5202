"""Which mail invites to an appointment, or answers an invitation (RFC 5546, RFC 6047).

A text/calendar part says so by its METHOD: as a parameter of its Content-Type, as a line of its own
text, or both. Only the beginning of the content is looked at; what stands behind it invites nobody.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from email.message import Message
from itertools import islice

from gateway.core.mail.content import unstuffed
from gateway.core.mail.headers import Headers

OPENING = 65_536  #: Octets behind the header block that are looked at.
#: What organisers and those they invite send each other. PUBLISH is for whoever wants it, as on a
#: calendar's page or in a newsletter (RFC 5546, 1.4 and 3.2).
METHODS = frozenset({"request", "reply", "cancel", "counter", "add", "refresh", "declinecounter"})
_MANY_LINES = 1_000  #: That begin with `--`.
_DEEP = 8
_DELIMITER = re.compile(rb"^--([^\n]{1,72}?)[ \t]*(?:\n|\Z)", re.MULTILINE)
_FOLD = re.compile(rb"\r?\n[ \t]")
_METHOD = re.compile(
    rb"^METHOD(?:;[^:\r\n]*)?:[ \t]*([A-Z]+)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE
)
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def may_invite(headers: Headers) -> bool:
    """Whether a mail can have a text/calendar part, by its header."""
    return any(
        value.lstrip()[:10].lower() in (b"multipart/", b"text/calen")
        for value in headers.folded("content-type")
    )


def opening(content: bytes) -> bytes:
    """Return what is looked at of the content behind the header block.

    `content` is as on the wire: CR LF for every line end, dots stuffed.
    """
    return content[:OPENING]


def invitation(headers: Headers, content: bytes) -> str | None:
    """Return the METHOD of a calendar part that invites or answers, in lower case, or None.

    `content` is what `opening` returned.
    """
    return next((one for one in _methods(headers, content) if one in METHODS), None)


def has_calendar(headers: Headers, content: bytes) -> bool:
    """Whether any calendar part tells its METHOD."""
    return next(_methods(headers, content), None) is not None


def _methods(headers: Headers, content: bytes) -> Iterator[str]:
    if headers.count("content-type") != 1:
        return
    kind = _content_type(headers)
    if kind.get_content_type() == "text/calendar":
        yield from _method(kind, headers, _text(content))
    elif kind.get_content_maintype() == "multipart" and _mentions_calendar(content):
        for part, text in _parts(kind, _text(content)):
            kind = _content_type(part)
            if kind.get_content_type() == "text/calendar":
                yield from _method(kind, part, text)


def _mentions_calendar(content: bytes) -> bool:
    """Leave out ordinary mail at once."""
    return b"text/calendar" in content.lower()


def _text(content: bytes) -> bytes:
    return unstuffed(content).replace(b"\r\n", b"\n")


def _content_type(headers: Headers) -> Message:
    message = Message()
    message["Content-Type"] = headers.text("content-type").replace("\n", " ").replace("\r", " ")
    return message


def _method(kind: Message, part: Headers, text: bytes) -> Iterator[str]:
    """Yield what a calendar part's METHOD is; nothing where two of them contradict each other."""
    named = kind.get_param("method")
    calendar = _FOLD.sub(b"", _decoded(part, text))
    found = {one.decode("ascii").lower() for one in _METHOD.findall(calendar)}
    if isinstance(named, str) and named.strip():
        found.add(named.strip().lower())
    if len(found) == 1:
        yield found.pop()


def _decoded(part: Headers, text: bytes) -> bytes:
    match part.text("content-transfer-encoding").strip().lower():
        case "base64":
            letters = _NO_BASE64.sub(b"", text)
            return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
        case "quoted-printable":
            return quopri.decodestring(text)
        case _:
            return text


def _parts(kind: Message, content: bytes) -> Iterator[tuple[Headers, bytes]]:
    """Yield the parts of a multipart, and of those in it, with what stands in them.

    A mail that is attached is another mail: its parts are not looked at.
    """
    boundaries = [_boundary(kind)]  # of the multiparts that are open, the outermost first
    part, start = _NO_PART, 0
    for found in islice(_DELIMITER.finditer(content), _MANY_LINES):
        line = found[1]
        level = next((n for n, one in enumerate(boundaries) if _delimits(line, one)), None)
        if level is None:
            continue
        if part is not _NO_PART:
            yield part, content[start : found.start()]
        is_end = line != boundaries[level]
        del boundaries[level if is_end else level + 1 :]
        if not boundaries:
            return
        part, start = (_NO_PART, 0) if is_end else _part(content, found.end())
        inner = _content_type(part)
        if inner.get_content_maintype() == "multipart" and len(boundaries) < _DEEP:
            boundaries.append(_boundary(inner))
            part = _NO_PART
    if part is not _NO_PART:
        yield part, content[start:]


_NO_PART = Headers({})


def _part(content: bytes, start: int) -> tuple[Headers, int]:
    """Return the header of the part that begins here, and where its own content begins."""
    if content[start : start + 1] == b"\n":
        return Headers.parse(b""), start + 1
    end = content.find(b"\n\n", start)
    end = len(content) if end < 0 else end + 2
    return Headers.parse(content[start:end]), end


def _boundary(kind: Message) -> bytes:
    return (kind.get_boundary() or "").encode("latin-1", "replace")


def _delimits(line: bytes, boundary: bytes) -> bool:
    return bool(boundary) and line in (boundary, boundary + b"--")
