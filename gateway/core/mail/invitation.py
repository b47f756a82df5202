"""Recognising invitations to appointments and the replies to them (RFC 5546, RFC 6047).

A text/calendar part has a METHOD: as a parameter of its Content-Type, as a line of its own text, or
both. Only the beginning of the content is examined; later parts don't count.
"""

import re
from collections.abc import Iterator
from email.message import Message

from gateway.core.mail.content import dot_unstuff
from gateway.core.mail.headers import Headers
from gateway.core.mail.mime_parts import content_type, leaf_parts, without_transfer_encoding

OPENING = 65_536  #: Octets examined after the header block.
#: What organisers and attendees send each other. PUBLISH is for anybody interested, as on a
#: calendar page or in a newsletter (RFC 5546, 1.4 and 3.2).
METHODS = frozenset({"request", "reply", "cancel", "counter", "add", "refresh", "declinecounter"})
_FOLD = re.compile(rb"\r?\n[ \t]")
_METHOD = re.compile(
    rb"^METHOD(?:;[^:\r\n]*)?:[ \t]*([A-Z]+)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE
)


def may_invite(headers: Headers) -> bool:
    """Whether a mail's header allows a text/calendar part."""
    return any(
        value.lstrip()[:10].lower() in (b"multipart/", b"text/calen")
        for value in headers.folded_values("content-type")
    )


def opening(content: bytes) -> bytes:
    """Return the part of the content after the header block that is examined.

    `content` is as on the wire: CR LF for every line end, dots stuffed.
    """
    return content[:OPENING]


def invitation(headers: Headers, content: bytes) -> str | None:
    """Return the METHOD of a calendar part that invites or replies, in lower case, or None.

    `content` is what `opening` returned.
    """
    return next((method for method in _methods(headers, content) if method in METHODS), None)


def has_calendar(headers: Headers, content: bytes) -> bool:
    """Whether any calendar part states its METHOD."""
    return next(_methods(headers, content), None) is not None


def _methods(headers: Headers, content: bytes) -> Iterator[str]:
    """Yield the METHOD of each calendar part, in lower case."""
    if headers.count("content-type") != 1:
        return
    kind = content_type(headers)
    is_multipart = kind.get_content_maintype() == "multipart"
    if is_multipart and b"text/calendar" not in content.lower():  # Ordinary mail.
        return
    text = dot_unstuff(content).replace(b"\r\n", b"\n")
    for part, part_text in leaf_parts(kind, text) if is_multipart else [(headers, text)]:
        kind = content_type(part)
        if kind.get_content_type() == "text/calendar":
            method = calendar_method(kind, part, part_text)
            if method is not None:
                yield method


def calendar_method(kind: Message, part: Headers, text: bytes) -> str | None:
    """Return a calendar part's METHOD, from its type and its text; None if they contradict."""
    parameter = kind.get_param("method")
    calendar = _FOLD.sub(b"", without_transfer_encoding(part, text))
    methods = {method.decode("ascii").lower() for method in _METHOD.findall(calendar)}
    if isinstance(parameter, str) and parameter.strip():
        methods.add(parameter.strip().lower())
    return methods.pop() if len(methods) == 1 else None
