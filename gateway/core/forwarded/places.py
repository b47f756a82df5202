"""Where in a text a forwarded mail begins and ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.forwarded.blocks import Block, read_block, read_glued
from gateway.core.forwarded.intros import Intro, read_framed_intro, read_intro
from gateway.core.forwarded.labels import read_label
from gateway.core.forwarded.lines import Line, is_quoted, last_quoted, read_line, read_lines
from gateway.core.forwarded.separators import (
    after_dashes,
    is_announcement,
    is_cut,
    is_dashed,
    is_end,
    is_line,
    is_rule,
)

_CLOSING = 20  #: Lines at the end in which a forwarded mail may be closed.
_GAP = 3  #: Empty lines between a separator and the header below it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The lines of a text that belong to what was forwarded, and what its header said."""

    header: Block | Intro
    own_end: int  #: The forwarder's own words are the lines before this one …
    start: int  #: … the forwarded text begins here …
    end: int  #: … and ends here.
    rest: int  #: From this line on the words are the forwarder's again.
    depth: int  #: How many quote marks its lines have that are not its own.


def find_place(raw_lines: Sequence[str], *, subject: str = "") -> Place | None:
    """Find the outermost forwarded mail; `subject` is that of the mail around it."""
    lines = read_lines(raw_lines)
    for index, line in enumerate(lines):
        if line.is_blank:
            continue
        header = _header_at(lines, index, subject)
        if header is not None:
            return _place(raw_lines, lines, index, header)
    return None


def _header_at(lines: Sequence[Line], index: int, subject: str) -> Block | Intro | None:
    line = lines[index]
    rest = after_dashes(line.text)
    if rest:
        glued = read_glued(lines, index, rest)
        if glued is not None:
            return glued
    if _separates(lines, index):
        return _announced(lines, index, subject) or read_framed_intro(lines, index)
    return read_block(lines, index, subject=subject) or read_intro(lines, index)


def _separates(lines: Sequence[Line], index: int) -> bool:
    """Whether a line announces what follows, by its look, its words, or because it is quoted."""
    text = lines[index].text
    if is_dashed(text) or is_announcement(text):
        return True
    opens_quote = lines[index].depth > 0 and (index == 0 or lines[index - 1].depth == 0)
    label = read_label(text)
    is_known = label is not None and label.role is not None
    return opens_quote and len(text) < 80 and not is_known and "@" not in text


def _announced(lines: Sequence[Line], index: int, subject: str) -> Block | Intro | None:
    below = range(index + 1, min(index + 2 + _GAP, len(lines)))
    following = next((i for i in below if not lines[i].is_blank), None)
    if following is None:
        return None
    return read_block(lines, following, announced=True, subject=subject) or read_intro(
        lines, following, announced=True
    )


def _place(
    raw_lines: Sequence[str], lines: Sequence[Line], index: int, header: Block | Intro
) -> Place:
    depth = lines[header.end - 1].depth
    end = last_quoted(raw_lines, header.end) if depth else len(raw_lines)
    if not depth and (quoted := _quoted_end(raw_lines, header)):
        depth, end = 1, quoted
    closed = _closed(raw_lines, header.end, end)
    return Place(
        header=header,
        own_end=_own_end(lines, index),
        start=_start(lines, index, header),
        end=end if closed is None else closed,
        rest=end if closed is None else closed + 1,
        depth=depth,
    )


def _start(lines: Sequence[Line], index: int, header: Block | Intro) -> int:
    """Return where the text begins: below the separator, where it stands there once more."""
    for below in range(header.end, min(header.end + _GAP, len(lines))):
        if not lines[below].is_blank:
            text = lines[below].text
            repeated = lines[below] == lines[index] or is_cut(text) or is_rule(text)
            return below + 1 if repeated else header.end
    return header.end


def _closed(raw_lines: Sequence[str], start: int, end: int) -> int | None:
    """Return the line that closes a forwarded text: one that says so, or a rule at the very end."""
    told = [line for line in range(max(start, end - _CLOSING), end) if raw_lines[line].strip()]
    texts = {line: read_line(raw_lines[line]).text for line in told}
    if told and is_rule(texts[told[-1]]):
        return told[-1]
    return next((line for line in told if is_end(texts[line])), None)


def _quoted_end(raw_lines: Sequence[str], header: Block | Intro) -> int | None:
    """Return where a text ends that is quoted below a header that is not.

    Below an introduction it ends with the last quoted line; below a block it must be quoted
    throughout, for else the quotes are its author's.
    """
    told = [raw for raw in raw_lines[header.end :] if raw.strip()]
    if not told or not is_quoted(told[0]):
        return None
    if isinstance(header, Block) and not all(map(is_quoted, told)):
        return None
    return last_quoted(raw_lines, header.end)


def _own_end(lines: Sequence[Line], index: int) -> int:
    """Return where the forwarder's words end: above empty lines, rules and separators."""
    end = index
    while end and _is_above(lines[end - 1], lines[index]):
        end -= 1
    return end


def _is_above(line: Line, first: Line) -> bool:
    """Whether a line above the first of what was forwarded belongs to it."""
    repeated = line.text == first.text or is_announcement(line.text)
    return repeated or line.is_blank or is_line(line.text)
