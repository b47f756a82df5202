"""Where in a text a forwarded mail begins and ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.core.replies.forwarded.blocks import Block
from gateway.core.replies.forwarded.dates import is_internet_date
from gateway.core.replies.forwarded.forms import Header, read_header
from gateway.core.replies.forwarded.labels import begins_field
from gateway.core.replies.forwarded.language.words import HeaderWord
from gateway.core.replies.forwarded.lines import (
    TextLine,
    is_indented,
    is_quoted,
    last_indented,
    last_quoted,
    read_line,
    read_lines,
)
from gateway.core.replies.forwarded.separators import (
    closes,
    is_announcement,
    is_cut,
    is_divider,
    is_line,
    is_rule,
)

_CLOSING = 20  #: Lines at the end in which a forwarded mail may be closed.
_GAP = 3  #: Empty lines between a header and the separator repeated below it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The lines of a text that belong to what was forwarded, and what its header said."""

    header: Header
    own_end: int  #: The forwarder's own words are the lines before this one …
    start: int  #: … the forwarded text begins here …
    end: int  #: … and ends here.
    rest: int  #: From this line on the words are the forwarder's again.
    depth: int  #: How many quote marks its lines have that are not its own.
    is_sure: bool = True  #: Whether its form is one that only forwards have.
    is_within: bool = False  #: Whether it stands within the one that was found first.
    is_open: bool = False  #: Whether words typed below it can't be told from its own.


def find_place(raw_lines: Sequence[str], *, subject: str = "") -> Place | None:
    """Find the outermost forwarded mail; `subject` is that of the mail around it."""
    lines = read_lines(raw_lines)
    for index, line in enumerate(lines):
        if line.is_blank:
            continue
        header = read_header(lines, index, subject)
        if header is not None:
            is_sure = _is_sure(lines, index, header, subject)
            return _place(raw_lines, lines, index, header, is_sure=is_sure)
    return None


def _is_sure(lines: Sequence[TextLine], index: int, header: Header, subject: str) -> bool:
    """Whether only a forward begins so: people write `Von: Montag` and `An: allen` themselves."""
    if isinstance(header, Block):
        is_announced = not begins_field(lines[index].text)
        return is_announced or "@" in header.fields.get(HeaderWord.SENDER, "")
    return read_header(lines, index, subject, surely=True) is not None


def find_other_place(raw_lines: Sequence[str], first: Place, *, subject: str = "") -> Place | None:
    """Find what could have been meant instead of the first place, which only quotes somebody.

    An introduction (`On 4 March Ann wrote:`) may be a quote within the forwarder's own words, and
    the mail that was forwarded stand below it. None where the first place has a surer form.
    """
    if first.is_sure:
        return None
    lines = read_lines(raw_lines)
    for index in range(first.header.end, len(lines)):
        if not lines[index].is_blank:
            header = read_header(lines, index, subject, surely=True)
            if header is not None and _is_sure(lines, index, header, subject):
                place = _place(raw_lines, lines, index, header)
                return replace(place, is_within=first.depth > 0 and index < first.end)
    return None


def _place(
    raw_lines: Sequence[str],
    lines: Sequence[TextLine],
    index: int,
    header: Header,
    *,
    is_sure: bool = True,
) -> Place:
    depth = lines[header.end - 1].depth
    start = text_start(lines, index, header)
    end = last_quoted(raw_lines, start) if depth else len(raw_lines)
    if not depth and (quoted := quoted_end(raw_lines, header, start)):
        depth, end = 1, quoted
    if not depth and is_indented(raw_lines[header.end - 1]):
        end = last_indented(raw_lines, start) or end
    closed = closing_line(raw_lines, lines, start, end, lines[index].text)
    return Place(
        header=header,
        own_end=own_words_end(lines, index),
        start=start,
        end=end if closed is None else closed,
        rest=rest_start(raw_lines, end, lines[index]) if closed is None else closed + 1,
        depth=depth,
        is_sure=is_sure,
        is_open=closed is None
        and end == len(raw_lines)
        and not depth
        and is_read_in(lines, index, header),
    )


def is_read_in(lines: Sequence[TextLine], index: int, header: Header) -> bool:
    """Whether a mail was read in as it was kept, with the cursor left below it.

    `~f` of mail and mailx does so: no separator stands above a header in the words and the date of
    the mail itself, but perhaps the line that divides the mails of an mbox.
    """
    first = lines[index]
    if not isinstance(header, Block) or not (is_divider(first.text) or begins_field(first.text)):
        return False
    date = header.fields.get(HeaderWord.DATE, "")
    return not first.is_indented and (header.is_whole or is_internet_date(date))


def text_start(lines: Sequence[TextLine], index: int, header: Header) -> int:
    """Return where the text begins: below the separator, where it stands there once more."""
    for below in range(header.end, min(header.end + _GAP, len(lines))):
        if not lines[below].is_blank:
            text = lines[below].text
            repeated = lines[below] == lines[index] or is_cut(text) or is_rule(text)
            return below + 1 if repeated else header.end
    return header.end


def closing_line(
    raw_lines: Sequence[str], lines: Sequence[TextLine], start: int, end: int, opening: str
) -> int | None:
    """Return the line that closes a forwarded text: one that says so, or a rule at the very end.

    Of several it is the last, for what was forwarded may hold a forward of the same program.
    """
    told = [line for line in range(max(start, end - _CLOSING), end) if raw_lines[line].strip()]
    texts = {
        line: (lines[line] if line < len(lines) else read_line(raw_lines[line])).text
        for line in told
    }
    if told and is_rule(texts[told[-1]]):
        return told[-1]
    return next(
        (line for line in reversed(told) if closes(texts[line], opening, is_last=line == told[-1])),
        None,
    )


def rest_start(raw_lines: Sequence[str], end: int, opening: TextLine) -> int:
    """Return where the forwarder's words go on: below the line that closes what was quoted.

    mutt quotes what it forwards with `forward_quote`, but not the lines around it.
    """
    for below in range(end, min(end + 1 + _GAP, len(raw_lines))):
        line = read_line(raw_lines[below])
        if not line.is_blank:
            is_end = closes(line.text, opening.text, is_last=True)
            return below + 1 if is_end and line.depth == opening.depth else end
    return end


def quoted_end(raw_lines: Sequence[str], header: Header, start: int) -> int | None:
    """Return where a text ends that is quoted below a header that is not.

    Below an introduction it ends with the last quoted line; below a block it must be quoted
    throughout, for else the quotes are its author's.
    """
    told = [raw for raw in raw_lines[start:] if raw.strip()]
    if not told or not is_quoted(told[0]):
        return None
    if isinstance(header, Block) and not all(map(is_quoted, told)):
        return None
    return last_quoted(raw_lines, start)


def own_words_end(lines: Sequence[TextLine], index: int) -> int:
    """Return where the forwarder's words end: above empty lines, rules and separators."""
    end = index
    while end and _is_above(lines[end - 1], lines[index]):
        end -= 1
    return end


def _is_above(line: TextLine, first: TextLine) -> bool:
    """Whether a line above the first of what was forwarded belongs to it."""
    repeated = line.text == first.text or is_announcement(line.text)
    return repeated or line.is_blank or is_line(line.text)
