"""The forms in which programs write a forwarded mail into a text, in the order they are tried.

Each reader looks at one line and says what the header that starts there tells, or None. To add a
form write a reader, put it where it belongs in `FORMS`, and examples of it into
`tests/core/forms/NAME/`. What came attached or as source `gateway.inbound.reading.original` reads,
with examples in `tests/inbound/forms/NAME/`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.core.replies.forwarded.blocks import Block, read_block, read_glued
from gateway.core.replies.forwarded.fields import read_fields
from gateway.core.replies.forwarded.filled import read_filled
from gateway.core.replies.forwarded.intros import Intro, read_framed_intro, read_intro
from gateway.core.replies.forwarded.labels import read_label
from gateway.core.replies.forwarded.lines import TextLine
from gateway.core.replies.forwarded.one_line import read_one_line
from gateway.core.replies.forwarded.sentences import read_sentence
from gateway.core.replies.forwarded.separators import (
    after_dashes,
    is_announcement,
    is_dashed,
    is_divider,
)

_GAP = 3  #: Empty lines between a separator and the header below it.

Header = Block | Intro


class Form(NamedTuple):
    """A form of a forwarded mail and what reads it: lines, index of one, the outer subject."""

    name: str
    read: Callable[[Sequence[TextLine], int, str], Header | None]
    is_sure: bool = True  #: Whether only forwards have it, and not answers as well.


def read_header(
    lines: Sequence[TextLine], index: int, subject: str, *, surely: bool = False
) -> Header | None:
    """Read the header of a forwarded mail that starts at a line, whatever its form.

    `surely` leaves out forms that people's own quotes have too.
    """
    for form in FORMS:
        header = form.read(lines, index, subject) if form.is_sure or not surely else None
        if header is not None:
            return header
    return None


def _below_separator(lines: Sequence[TextLine], index: int, subject: str) -> Header | None:
    """Read `-----Original Message-----` and the header below it, or what the line itself says."""
    text = lines[index].text
    rest = after_dashes(text)
    if rest and (glued := read_glued(lines, index, rest)) is not None:
        return glued
    if not _separates(lines, index):
        return None
    below = _next_line(lines, index)
    if below is not None and is_divider(lines[below].text):
        below = _next_line(lines, below)
    header = _announced(lines, below, subject) if below is not None else None
    return header or read_framed_intro(lines, index)


def _announced(lines: Sequence[TextLine], index: int, subject: str) -> Header | None:
    return (
        read_fields(lines, index, announced=True)
        or read_filled(lines, index)
        or read_block(lines, index, announced=True, subject=subject)
        or read_intro(lines, index, announced=True)
    )


def _separates(lines: Sequence[TextLine], index: int) -> bool:
    """Whether a line announces what follows, by its look, its words, or because it is quoted."""
    text = lines[index].text
    if is_dashed(text) or is_announcement(text) or is_divider(text):
        return True
    opens_quote = lines[index].depth > 0 and (index == 0 or lines[index - 1].depth == 0)
    label = read_label(text)
    is_known = label is not None and label.role is not None
    return opens_quote and len(text) < 80 and not is_known and "@" not in text


def _next_line(lines: Sequence[TextLine], index: int) -> int | None:
    below = range(index + 1, min(index + 2 + _GAP, len(lines)))
    return next((number for number in below if not lines[number].is_blank), None)


def _fields(lines: Sequence[TextLine], index: int, _subject: str) -> Header | None:
    return read_fields(lines, index)


def _block(lines: Sequence[TextLine], index: int, subject: str) -> Header | None:
    return read_block(lines, index, subject=subject)


def _sentence(lines: Sequence[TextLine], index: int, _subject: str) -> Header | None:
    return read_sentence(lines, index)


def _one_line(lines: Sequence[TextLine], index: int, _subject: str) -> Header | None:
    return read_one_line(lines, index)


def _introduction(lines: Sequence[TextLine], index: int, _subject: str) -> Header | None:
    return read_intro(lines, index)


FORMS = (
    Form("separator", _below_separator),
    Form("sentence", _sentence),
    Form("fields", _fields),
    Form("block", _block),
    Form("one_line", _one_line),
    Form("introduction", _introduction, is_sure=False),
)
