"""A header filled like a paragraph by its program: fields begin wherever they fit.

Claws Mail does that to the whole forward if any line is over 72 columns:

    Date: Mon, 23 Nov 2026 09:15:00 +0100
    From: Ann <ann@example.org>
    To: Bob <bob@example.com>, Cleo
    <cleo@example.com> Cc: Dan <dan@example.com> Subject: AW: Your
    application
"""

import re
from collections.abc import Sequence

from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader
from gateway.core.replies.forwarded.labels import KNOWN_LABEL, read_label
from gateway.core.replies.forwarded.language.words import LANGUAGES_OF, ROLES, HeaderWord, label_key
from gateway.core.replies.forwarded.lines import TextLine

_LONGEST = 60
#: A field may begin after an address, a zone or a time; elsewhere the word is part of a sentence.
_WITHIN = re.compile(r"(?:[>\d]|@[^\s@]{1,255}) [^\W\d_][^:：\n<>@\d]{0,30}[:：]\s")
_BEHIND = re.compile(r"(?:>|@\S+|\d)\Z")


def read_filled(lines: Sequence[TextLine], start: int) -> ForwardedHeader | None:
    """Parse a header below a separator if some of its fields begin within a line."""
    if KNOWN_LABEL.match(_space_after_word(lines[start].text)) is None:
        return None
    end = start
    for line in lines[start : start + _LONGEST]:
        if line.is_blank or line.depth != lines[start].depth:
            break
        end += 1
    text = "\n".join(_space_after_word(line.text) for line in lines[start:end])
    if _WITHIN.search(text) is None:
        return None
    fields: dict[HeaderWord, str] = {}
    keys: list[str] = []
    role, begins, within = HeaderWord.OTHER, 0, 0
    for match in KNOWN_LABEL.finditer(text):
        key = label_key(match["head"])
        following = ROLES[key]
        is_first = match.start() == 0 or text[match.start() - 1] == "\n"
        if following in fields or (not is_first and not may_begin_field(text, match, role)):
            continue
        if fields or following is role:
            fields[role] = _value(text[begins : match.start()])
        elif match.start():
            return None
        role, begins = following, match.end()
        fields[role] = ""
        keys.append(key)
        within += not is_first
    if not within or "@" not in fields.get(HeaderWord.SENDER, ""):
        return None
    fields[role] = _value(text[begins:])
    sets = [LANGUAGES_OF[key] for key in keys if key in LANGUAGES_OF]
    languages = tuple(sorted(frozenset.intersection(*sets))) if sets else ()
    return ForwardedHeader(fields=fields, languages=languages, end=end)


def _space_after_word(text: str) -> str:
    """Put a space after a line's header word: Claws has none in Swedish, `Från:Ann`."""
    label = read_label(text)
    if label is None or label.role is None or KNOWN_LABEL.match(text) is not None:
        return text
    head, colon, value = text.partition(":")
    return f"{head}{colon} {value}" if colon else text


def may_begin_field(text: str, match: re.Match[str], role: HeaderWord) -> bool:
    """Whether a word within a line may begin a field: not in a subject, where it is text."""
    return (
        role is not HeaderWord.SUBJECT
        and _BEHIND.search(text[: match.start()].rstrip()) is not None
    )


def _value(text: str) -> str:
    return " ".join(text.split())
