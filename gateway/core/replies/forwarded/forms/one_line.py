"""One line without a verb that names an author above a quoted mail, as Nextcloud Mail writes it.

"Ann Roe" ann@example.org – 23 novembre 2026 à 09:15
> The mail of Ann.

>>> Ann Roe <ann@example.org> 23.11.2026 09:15 >>>        (GroupWise)
The mail of Ann.

With its quotes, dash and date the line must be the program's, even if the text below isn't quoted
or is empty.
"""

import re
from collections.abc import Sequence
from datetime import UTC

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.forms.intros import Intro
from gateway.core.replies.forwarded.lines import (
    WRAPPED_OVER,
    TextLine,
    is_quoted_below,
    unwrapped_texts,
)
from gateway.core.replies.forwarded.mailboxes import Mailbox, parse_mailbox

_LONGEST = 600
_ADDRESS = r"[^\s<>()\[\]\"@]{1,128}@[^\s<>()\[\]\"@]{1,255}"
#: The address serves as the name if there is none: `"ann@example.org" ann@example.org – …`.
_LINE = re.compile(
    rf"(?P<sender>(?:\".{{1,300}}\"\s[<(\[]?|[^@]{{0,300}}){_ADDRESS}[>)\]]?)"
    r"\s?[–—|-]\s(?P<date>\S.{3,100})"
)
#: The date begins after the address, else at the first digit.
_BETWEEN = re.compile(
    rf">>> (?P<sender>[^@>]{{0,300}}<?{_ADDRESS}>?|[^@>\d,]{{2,300}}(?= \d)),?\s"
    r"(?P<date>[^@>]{6,100}) >>>"
)
_SURE = re.compile(rf"\".{{1,300}}\" {_ADDRESS} – \S.{{3,100}}")
#: A date has a year and a time in every language, whatever words are between them.
_DATED = re.compile(r"(?=.*(?<!\d)\d{4}(?!\d)).*(?<!\d)\d{1,2}\s?[:.hH时時點点]\s?\d\d(?!\d)")


def read_one_line(lines: Sequence[TextLine], start: int) -> Intro | None:
    """Parse the line, or up to three it was wrapped into, above a quoted mail."""
    near = [line.text for line in lines[start : start + WRAPPED_OVER]]
    if not any("@" in text or text.endswith(">>>") for text in near):
        return None
    for text, end in unwrapped_texts(lines, start, longest=_LONGEST):
        if (_SURE.fullmatch(text) or _BETWEEN.fullmatch(text)) and (
            intro := _read(text, end)
        ) is not None:
            return intro
        if is_quoted_below(lines, end + 1):
            below = (read_one_line(lines, later) for later in range(start + 1, end + 1))
            return _read(text, end + 1) if not any(below) else None
    return None


def _read(text: str, end: int) -> Intro | None:
    match = _LINE.fullmatch(text) or _BETWEEN.fullmatch(text)
    if match is None:
        return None
    date = match["date"]
    if parse_date(date, zone=UTC) is None and _DATED.match(date) is None:
        return None
    sender = parse_mailbox(match["sender"])
    if sender is None or not (sender.address or match.re is _BETWEEN):
        return None
    return Intro(sender=Mailbox(sender.name, sender.address), date=date, end=end)
