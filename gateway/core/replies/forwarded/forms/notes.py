"""Headers of Lotus and HCL Notes with the author and the date on separate lines.

"Ann Roe" <ann@example.org> on 11/23/2026 09:15:02 AM        (Notes 4 and 5)
Please respond to <ann@example.org>
To: Bob <bob@example.com>
Subject: Termin

"Ann Roe" <ann@example.org>                                  (Notes 6 and 7: cells of a table)
23.11.2026 09:15
An
bob@example.com
Kopie
Thema
Termin

             "Ann Roe"                                       (the same, in text alone)
             <ann@example.or
             g>                                                         An
             23.11.2026 09:15          bob@example.com
                                                                     Kopie

                                                                     Thema
                                       Termin
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader, read_block
from gateway.core.replies.forwarded.forms.led import author_and_date
from gateway.core.replies.forwarded.labels import begins_field, read_bare_label, read_label
from gateway.core.replies.forwarded.language.words import LANGUAGES_OF, ROLES, HeaderWord, label_key
from gateway.core.replies.forwarded.lines import TextLine
from gateway.core.replies.forwarded.separators import is_dashed

_LONGEST_AUTHOR = 5  #: Lines with the author and the date.
_LONGEST = 40  #: Lines of a table …
_LONGEST_DATE = 3  #: … and of a date in its narrow column.
_GAP = 3
_IN_CELLS = (HeaderWord.TO, HeaderWord.CC, HeaderWord.BCC, HeaderWord.SUBJECT)
_LEFT_COLUMN, _RIGHT_COLUMN = 13, 39  #: Where they begin.
_ADDRESS_ALONE = re.compile(r"<?[^\s<>@]{1,128}@[^\s<>@]{1,255}>?")
_ENDS_IN_ADDRESS = re.compile(r"[^\W\d_][^@:<>]{3,60}\s<?[^\s<>@]{1,128}@[^\s<>@]{1,255}>?")
_WORDS = re.compile(r"[^\W\d_][^@:\d]{3,60}")
_OPENED = re.compile(r"-{4,} ?[^\W\d_].{2,200}[^-]")
_DATED = re.compile(
    r"-{4,} ?[^\W\d_].{2,300}\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}[:.]\d\d(?:[:.]\d\d)?"
    r"(?: ?[AP]M)? ?-{4,}"
)
_DETAILS = re.compile(r".{1,400}---\s?\d[\d./-]{5,11},? \d{1,2}[:.]\d\d[^-]{0,20}---.*")
_MOST_DETAILS = 4  #: Lines of the details that Notes can collapse.


def separator_end(lines: Sequence[TextLine], index: int) -> int:
    """Return the index of the last line of a separator, which may be wrapped.

    ---------------------- Weitergeleitet von Bob Beispiel/Büro/DE am
    24.11.2026 10:00 ---------------------------

    ----- Forwarded message from Ann Roe <ann@example.org>            (mutt, forwarded once more)
    -----
    """
    following = lines[index + 1 : index + 3]
    if is_dashed(lines[index].text) or _OPENED.fullmatch(lines[index].text) is None:
        return index
    text = lines[index].text
    for end, line in enumerate(following, index + 1):
        if line.is_blank or line.depth != lines[index].depth:
            break
        text = f"{text} {line.text}"
        if _DATED.fullmatch(text) or (is_dashed(text) and "@" in text):
            return end
    return index


def is_details(text: str) -> bool:
    """Whether a line is the collapsed summary that Notes 8 shows above an earlier mail's header.

    `Details ausblenden Ann Roe ---23.11.2026 09:15:02---Guten Tag, Freitag passt.`
    """
    return _DETAILS.fullmatch(text) is not None


def below_details(lines: Sequence[TextLine], start: int) -> int:
    """Return the index of a header's first line, below a collapsed summary if there is one."""
    if not is_details(lines[start].text):
        return start
    below = range(start + 1, min(start + 1 + _MOST_DETAILS, len(lines)))
    return next((number for number in below if begins_field(lines[number].text)), start)


def read_notes(lines: Sequence[TextLine], start: int, subject: str) -> ForwardedHeader | None:
    """Parse a header below a separator with author and date on separate lines."""
    return read_columns(lines, start) or read_by_lines(lines, start, subject)


