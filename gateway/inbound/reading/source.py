"""A mail whose source is in the text of another, as with nmh and mutt (nodecode).

------- Forwarded Message

From: Ann <ann@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

- --b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe
"""

import re
from collections.abc import Mapping
from email import message_from_bytes, message_from_string
from email.message import Message
from typing import NamedTuple

from gateway.core.mail.transfer_encoding import transfer_encoding
from gateway.inbound.reading.texts import children

_ENCODED = re.compile(r"=[0-9A-F]{2}|=$", re.MULTILINE)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_MOST_PARTS = 1_000
#: The header of a part, which remains if its boundaries were removed (as by s-nail).
_PART_HEADER = re.compile(
    r"(?:\A|(?<=\n))(?:(?:Content-[A-Za-z-]+|MIME-Version): .*(?:\n[ \t]+\S.*)*(?:\n|\Z))+"
    r"\s*(?:\n|\Z)"
)


def read_source(mime: Mapping[str, str], body: str) -> Message | None:
    """Parse a body according to the MIME fields above it; None if it is already plain text."""
    head = "".join(f"{name}: {' '.join(value.split())}\n" for name, value in mime.items())
    mail = message_from_bytes(f"{head}\n{body}\n".encode("utf-8", "surrogateescape"))
    if mail.get_content_maintype() == "multipart":
        boundary = mail.get_boundary()
        if boundary is None or f"--{boundary}" not in body or not mail.is_multipart():
            return None
    elif not is_encoded(mail, body):
        return None
    restore_charsets(mail)
    return mail


class DecodedParts(NamedTuple):
    """What remains of a mail whose parts were decoded and lost their boundaries."""

    text: str
    kind: str  #: `text/plain` or `text/html`.
    lacks_files: bool  #: Whether it had files of which only the names remain.


def read_parts(body: str) -> DecodedParts | None:
    """Parse parts that still have their headers; None if the body doesn't begin with one."""
    headers = list(_PART_HEADER.finditer(body))
    if not headers or headers[0].start() != 0:
        return None
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    lacks_files = False
    for number, header in enumerate(headers[:_MOST_PARTS]):
        end = headers[number + 1].start() if number + 1 < len(headers) else len(body)
        part = message_from_string(header[0].rstrip() + "\n\n")
        text = body[header.end() : end].strip()
        is_file = part.get_content_disposition() == "attachment" or part.get_filename()
        lacks_files = lacks_files or (bool(is_file) and part.get_content_maintype() != "image")
        if text and not is_file and part.get_content_type() in texts:
            texts[part.get_content_type()].append(text)
    kind = "text/plain" if texts["text/plain"] or not texts["text/html"] else "text/html"
    return DecodedParts("\n\n".join(texts[kind]), kind, lacks_files)


def is_cut(mail: Message) -> bool:
    """Whether the end of a mail is missing: its last boundary isn't there."""
    return any(type(defect).__name__ == "CloseBoundaryNotFoundDefect" for defect in mail.defects)


def is_encoded(mail: Message, body: str) -> bool:
    """Whether a body is still in the encoding declared by its mail, not decoded already."""
    match transfer_encoding(mail):
        case "quoted-printable":
            return body.isascii() and _ENCODED.search(body) is not None
        case "base64":
            return _BASE64.fullmatch(body) is not None
    return False


def restore_charsets(mail: Message) -> None:
    """Set the charset to UTF-8 on parts that were decoded with the mail and are UTF-8 here."""
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            return
        part = stack.pop()
        stack += children(part)
        payload = part.get_payload()
        if (
            isinstance(payload, str)
            and not payload.isascii()
            and part.get_content_maintype() == "text"
        ):
            part.set_param("charset", "utf-8")
