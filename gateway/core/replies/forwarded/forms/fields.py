"""The header of a forwarded mail with all its fields, as RFC 5322 writes them.

Thunderbird (View, Headers, All), s-nail, mutt and nmh put the whole of it into the text:

    Return-Path: <ann@example.org>
    Received: from mx.example.org (mx.example.org [192.0.2.7])
     by mail.office.example; Mon, 23 Nov 2026 09:15:02 +0100
    From: Ann <ann@example.org>
    Subject: =?utf-8?q?Caf=C3=A9?=
    MIME-Version: 1.0
"""

import re
from collections.abc import Sequence

from gateway.core.mail.headers import decode_value, decoded_mailboxes
from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader
from gateway.core.replies.forwarded.labels import read_label
from gateway.core.replies.forwarded.language.words import PEOPLE, HeaderWord
from gateway.core.replies.forwarded.lines import TextLine

_LONGEST = 500  #: Lines of a header; each server on the way adds some.
_LONGEST_VALUE = 4_000
_WIDTH = 60  #: The width from which programs wrap a line.
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60}) ?:(.*)", re.DOTALL)
#: Fields no program shows unless it shows all: a single one identifies such a header.
_TECHNICAL = frozenset(
    {
        *("return-path", "received", "message-id", "mime-version", "content-type", "delivered-to"),
        *("content-transfer-encoding", "dkim-signature", "authentication-results", "x-mailer"),
        *("received-spf", "arc-seal", "x-original-to", "envelope-to"),
    }
)
_FEWEST_TECHNICAL = 2  #: If there is no separator above.
_MIME = ("content-type", "content-transfer-encoding")


def read_fields(
    lines: Sequence[TextLine], start: int, *, announced: bool = False
) -> ForwardedHeader | None:
    """Parse a header with all its fields, up to the empty line; None if none starts there.

    `announced`: there is a separator above it.
    """
    if _field_name(lines[start].text) is None:
        return None
    depth = lines[start].depth
    next_lines = lines[start : start + _LONGEST]
    ends = (
        number for number, line in enumerate(next_lines) if line.is_blank or line.depth != depth
    )
    end = start + text_start(next_lines[: next(ends, len(next_lines))])
    written = unfold(lines, start, end)
    names = {name.lower() for name, _ in written}
    if len(names & _TECHNICAL) < (1 if announced else _FEWEST_TECHNICAL):
        return None
    fields: dict[HeaderWord, str] = {}
    for name, value in written:
        label = read_label(f"{name}: {value}")
        if label is not None and label.role not in (None, HeaderWord.OTHER):
            decode = decoded_mailboxes if label.role in PEOPLE else decode_value
            octets = value.encode("utf-8", "surrogateescape")
            fields.setdefault(label.role, decode(octets) if "=?" in value else value)
    if HeaderWord.SENDER not in fields or not fields.keys() & {
        HeaderWord.DATE,
        HeaderWord.SUBJECT,
        HeaderWord.TO,
    }:
        return None
    mime = {name.lower(): value.strip() for name, value in written if name.lower() in _MIME}
    return ForwardedHeader(fields=fields, languages=(), end=end, is_whole=True, mime=mime)


def text_start(lines: Sequence[TextLine]) -> int:
    """Return where the text begins if no empty line comes before it, as below an HTML table.

    A continuation line is indented, or follows a line long enough to have been wrapped, or comes
    before another field.
    """
    end = len(lines)
    for number in range(len(lines) - 1, 0, -1):
        text, above = lines[number].text, lines[number - 1].text
        name, label = _field_name(text), read_label(text)
        is_known = label is not None and label.role is not None
        if name is not None and (is_known or name.lower() in _TECHNICAL):
            break
        is_wrapped = len(above) + len(text.partition(" ")[0]) >= _WIDTH
        if name is None and not is_wrapped and not lines[number].is_indented:
            end = number
    return end


def unfold(lines: Sequence[TextLine], start: int, end: int) -> list[tuple[str, str]]:
    """Return names and values; a line that is indented or has no name continues the one above."""
    is_indented = lines[start].is_indented  # then all are, as in s-nail's `~m`
    written: list[tuple[str, str]] = []
    for line in lines[start:end]:
        name = None if line.is_indented and not is_indented else _field_name(line.text)
        if name is not None:
            written.append((name, line.text.partition(":")[2].strip()))
        else:
            last, value = written[-1]
            written[-1] = (last, f"{value} {line.text}"[:_LONGEST_VALUE])
    return written


def _field_name(text: str) -> str | None:
    match = _NAME.match(text)
    if match is not None:
        return match[1]
    label = read_label(text)
    return text.partition(":")[0].strip() if label is not None and label.role is not None else None
