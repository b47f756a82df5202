"""The forms in which programs write a forwarded mail into a text, in the order they are tried.

Each reader takes a line and returns the header that starts there, or None. To add a form, write a
reader, insert it in `FORMS` where it belongs, and put examples in `tests/core/forms/NAME/`.
Attachments and message sources are read by `gateway.inbound.reading.original`, with examples in
`tests/inbound/forms/NAME/`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader, read_block, read_glued
from gateway.core.replies.forwarded.forms.fields import read_fields
from gateway.core.replies.forwarded.forms.filled import read_filled
from gateway.core.replies.forwarded.forms.intros import Intro, read_framed_intro, read_intro
from gateway.core.replies.forwarded.forms.led import read_led
from gateway.core.replies.forwarded.forms.notes import below_details, read_notes, separator_end
from gateway.core.replies.forwarded.forms.one_line import read_one_line
from gateway.core.replies.forwarded.forms.sentences import read_sentence
from gateway.core.replies.forwarded.labels import read_label
from gateway.core.replies.forwarded.language.words import HeaderWord
from gateway.core.replies.forwarded.lines import TextLine
from gateway.core.replies.forwarded.separators import (
    after_dashes,
    date_within,
    is_announcement,
    is_dashed,
    is_divider,
)

_GAP = 3  #: Empty lines between a separator and the header below it.

Header = ForwardedHeader | Intro


class Form(NamedTuple):
    """A form of a forwarded mail; its reader takes lines, an index and the outer subject."""

    name: str
    read: Callable[[Sequence[TextLine], int, str], Header | None]
    is_sure: bool = True  #: Whether only forwards use it, not replies.


def read_header(
    lines: Sequence[TextLine], index: int, subject: str, *, surely: bool = False
) -> Header | None:
    """Parse the header of a forwarded mail that starts at a line, in any form.

    `surely` leaves out forms that are also used when people quote.
    """
    for form in FORMS:
        header = form.read(lines, index, subject) if form.is_sure or not surely else None
        if header is not None:
            return header
    return None


def read_below_separator(lines: Sequence[TextLine], index: int, subject: str) -> Header | None:
    """Parse `-----Original Message-----` and the header below it, or what the line itself says."""
    text = lines[index].text
    rest = after_dashes(text)
    if rest and (glued := read_glued(lines, index, rest, announced=True)) is not None:
        return glued
    last = separator_end(lines, index)
    if last == index and not separates(lines, index):
        return None
    below = _next_line(lines, last)
    if below is not None and is_divider(lines[below].text):
        below = _next_line(lines, below)
    is_announced = last > index or announces(text)
    if below is not None and not is_announced and announces(lines[below].text):
        # The quotation starts with somebody's own words, with the forwarded mail below.
        return None
    header: Header | None = None
    if below is not None:
        below = below_details(lines, below)
        header = (
            read_fields(lines, below, announced=True)
            or read_filled(lines, below)
            or read_block(lines, below, announced=True, subject=subject)
        )
        if header is None and is_announced:
            header = (
                read_led(lines, below, subject)
                or read_notes(lines, below, subject)
                or read_intro(lines, below, announced=True)
            )
    if isinstance(header, ForwardedHeader) and (date := date_within(text)):
        return replace(header, fields={HeaderWord.DATE: date} | header.fields)
    return header or read_framed_intro(lines, index)


def announces(text: str) -> bool:
    """Whether a line announces what follows by its look or its words."""
    return is_dashed(text) or is_announcement(text) or is_divider(text)


def separates(lines: Sequence[TextLine], index: int) -> bool:
    """Whether a line announces what follows, by its look, its words, or because it is quoted."""
    text = lines[index].text
    if announces(text):
        return True
    opens_quote = lines[index].depth > 0 and (index == 0 or lines[index - 1].depth == 0)
    label = read_label(text)
    is_known = label is not None and label.role is not None
    return opens_quote and len(text) < 80 and not is_known and "@" not in text


def _next_line(lines: Sequence[TextLine], index: int) -> int | None:
    below = range(index + 1, min(index + 2 + _GAP, len(lines)))
    return next((number for number in below if not lines[number].is_blank), None)


FORMS = (
    Form("separator", read_below_separator),
    Form("sentence", lambda lines, index, _: read_sentence(lines, index)),
    Form("fields", lambda lines, index, _: read_fields(lines, index)),
    Form("block", lambda lines, index, subject: read_block(lines, index, subject=subject)),
    Form("one_line", lambda lines, index, _: read_one_line(lines, index)),
    Form("introduction", lambda lines, index, _: read_intro(lines, index), is_sure=False),
)
