"""The parts of a multipart (RFC 2046, 5.1), where the gateway itself looks into content.

The input may be just the beginning of a mail, and hostile: excess lines and levels are skipped.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from email.message import Message
from itertools import islice

from gateway.core.mail.headers import Headers
from gateway.core.mail.transfer_encoding import encoding_named

_MANY_LINES = 1_000  #: Lines that begin with `--`.
_DEEP = 8
_DELIMITER = re.compile(rb"^--([^\n]{1,72}?)[ \t]*(?:\n|\Z)", re.MULTILINE)
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_NO_PART = Headers({})


def content_type(headers: Headers) -> Message:
    """Return a message with only the first Content-Type, to read its parameters (RFC 2231)."""
    message = Message()
    message["Content-Type"] = headers.text("content-type").replace("\n", " ").replace("\r", " ")
    return message


def leaf_parts(kind: Message, content: bytes) -> Iterator[tuple[Headers, bytes]]:
    r"""Yield the parts of a multipart, including nested ones, with their content.

    `kind` is its content type; line ends of `content` are `\n`. An attached mail is another mail:
    its parts are skipped.
    """
    boundaries = [_boundary(kind)]  # of the open multiparts, outermost first
    part, start = _NO_PART, 0
    for delimiter in islice(_DELIMITER.finditer(content), _MANY_LINES):
        line = delimiter[1]
        level = next(
            (
                level
                for level, boundary in enumerate(boundaries)
                if boundary and line in (boundary, boundary + b"--")
            ),
            None,
        )
        if level is None:
            continue
        if part is not _NO_PART:
            yield part, content[start : delimiter.start()]
        if line != boundaries[level]:  # It closes the multipart.
            del boundaries[level:]
            if not boundaries:
                return
            part = _NO_PART
            continue
        del boundaries[level + 1 :]

        start = delimiter.end()
        if content[start : start + 1] == b"\n":  # The part has no header.
            part, start = Headers.parse(b""), start + 1
        else:
            end = content.find(b"\n\n", start)
            end = len(content) if end < 0 else end + 2
            part, start = Headers.parse(content[start:end]), end
        inner = content_type(part)
        if inner.get_content_maintype() == "multipart" and len(boundaries) < _DEEP:
            boundaries.append(_boundary(inner))
            part = _NO_PART
    if part is not _NO_PART:
        yield part, content[start:]


def without_transfer_encoding(part: Headers, text: bytes) -> bytes:
    """Return the decoded content of a part (RFC 2045, 6); for base64, as much as is complete."""
    match encoding_named(part.text("content-transfer-encoding")):
        case "base64":
            letters = _NO_BASE64.sub(b"", text)
            return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
        case "quoted-printable":
            return quopri.decodestring(text)
        case _:
            return text


def _boundary(kind: Message) -> bytes:
    return (kind.get_boundary() or "").encode("latin-1", "replace")
