"""The mails of a conversation, oldest first, as Gmail's "Forward all" writes them.

Forwarded Conversation
Subject: Termin
------------------------

From: Bob Doe <bob@example.com>
Date: Fri, 20 Nov 2026 at 16:00
To: Ann Roe <ann@example.org>


The mail of Bob.

----------
From: Ann Roe <ann@example.org>
Date: Mon, 23 Nov 2026 at 09:15
To: Bob Doe <bob@example.com>


The mail of Ann.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader, read_block
from gateway.core.replies.forwarded.labels import begins_field, read_label
from gateway.core.replies.forwarded.language.words import HeaderWord
from gateway.core.replies.forwarded.lines import TextLine

_BELOW_SUBJECT = re.compile(r"-{20,30}")
_BETWEEN = "-" * 10
_LONGEST = 60  #: Characters of the words above the subject.
_SUBJECT_LINES = 4  #: A long subject is wrapped.
_GAP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationMail:
    """One mail of a conversation."""

    header: ForwardedHeader  #: Its subject is the conversation's.
    above: int  #: The first line of its header, or the dashes above it.


def may_hold_conversation(lines: Sequence[TextLine]) -> bool:
    """Whether there is a conversation's rule anywhere: most mails needn't be searched."""
    return any(line.text.startswith(_BETWEEN * 2) for line in lines)


def read_conversation(lines: Sequence[TextLine], start: int) -> list[ConversationMail]:
    """Parse the headers of all mails in a conversation starting at a line; empty if none does."""
    subject, end = _subject(lines, start)
    first = next((n for n in range(end, min(end + _GAP, len(lines))) if lines[n].text), None)
    if not subject or first is None:
        return []
    begins = [first]
    begins += (
        number + 1
        for number in range(first, len(lines) - 1)
        if lines[number].text == _BETWEEN and lines[number].depth == lines[start].depth
    )
    mails = []
    for begin in begins:
        # No empty line is within a header, and text may begin `Subject: …`.
        ends = (n for n in range(begin, len(lines)) if lines[n].is_blank)
        header_lines = lines[begin : next(ends, len(lines))]
        header = (
            read_block(header_lines, 0, announced=True, subject=subject) if header_lines else None
        )
        if header is not None and _is_of_conversation(header):
            fields = header.fields | {HeaderWord.SUBJECT: subject}
            header = replace(header, fields=fields, end=begin + header.end)
            mails.append(ConversationMail(header=header, above=begin - (begin != first)))
        elif begin == first:
            return []
    # After an unknown word there must be several mails: staff also write `Termin: Freitag`.
    return mails if len(mails) > 1 or begins_field(lines[start + 1].text) else []


def _subject(lines: Sequence[TextLine], start: int) -> tuple[str, int]:
    """Return the subject of a conversation announced at a line, and the index below its rule.

    Empty if the line announces none.
    """
    text = lines[start].text
    below = lines[start + 1 : start + 2 + _SUBJECT_LINES]
    rule = next((n for n, line in enumerate(below) if _BELOW_SUBJECT.fullmatch(line.text)), 0)
    if not rule or "@" in text or len(text) > _LONGEST:
        return "", start
    labels = [read_label(line.text) for line in below[:rule]]
    first, wrapped = labels[0], labels[1:]
    is_one = all(label is None or label.role is not HeaderWord.SUBJECT for label in wrapped)
    is_subject = first is not None and first.role in (HeaderWord.SUBJECT, None)
    if first is None or not is_subject or not is_one or any(line.is_blank for line in below[:rule]):
        return "", start
    return " ".join([first.value, *(line.text for line in below[1:rule])]), start + 2 + rule


def _is_of_conversation(header: ForwardedHeader) -> bool:
    fields = header.fields
    is_dated = bool(fields.get(HeaderWord.DATE))
    return (
        "@" in fields.get(HeaderWord.SENDER, "") and is_dated and HeaderWord.SUBJECT not in fields
    )