def read_by_lines(lines: Sequence[TextLine], start: int, subject: str) -> ForwardedHeader | None:
    text, index, led = "", start, None
    for _ in range(_LONGEST_AUTHOR):
        text = f"{text} {lines[index].text}".strip()
        if text[-1] in ":：":  # The text below is the mail itself (Yandex).
            return None
        led = author_and_date(text)
        following = _next_line(lines, index + 1)
        if led is not None or following is None:
            break
        index = following
    below = _next_line(lines, index + 1) if led is not None else None
    below = below_reply_to(lines, below) if below is not None else None
    if led is None or below is None:
        return None
    label = read_label(lines[below].text)
    if label is not None and label.role in _IN_CELLS:
        header = read_block(lines, below, announced=True, subject=subject)
    else:
        header = read_cells(lines, below)
    if header is None or led.keys() & header.fields.keys():
        return None
    return replace(header, fields=header.fields | led)


def below_reply_to(lines: Sequence[TextLine], start: int) -> int | None:
    """Return the line index below the reply address: `Please respond to <ann@example.org>`."""
    if _ENDS_IN_ADDRESS.fullmatch(lines[start].text):
        return _next_line(lines, start + 1)
    address = _next_line(lines, start + 1)
    is_divided = address is not None and _ADDRESS_ALONE.fullmatch(lines[address].text)
    if address is None or not is_divided or not _WORDS.fullmatch(lines[start].text):
        return start
    return start if _role_in(lines[start].text) else _next_line(lines, address + 1)


def read_cells(lines: Sequence[TextLine], start: int) -> ForwardedHeader | None:
    """Parse header words and their values, each on a separate line."""
    fields: dict[HeaderWord, str] = {}
    keys: list[str] = []
    role, end = HeaderWord.OTHER, start
    for end in range(start, min(start + _LONGEST, len(lines))):
        text = lines[end].text
        if not text:
            continue
        beside = read_bare_label(text)
        following = _role_in(text) or (beside.role if beside else None)
        if following in _IN_CELLS and following not in fields:
            role = following
            is_beside = _role_in(text) is None and beside is not None
            fields[role] = beside.value if is_beside and beside is not None else ""
            keys.append(label_key(beside.key if is_beside and beside is not None else text))
        elif role is HeaderWord.OTHER:
            return None
        else:
            fields[role] = f"{fields[role]} {text}".strip()
        if fields.get(HeaderWord.SUBJECT):
            break
    if not {HeaderWord.TO, HeaderWord.SUBJECT} <= fields.keys():
        return None
    return ForwardedHeader(fields=fields, languages=_languages(keys), end=end + 1)


def read_columns(lines: Sequence[TextLine], start: int) -> ForwardedHeader | None:
    """Parse two columns: author and date on the left, header words with values on the right."""
    if lines[start].indent != _LEFT_COLUMN:
        return None
    left: list[str] = []
    fields: dict[HeaderWord, str] = {}
    keys: list[str] = []
    role, end = HeaderWord.OTHER, start
    for end in range(start, min(start + _LONGEST, len(lines))):
        row = " " * lines[end].indent + lines[end].text
        beside, right = row[:_RIGHT_COLUMN].strip(), row[_RIGHT_COLUMN:].strip()
        if not row.strip():
            if fields.get(HeaderWord.SUBJECT):
                break
            continue
        if lines[end].indent < _LEFT_COLUMN:
            break
        left += [beside] if beside else []
        following = _role_in(right)
        if following in _IN_CELLS and following not in fields:
            role = following
            fields[role] = ""
            keys.append(label_key(right))
        elif right and role is HeaderWord.OTHER:
            return None
        elif right:
            fields[role] = f"{fields[role]} {right}".strip()
    led = author_above_date(left)
    if led is None or not {HeaderWord.TO, HeaderWord.SUBJECT} <= fields.keys():
        return None
    return ForwardedHeader(fields=fields | led, languages=_languages(keys), end=end)


def author_above_date(column: Sequence[str]) -> dict[HeaderWord, str] | None:
    """Parse the narrow column, where addresses are broken at the edge."""
    for number in range(len(column)):
        for last in range(min(number + _LONGEST_DATE, len(column)), number, -1):
            date = " ".join(column[number:last])
            if date[:1].isdigit() and parse_date(date, zone=UTC) is not None:
                author = re.sub(r"<[^<>]*>", _without_blanks, " ".join(column[:number]))
                return {HeaderWord.SENDER: author, HeaderWord.DATE: date} if author else None
    return None


def _without_blanks(match: re.Match[str]) -> str:
    return match[0].replace(" ", "")


def _role_in(text: str) -> HeaderWord | None:
    return ROLES.get(label_key(text.rstrip(" :")))


def _languages(keys: Sequence[str]) -> tuple[str, ...]:
    sets = [LANGUAGES_OF[key] for key in keys if key in LANGUAGES_OF]
    return tuple(sorted(frozenset.intersection(*sets))) if sets else ()


def _next_line(lines: Sequence[TextLine], start: int) -> int | None:
    near = range(start, min(start + _GAP + 1, len(lines)))
    return next((number for number in near if not lines[number].is_blank), None)
