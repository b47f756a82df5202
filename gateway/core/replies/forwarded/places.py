"""Where a forwarded mail starts and ends in a text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.core.replies.forwarded.dates import is_internet_date
from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader
from gateway.core.replies.forwarded.forms.conversation import (
    may_hold_conversation,
    read_conversation,
)
from gateway.core.replies.forwarded.forms.intros import Intro
from gateway.core.replies.forwarded.forms.notes import is_details
from gateway.core.replies.forwarded.forms.registry import Header, read_header
from gateway.core.replies.forwarded.labels import begins_field, read_label
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
    is_closed_by,
    is_cut,
    is_divider,
    is_end,
    is_line,
    is_rule,
    opens,
)

_SHORT_RULE = "----"  #: How Becky! ends a header.
_CLOSING = 20  #: Lines at the end that may close a forwarded mail.
_DEEPEST = 20  #: Nested forwards that a line may close.
_GAP = 3  #: Empty lines between a header and the separator repeated below it.
_NEAR = 600  #: Lines below the first header in which to look for others …
_MOST_OTHERS = 8  #: … and the limit on their number.


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalPlace:
    """The lines of a text that were forwarded, and the contents of their header."""

    header: Header
    own_end: int  #: The forwarder's own text is the lines before this one …
    start: int  #: … the forwarded text begins here …
    end: int  #: … and ends here.
    rest: int  #: From this line on, the text is the forwarder's again.
    depth: int  #: How many quote marks its lines have that are not its own.
    is_sure: bool = True  #: Whether its form is used only by forwards.
    is_within: bool = False  #: Whether it is inside the one found first.
    #: Whether a surer one may contain it: it counts only if it is the candidate's and the surer one
    #: isn't.
    is_minor: bool = False
    is_held: bool = False  #: Whether it may be part of the text of an earlier one.
    #: Whether another one quotes it the way replies do: it is never the one meant, but may be
    #: reported.
    is_quote: bool = False
    is_open: bool = False  #: Whether text typed below it can't be separated from its own.


def find_places(raw_lines: Sequence[str], *, subject: str) -> list[OriginalPlace]:
    """Find the outermost forwarded mail, and those below it that could have been meant instead.

    `subject` is the outer mail's; the result is empty if nothing was forwarded.
    """
    lines = read_lines(raw_lines)
    is_divided = may_hold_conversation(lines)
    for index, line in enumerate(lines):
        if line.is_blank:
            continue
        if is_divided and (conversation := conversation_places(raw_lines, lines, index)):
            return conversation
        header = read_header(lines, index, subject)
        if header is not None:
            is_sure = _is_sure(lines, index, header, subject)
            first = _place(raw_lines, lines, index, header, is_sure=is_sure)
            others = other_places(raw_lines, lines, first, subject, is_divided=is_divided)
            beside = next((place for place in others if not place.is_held), None)
            if beside is not None and first.depth and beside.own_end < first.end:
                end = last_quoted(raw_lines[: beside.own_end], first.start)
                first = replace(first, end=end, rest=end)
            return [first, *others]
    return []


def conversation_places(
    raw_lines: Sequence[str], lines: Sequence[TextLine], index: int
) -> list[OriginalPlace]:
    """Find the mails of a conversation that was forwarded as a whole, newest first.

    None of them contains another; whatever is below the last one belongs to it.
    """
    places: list[OriginalPlace] = []
    end = len(raw_lines)
    for mail in reversed(read_conversation(lines, index)):
        place = OriginalPlace(
            header=mail.header,
            own_end=own_words_end(lines, index),
            start=mail.header.end,
            end=end,
            rest=len(raw_lines),
            depth=lines[index].depth,
            is_within=bool(places),
        )
        places.append(place)
        end = mail.above
    return places[: 1 + _MOST_OTHERS]


def _is_sure(lines: Sequence[TextLine], index: int, header: Header, subject: str) -> bool:
    """Whether only a forward starts like this: people also write `Von: Montag` and `An: allen`."""
    if isinstance(header, ForwardedHeader):
        is_announced = not begins_field(lines[index].text)
        return is_announced or "@" in header.fields.get(HeaderWord.SENDER, "")
    return read_header(lines, index, subject, surely=True) is not None


def other_places(
    raw_lines: Sequence[str],
    lines: Sequence[TextLine],
    first: OriginalPlace,
    subject: str,
    *,
    is_divided: bool,
) -> list[OriginalPlace]:
    """Find what could have been meant instead of the first place, in the order of the text.

    `is_divided`: it may include a conversation, which is then the last.

    An introduction (`On 4 March Ann wrote:`) may be a quote within the forwarder's own text, with
    the forwarded mail below it. A mail in a surer form may be followed by another one, or contain
    it, as when a colleague forwarded the candidate's mail.
    """
    places, index = [first], first.start
    below = _lines_below(lines, first)
    while index < min(len(lines), first.start + _NEAR) and len(places) <= _MOST_OTHERS:
        line = lines[index]
        if line.is_blank:
            index += 1
            continue
        holders = [place for place in places if _may_hold(place, index, line)]
        if is_divided and (mails := conversation_places(raw_lines, lines, index)):
            places += (_held_by(holders, mail) for mail in mails)
            break
        header = read_header(below, index, subject)
        if header is None:
            index += 1
            continue
        is_sure = _is_sure(below, index, header, subject)
        place = _place(raw_lines, lines, index, header, is_sure=is_sure)
        if holders and place.end > holders[-1].end:
            place = replace(place, end=holders[-1].end, rest=holders[-1].rest)
        is_minor = not is_sure or any(holder.is_sure for holder in holders)
        place = replace(
            place,
            is_minor=is_minor,
            is_within=is_minor or first in holders,
            is_held=bool(holders),
            is_quote=not is_sure and bool(holders) and not isinstance(header, ForwardedHeader),
        )
        places.append(place)
        below = _lines_below(lines, place)
        index = place.start
    return places[1 : 1 + _MOST_OTHERS]


def _held_by(holders: Sequence[OriginalPlace], mail: OriginalPlace) -> OriginalPlace:
    """Return a conversation's mail as one contained in the text of others, if any."""
    if not holders:
        return mail
    end, rest = holders[-1].end, holders[-1].rest
    return replace(
        mail,
        end=min(mail.end, end),
        rest=rest,
        is_minor=any(holder.is_sure for holder in holders),
        is_within=True,
        is_held=True,
    )


