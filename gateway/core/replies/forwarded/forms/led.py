"""A header with the author and date on a separate line above its other fields.

-------- Пересылаемое сообщение --------                   (Yandex)
23.11.2026, 09:15, Ann Roe (ann@example.org):
Кому: Bob (bob@example.com);
Тема: Termin;

----- Forwarded by Bob/Office on 11/24/2026 10:00 AM -----      (Notes 5)

"Ann Roe" <ann@example.org> on 11/23/2026 09:15:02 AM
To: Bob <bob@example.com>
Subject: Termin
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader, read_block
from gateway.core.replies.forwarded.forms.intros import ADDRESS, around_address
from gateway.core.replies.forwarded.labels import read_label
from gateway.core.replies.forwarded.language.words import HeaderWord
from gateway.core.replies.forwarded.lines import TextLine, unwrapped_texts

_LONGEST = 400
_GAP = 2  #: Empty lines between the author and the other fields.
_BELOW = (HeaderWord.TO, HeaderWord.CC, HeaderWord.SUBJECT)


def read_led(lines: Sequence[TextLine], start: int, subject: str) -> ForwardedHeader | None:
    """Parse a header below a separator that starts with author and date, without header words."""
    for text, end in unwrapped_texts(lines, start, longest=_LONGEST):
        below = next((n for n in range(end, len(lines)) if not lines[n].is_blank), None)
        # After a colon, an empty line ends the header: what follows is the author's text.
        if below is None or below - end > (0 if text[-1] in ":：" else _GAP):
            return None
        label = read_label(lines[below].text)
        if label is None or label.role not in _BELOW:
            continue
        led = author_and_date(text)
        block = read_block(lines, below, announced=True, subject=subject) if led else None
        if led is None or block is None or led.keys() & block.fields.keys():
            return None
        return replace(block, fields=_strip_semicolons(block.fields) | led)
    return None


def author_and_date(text: str) -> dict[HeaderWord, str] | None:
    """Split a line with an author's name, address and a date, and nothing else."""
    address = ADDRESS.search(text)
    if address is None:
        return None
    name, date = around_address(text[: address.start()], text[address.end() :], True)
    if parse_date(date, zone=UTC) is None:
        return None
    return {HeaderWord.SENDER: f'"{name}" <{_bare_address(address[0])}>', HeaderWord.DATE: date}


def _bare_address(address: str) -> str:
    return re.sub(r"^\W+|\W+$|mailto:", "", address)


def _strip_semicolons(fields: dict[HeaderWord, str]) -> dict[HeaderWord, str]:
    """Strip the semicolon at the end of each field, including the subject."""
    if not all(value.endswith(";") for value in fields.values()):
        return fields
    return {role: value.removesuffix(";") for role, value in fields.items()}
