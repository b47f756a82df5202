"""Lines like `*From:* Ann <ann@example.org>`, and several of them run together."""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC
from functools import cache, lru_cache
from typing import NamedTuple

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.language.languages import LANGUAGES
from gateway.core.replies.forwarded.language.words import ROLES, HeaderWord, label_key

#: EGroupware and Mailspring add a colon to words that already have one (`Tól::`, `თემა: :`) in some
#: languages; K-9 Mail uses the Armenian colon.
_LABELLED = re.compile(r"(?P<head>[^:：՝]{1,45})(?:::|: :(?=\s)|[:：՝])(?P<value>.*)", re.DOTALL)
#: NetEase Mail Master writes a table: `| From | Ann<ann@example.org> |`.
_ROW = re.compile(r"\|(?P<head>[^|]{1,60})\|(?P<value>.*)", re.DOTALL)
#: Vowel signs and other combining marks; `\w` matches none of them, but `हिन्दी` is one word.
_MARKS = "".join(
    chr(number) for number in range(0x300, 0x1800) if unicodedata.category(chr(number))[0] == "M"
)
_WORDS = re.compile(rf"[^\W\d_][\w{_MARKS}’'()/. -]*")
_BOLD = "*_"
_LONGEST_HEAD = 100


class Label(NamedTuple):
    """A header word and the text after it; the role is None for an unknown word."""

    role: HeaderWord | None
    key: str
    value: str


@lru_cache(maxsize=64)  # Every form's reader looks at the same few lines.
def read_label(text: str) -> Label | None:
    """Parse a line as a header word, a colon and a value."""
    row = _ROW.fullmatch(text) if text.startswith("|") else None
    if row is not None:
        key = label_key(row["head"])
        value = row["value"].strip().removesuffix("|").strip()
        return Label(ROLES[key], key, value) if key in ROLES else None
    match = _LABELLED.match(text)
    if match is None:
        return None
    head, value = match["head"].strip(), match["value"].strip()
    key = label_key(head.strip(_BOLD + " "))
    role = role_of_word(key)
    if role is None and not may_be_label(key, value):
        return None
    return Label(role, key, without_bold(head, value))


def begins_field(text: str) -> bool:
    """Whether a line starts with a known header word and a colon."""
    label = read_label(text[:_LONGEST_HEAD])
    return label is not None and label.role is not None


def read_bare_label(text: str) -> Label | None:
    """Parse a line as a known header word and a value with no colon between them."""
    match = _bare_word_pattern().match(text)
    if match is None:
        return None
    key = label_key(match["head"])
    return Label(ROLES[key], key, match["value"].strip())


def role_of_word(key: str) -> HeaderWord | None:
    """Return the meaning of a word; `Kopi til (CC)` is known if one of its halves is."""
    word, bracket, gloss = key.rstrip(")）").replace("（", "(").partition("(")
    if not bracket:
        return ROLES.get(key)
    return ROLES.get(key) or ROLES.get(gloss.strip()) or ROLES.get(word.strip())


def may_be_label(key: str, value: str) -> bool:
    """Whether up to four words and a value could be a field in an unknown language."""
    if not _WORDS.fullmatch(key) or len(key.split()) > 4:
        return False
    return bool(value) and not value.startswith("//")


def without_bold(head: str, value: str) -> str:
    """Remove the marks that made `*From:* Ann` or `*From: Ann*` bold."""
    marks = head[: len(head) - len(head.lstrip(_BOLD))]
    if not marks or head.endswith(marks):
        return value
    if value.startswith(marks):
        return value.removeprefix(marks).strip()
    return value.removesuffix(marks).strip()


def _alternatives(*roles: HeaderWord) -> str:
    words = {
        word
        for variants in LANGUAGES.values()
        for role in roles
        for word in getattr(variants, role.value).split("|")
    }
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_KNOWN = tuple(role for role in HeaderWord if role is not HeaderWord.OTHER)


# Few mails need this and `_glued_word_pattern`, and compiling one takes as long as reading some.
@cache
def _bare_word_pattern() -> re.Pattern[str]:
    return re.compile(
        rf"[*_]{{0,2}}(?P<head>{_alternatives(*_KNOWN)})[*_]{{0,2}}\s+(?P<value>\S.*)",
        re.IGNORECASE,
    )