def _lines_below(lines: Sequence[TextLine], place: OriginalPlace) -> list[TextLine]:
    """Return the lines with all above the text of a place blanked, at the place's quoting depth.

    The start of its quotation can't be mistaken for a separator in an unknown language then.
    """
    below = range(place.start, len(lines))
    written = next((number for number in below if not lines[number].is_blank), len(lines))
    return [*[TextLine(place.depth, "")] * written, *lines[written:]]


def _may_hold(place: OriginalPlace, index: int, line: TextLine) -> bool:
    """Whether a line may be part of a place's text: if that is quoted, the line must be, too."""
    return index < place.end and line.depth >= place.depth


def _place(
    raw_lines: Sequence[str],
    lines: Sequence[TextLine],
    index: int,
    header: Header,
    *,
    is_sure: bool = True,
) -> OriginalPlace:
    depth = lines[header.end - 1].depth
    start = text_start(lines, index, header)
    end = last_quoted(raw_lines, start) if depth else len(raw_lines)
    if depth and isinstance(header, Intro) and (deeper := deeper_end(raw_lines, start, end, depth)):
        depth, end = depth + 1, deeper
    if not depth and (quoted := quoted_end(raw_lines, header, start)):
        depth, end = 1, quoted
    if not depth and is_indented(raw_lines[header.end - 1]):
        end = last_indented(raw_lines, start) or end
    # The Bat! opens a text below its header, with the same line in other words as below the text.
    opening = lines[start - 1] if is_cut(lines[start - 1].text) else lines[index]
    closed = closing_line(raw_lines, lines, range(start, end), opening, depth)
    return OriginalPlace(
        header=header,
        own_end=own_words_end(lines, index),
        start=start,
        end=end if closed is None else closed,
        rest=rest_start(raw_lines, end, opening) if closed is None else closed + 1,
        depth=depth,
        is_sure=is_sure,
        is_open=closed is None
        and end == len(raw_lines)
        and not depth
        and is_read_in(lines, index, header),
    )


def is_read_in(lines: Sequence[TextLine], index: int, header: Header) -> bool:
    """Whether a mail was inserted as stored, with the cursor left below it.

    `~f` in mail and mailx does this: there is no separator, the header has the words and the date
    format of the mail itself, and perhaps the `From ` line of an mbox above it.
    """
    first = lines[index]
    if not isinstance(header, ForwardedHeader) or not (
        is_divider(first.text) or begins_field(first.text)
    ):
        return False
    date = header.fields.get(HeaderWord.DATE, "")
    return not first.is_indented and (header.is_whole or is_internet_date(date))


def text_start(lines: Sequence[TextLine], index: int, header: Header) -> int:
    """Return where the text starts: below the separator, if it is repeated there."""
    is_block = isinstance(header, ForwardedHeader)
    for below in range(header.end, min(header.end + _GAP, len(lines))):
        if not lines[below].is_blank:
            text = lines[below].text
            # Below an empty line, a rule is the author's own, unless it comes from HTML (Notes); so
            # is a rule below a line that names the author.
            is_repeated = (
                is_cut(text)
                or (text == _SHORT_RULE and is_block and below == header.end)
                or (is_rule(text) and is_block and (below == header.end or text[0] == "_"))
                or (lines[below] == lines[index] and not announces_another(lines, index, below))
            )
            return below + 1 if is_repeated else header.end
    return header.end


