"""A sentence that announces a forwarded mail and names its author.

Forwarded message from Ann Roe on Mon Nov 23, 2026 at 9:15 AM:        (aerc)
Forwarded message from Ann Roe (2026-11-23 09:15:00):                 (alot)
----- Weitergeleitete Nachricht von Ann Roe <ann@example.org> -----   (mutt, header left out)
"""

import re
from collections.abc import Sequence
from datetime import UTC

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.forms.intros import Intro
from gateway.core.replies.forwarded.language.introwords import PREPOSITIONS
from gateway.core.replies.forwarded.lines import TextLine, unwrapped_texts
from gateway.core.replies.forwarded.mailboxes import Mailbox, parse_mailbox
from gateway.core.replies.forwarded.separators import is_announcement

_LONGEST = 600
_LONGEST_DATE = 80
_FROM = re.compile(
    r"\s(?:from|von|van|de|da|di|do|dal|fra|från|frå|af|od|ze|z|от|від|из|από|dari|từ|mula|gan)\s"
)
_ON = re.compile(rf"\s(?:{'|'.join(PREPOSITIONS)})(?=\s.{{0,30}}\d)", re.IGNORECASE)
_BRACKETED = re.compile(r"(?P<name>.*\S)\s\((?P<date>[^()]*\d[^()]*)\)")


def read_sentence(lines: Sequence[TextLine], start: int) -> Intro | None:
    """Parse a sentence, or up to three lines it was wrapped into."""
    for text, end in unwrapped_texts(lines, start, longest=_LONGEST):
        if text[-1] in ":：" or (text[0] in "-–—" and text[-1] in "-–—"):
            return _read(text.strip("-–—:： "), end)
    return None


def _read(text: str, end: int) -> Intro | None:
    for match in _FROM.finditer(text):
        if is_announcement(text[: match.start()]):
            sender, date = name_and_date(text[match.end() :])
            mailbox = (
                parse_mailbox(sender)
                if "@" in sender
                else Mailbox(without_outer_quotes(sender), "")
            )
            if mailbox is None:
                return None
            return Intro(sender=mailbox, date=date, end=end, is_forward=True)
    return None


def without_outer_quotes(text: str) -> str:
    """Remove quotes around a whole name, but not around its end: `Ann "Shay"`."""
    name = text.strip()
    is_quoted = name.count('"') == 2 and name[:1] == name[-1:] == '"'
    return name.strip('" ') if is_quoted or name.count('"') == 1 else name


def name_and_date(text: str) -> tuple[str, str]:
    """Split at the last word that has a name before it and a date after it.

    In `Roe, Ann van den on Mon Nov 23` that is `on`; Swedish dates begin with `den`. Or the date is
    in brackets: `Ann Roe (2026-11-23 09:15:00)`.
    """
    bracketed = _BRACKETED.fullmatch(text.strip())
    if bracketed and parse_date(bracketed["date"], zone=UTC) is not None:
        return bracketed["name"], bracketed["date"]
    for match in reversed(list(_ON.finditer(text))):
        date = text[match.end() :].strip(" ,")
        if len(date) <= _LONGEST_DATE and parse_date(date, zone=UTC) is not None:
            return text[: match.start()], date
    return text, ""