#: A known word and its colon, at the start of a line or within one.
KNOWN_LABEL = re.compile(
    rf"(?<![^\s])[*_]{{0,2}}(?P<head>{_alternatives(*_KNOWN)})\s?[:：](?=\s|\Z)"
)
_RUN_ON = re.compile(r">\s?[^\W\d_]")
LONGEST_GLUED = 5_000  #: Characters of a header on one line.
#: Where a date ends and the next word begins: `09:26:50 CET|Betreff`, `… GMT+1|Тема`.
_BEHIND_ZONE = r"(?:(?<=[A-Z]{2})(?=[A-Z][a-z]|[^\W\d_A-Za-z])|(?<=\d)(?=[^\W\d_]))"
_UNKNOWN = r"[^\W\d_][^:：<>@\"\d]{0,30}"


@cache
def _glued_word_pattern() -> re.Pattern[str]:
    """Return the pattern of a header word with no line break before it, as Yahoo writes them.

    `…@example.org>An: "…" <…>Gesendet: …Betreff: …`; Portuguese has no colon after `Assunto`, and
    an unknown word is recognised after an address or the date's zone, as nothing else can be there.
    """
    addressed = _alternatives(
        HeaderWord.TO, HeaderWord.CC, HeaderWord.BCC, HeaderWord.REPLY_TO, HeaderWord.DATE
    )
    subject = _alternatives(HeaderWord.SUBJECT)
    return re.compile(
        rf"(?:(?<=[>\s;])|(?<=[a-z])(?![a-z]))(?P<addressed>{addressed})"
        r"(?:\s?[:：]|(?<=\bD[wW])\s)"
        rf"|(?P<subject>{subject})\s?[:：]|{_BEHIND_ZONE}(?P<bare_subject>{subject})\s"
        rf"|(?<=>)(?P<unknown>{_UNKNOWN})[:：]\s|{_BEHIND_ZONE}(?P<last>{_UNKNOWN})[:：]\s"
    )


def is_glued(text: str) -> bool:
    """Whether a line holds more than one header word with a value."""
    return (
        _RUN_ON.search(text) is not None
        and _glued_word_pattern().search(text[:LONGEST_GLUED]) is not None
    )


def split_glued(text: str, *, announced: bool = False) -> dict[HeaderWord, str] | None:
    """Parse a whole header on one line, from the sender to the subject.

    None if it isn't one: it must begin with a sender and have a subject. Its words may be in an
    unknown language; the first only if the header is `announced`.
    """
    first = read_label(text[:LONGEST_GLUED])
    if first is None or (first.role is not HeaderWord.SENDER and not announced):
        return None
    if first.role not in (HeaderWord.SENDER, None):
        return None
    text = first.value
    words = list(_glued_word_pattern().finditer(text))
    ends = [*(word.start() for word in words[1:]), len(text)]
    fields: dict[HeaderWord, str] = {}
    role, start = HeaderWord.SENDER, 0
    for word, end in zip(words, ends, strict=True):
        following = _role_of_glued(word, text[word.end() : end], fields.keys() | {role})
        if following is None or following in fields:
            continue
        fields[role] = text[start : word.start()].strip()
        role, start = following, word.end()
        if role is HeaderWord.SUBJECT:
            return fields | {role: text[start:].strip()}
    return None


def _role_of_glued(
    word: re.Match[str], value: str, above: Collection[HeaderWord]
) -> HeaderWord | None:
    """Return the role of a word within a line, from itself or its value and what comes before.

    None: it is part of the value before it.
    """
    if word["addressed"]:
        return ROLES[label_key(word["addressed"])]
    if word["unknown"] is None:
        is_behind_date = word["last"] is None or HeaderWord.DATE in above
        return HeaderWord.SUBJECT if is_behind_date and len(above) > 1 else None
    if "@" in value:
        return HeaderWord.CC if HeaderWord.TO in above else HeaderWord.TO
    return HeaderWord.DATE if parse_date(value, zone=UTC) is not None else None