def announces_another(lines: Sequence[TextLine], index: int, below: int) -> bool:
    """Whether a separator repeated below a header is that of another forward by the same program.

    Its header is as far below it as that of the first, and begins with the same field. Zoho repeats
    its separator above the text, which may begin with an introduction or with words that look like
    a header:

        ============ Forwarded message ============
        From: Ann Roe <ann@example.org>
        Subject: AW: Termin
        ============ Forwarded message ============

        Name: Ann Roe
        Datum: 4. März
    """
    is_like_first = _first_field(lines, index) == _first_field(lines, below)
    return is_like_first and read_header(lines, below, "") is not None


def _first_field(lines: Sequence[TextLine], separator: int) -> tuple[int, HeaderWord | None]:
    """Return how far below a separator its header begins, and with which field."""
    below = range(separator + 1, len(lines))
    first = next((number for number in below if not lines[number].is_blank), separator)
    label = read_label(lines[first].text)
    return first - separator, label.role if label is not None else None


def closing_line(
    raw_lines: Sequence[str],
    lines: Sequence[TextLine],
    within: range,
    opening: TextLine,
    depth: int,
) -> int | None:
    """Return the line `within` that closes a forwarded text: it says so, or is a rule at the end.

    The text may contain forwards by the same program, each with its own closing line, and another
    forward may follow.
    """
    written = [line for line in within[-_CLOSING:] if raw_lines[line].strip()]
    ending = {
        line: lines[line] if line < len(lines) else read_line(raw_lines[line]) for line in written
    }
    if written and is_rule(ending[written[-1]].text):
        return written[-1]
    closing = [
        line
        for line in written
        if ending[line].depth in (opening.depth, depth)
        and closes(ending[line].text, opening.text, is_last=line == written[-1])
    ]
    begun = {
        line: opens(lines[line].text)
        for line in within[: max(0, len(lines) - within.start)]
        if lines[line].depth in (opening.depth, depth) and not lines[line].is_blank
    }
    last_opening = max((line for line, is_opening in begun.items() if is_opening), default=0)
    opened: list[int] = []
    for line, is_opening in begun.items():
        if is_opening:
            opened = [*opened[1 - _DEEPEST :], line]
        elif closes(lines[line].text, opening.text, is_last=False):
            inner = (
                opener for opener in opened if is_closed_by(lines[opener].text, lines[line].text)
            )
            last = max(inner, default=None)
            if last is not None:
                del opened[opened.index(last) :]
                closing = [end for end in closing if end != line]
            elif (
                line in closing
                or last_opening > line
                or is_closed_by(opening.text, lines[line].text)
            ):
                return line
    return closing[-1] if closing else None


def rest_start(raw_lines: Sequence[str], end: int, opening: TextLine) -> int:
    """Return where the forwarder's text resumes: below the line that closes the quotation.

    mutt quotes what it forwards with `forward_quote`, but not the lines around it.
    """
    for below in range(end, min(end + 1 + _GAP, len(raw_lines))):
        line = read_line(raw_lines[below])
        if not line.is_blank:
            is_end = closes(line.text, opening.text, is_last=True)
            return below + 1 if is_end and line.depth == opening.depth else end
    return end


def deeper_end(raw_lines: Sequence[str], start: int, end: int, depth: int) -> int | None:
    """Return the end of a text quoted more deeply than the line above it, else None."""
    depths = [read_line(raw).depth if raw.strip() else None for raw in raw_lines[start:end]]
    written = [index for index, depth_there in enumerate(depths) if depth_there is not None]
    deeper = [index for index in written if (depths[index] or 0) > depth]
    return start + deeper[-1] + 1 if deeper and deeper[0] == written[0] else None


def quoted_end(raw_lines: Sequence[str], header: Header, start: int) -> int | None:
    """Return the end of a text quoted below a header that isn't.

    Below an introduction it ends with the last quoted line; below a block or a sentence it must be
    quoted throughout, or the quotes are its author's.
    """
    written = [raw for raw in raw_lines[start:] if raw.strip() and not is_end(raw.strip())]
    if not written or not is_quoted(written[0]):
        return None
    is_of_forwards = isinstance(header, ForwardedHeader) or header.is_forward
    if is_of_forwards and not all(map(is_quoted, written)):
        return None
    return last_quoted(raw_lines, start)


def own_words_end(lines: Sequence[TextLine], index: int) -> int:
    """Return where the forwarder's text ends: above empty lines, rules and separators."""
    end = index
    while end and _is_above(lines[end - 1], lines[index]):
        end -= 1
    return end


def _is_above(line: TextLine, first: TextLine) -> bool:
    """Whether a line above the start of the forward belongs to it."""
    repeated = line.text == first.text or is_announcement(line.text) or is_details(line.text)
    return repeated or line.is_blank or is_line(line.text)
