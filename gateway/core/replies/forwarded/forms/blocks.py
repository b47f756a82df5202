"""The header block of a forwarded mail, as its program wrote it into the text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.labels import (
    Label,
    is_glued,
    read_bare_label,
    read_label,
    split_glued,
)
from gateway.core.replies.forwarded.language.words import LANGUAGES_OF, OTHERWISE, HeaderWord
from gateway.core.replies.forwarded.lines import TextLine
from gateway.core.replies.forwarded.mailboxes import is_people
from gateway.core.replies.forwarded.separators import is_line
from gateway.core.replies.subject_prefixes import without_prefixes

_LONGEST = 60  #: Lines of a block, wrapped ones and empty ones included.
_AHEAD = 3  #: A known word has to follow an unknown one within that many lines,
_AHEAD_IF_ANNOUNCED = 6  #: below a separator within these.
_SHORTEST_FRAME, _LONGEST_FRAME = 4, 12
_SHORTEST_BARE = 3
_GLUED_LINES = 5
_PEOPLE = (HeaderWord.SENDER, HeaderWord.TO, HeaderWord.CC, HeaderWord.BCC, HeaderWord.REPLY_TO)
_ENDS_PERSON = re.compile(r"[^\s<>,;]@[^\s<>,;]+>?\Z")  #: Ends with an address, and no comma.
_TELLING = (HeaderWord.DATE, HeaderWord.TO, HeaderWord.SUBJECT)
#: Numbers of other mails, `References: <1@example.org> <2@example.org>`.
_MESSAGE_IDS = re.compile(r"(?:<[^\s<>]{1,500}@[^\s<>]{1,500}>\s*){1,50}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedHeader:
    """What a header block says, and where the text goes on behind it."""

    fields: dict[HeaderWord, str]
    languages: tuple[str, ...]  #: Those that have all its words; dates are read in them.
    end: int
    is_whole: bool = False  #: Whether it has all the fields of the mail, as RFC 5322 writes them.
    mime: Mapping[str, str] = field(default_factory=dict)  #: Its MIME fields, names in lower case.


def read_block(
    lines: Sequence[TextLine], start: int, *, announced: bool = False, subject: str
) -> ForwardedHeader | None:
    """Read the header block that starts at a line; None where none does.

    `announced` says that there is a separator above it, so that fewer words are enough;
    `subject` is that of the mail around it, which tells where a wrapped subject ends.
    """
    first = read_label(lines[start].text)
    if first is None and announced:
        return read_bare(lines, start)
    if first is None or first.role is HeaderWord.OTHER:
        return None
    if first.role is None and not announced:
        return read_below_date(lines, start, first, subject)
    return read_glued(lines, start) or HeaderBlockReader(lines, start, announced, subject).read()


def read_below_date(
    lines: Sequence[TextLine], start: int, first: Label, subject: str
) -> ForwardedHeader | None:
    """Read a header that begins with a date under a word nobody knows (Tuta in Vietnamese)."""
    below = start + 1
    if below == len(lines) or lines[below].is_blank or lines[below].depth != lines[start].depth:
        return None
    following = read_label(lines[below].text)
    if following is None or following.role is not HeaderWord.SENDER:
        return None
    if parse_date(first.value, zone=UTC) is None:
        return None
    block = HeaderBlockReader(lines, below, False, subject).read()
    if block is None or HeaderWord.DATE in block.fields:
        return None
    return replace(block, fields=block.fields | {HeaderWord.DATE: first.value})


def read_bare(lines: Sequence[TextLine], start: int) -> ForwardedHeader | None:
    """Read a header whose words stand without colons, as eM Client writes them."""
    fields: dict[HeaderWord, str] = {}
    role, end = HeaderWord.OTHER, start
    while end < min(start + _LONGEST_FRAME, len(lines)) and not lines[end].is_blank:
        label = read_bare_label(lines[end].text)
        if label is not None and label.role is not None and label.role not in fields:
            role = label.role
            fields[role] = label.value
        elif role in _PEOPLE and "@" in lines[end].text:
            fields[role] = f"{fields[role]} {lines[end].text}"
        else:
            break
        end += 1
    is_block = "@" in fields.get(HeaderWord.SENDER, "") and len(fields) >= _SHORTEST_BARE
    return ForwardedHeader(fields=fields, languages=(), end=end) if is_block else None


def read_glued(
    lines: Sequence[TextLine], start: int, text: str = "", *, announced: bool = False
) -> ForwardedHeader | None:
    """Read a header without line breaks; `text` replaces the line where something precedes it.

    Below `announced` words on the same line it may have been wrapped anywhere since.
    """
    text = text or lines[start].text
    if not announced and not is_glued(text):
        return None
    for end in range(start + 1, min(start + _GLUED_LINES, len(lines)) + 1):
        fields = split_glued(text, announced=announced) if is_glued(text) else None
        if fields is not None:
            return ForwardedHeader(fields=fields, languages=(), end=end)
        if end == len(lines) or lines[end].is_blank:
            break
        text = f"{text} {lines[end].text}"
    return None


class HeaderBlockReader:
    """Reads one block, line by line.

        Von: Ann Beispiel <ann@example.org>      a known word and its value: a field
        Gesendet: Montag, 23. November 2026
        Organisation: Beispiel GmbH              an unknown word: taken, as known ones follow
        An: Bob <bob@example.com>,
        Cleo <cleo@example.com>                  goes on with the field above, which ends in a comma
        Betreff: Bewerbung
                                                 nothing below is a field: the block ends here

    Its languages are those that have all its words, here German: the date is read in them.
    """

    def __init__(
        self, lines: Sequence[TextLine], start: int, announced: bool, subject: str
    ) -> None:
        self._lines = lines
        self._end = start
        self._last = min(start + _LONGEST, len(lines))
        self._depth = lines[start].depth
        self._is_indented = lines[start].is_indented
        self._announced = announced
        self._subject = _folded(subject)
        self._fields: dict[HeaderWord, str] = {}
        self._keys: list[str] = []  #: The known words read, by which its languages are told.
        self._unknown: list[tuple[str, bool]] = []  #: And whether each is above the recipients.
        self._role = HeaderWord.OTHER  #: Of the field read last: the next line may go on with it.
        #: Whether empty lines stand between its fields; None: only one was read yet.
        self._spaced: bool | None = None
        #: Whether all down to an empty line looks like fields, so that none need be known.
        self._framed = announced and is_framed(lines, start)

    def read(self) -> ForwardedHeader | None:
        """Return the block if the lines read are one."""
        while self._end < self._last and self.take():
            pass
        # Values under unknown words have the role that only they can have.
        has_recipients = HeaderWord.TO in self._fields
        for value, is_above in self._unknown:
            role = self.role_of(value, answers=is_above and has_recipients)
            if role is not None:
                self._fields[role] = value
        if not self.is_block():
            return None
        return ForwardedHeader(fields=self._fields, languages=self._languages(), end=self._end)

    def take(self) -> bool:
        """Take the next line, or empty ones; whether the block may go on below."""
        line = self._lines[self._end]
        if line.is_blank:
            return self.skip_blank()
        if line.depth != self._depth:
            return False
        label = self._label(line.text)
        if label is not None and label.role is not None:
            return self.take_field(label.role, label)
        # RFC 5322 has a line that goes on indented. mutt folds at the width of its window, whatever
        # stands there: a subject `… Köln: x` too.
        is_indented = line.is_indented and not self._is_indented and self._announced
        is_folded = is_indented and self._fields.get(self._role, "") != ""
        if is_folded or self.continues(line.text, label):
            above = self._fields.get(self._role, "")
            # SquirrelMail gives each recipient a line, and puts nothing between them.
            comma = "," if self._role in _PEOPLE and _ENDS_PERSON.search(above) else ""
            comma = comma if is_people(line.text) else ""
            self._fields[self._role] = f"{above}{comma} {line.text}".strip()
            self._end += 1
            return True
        return label is not None and self.take_unknown(label)

    def _label(self, text: str) -> Label | None:
        """Read a header word; SOGo's Korean for References is also that for who got a copy."""
        label = read_label(text)
        if label is not None and label.key in OTHERWISE:
            roles = (OTHERWISE[label.key].get(language) for language in self._languages())
            label = label._replace(role=next(filter(None, roles), label.role))
        if label is not None and self.is_date_of_sending(label):
            return label._replace(role=HeaderWord.DATE)
        if label is None or label.role not in _PEOPLE or not self._are_message_ids(label.value):
            return label
        is_taken = label.value.count("<") > 1 or label.role in self._fields
        return label._replace(role=HeaderWord.OTHER) if is_taken else label

    def is_date_of_sending(self, label: Label) -> bool:
        """Whether a word for a person says when the mail was sent: `المُرسل` is sender and sent."""
        is_person = label.role in _PEOPLE and "@" not in label.value
        return (
            is_person
            and HeaderWord.DATE not in self._fields
            and parse_date(label.value, zone=UTC) is not None
        )

    def take_field(self, role: HeaderWord, label: Label) -> bool:
        """Take a known word; not one that the block has already, which is of the text."""
        if role in self._fields and role is not HeaderWord.OTHER:
            return role is HeaderWord.SENDER and self.take_agent(label)
        if len(self._fields) == 1 and self._spaced is None:
            self._spaced = False
        self._fields[role] = label.value
        self._keys.append(label.key)
        self._role = role
        self._end += 1
        return True

    def take_agent(self, label: Label) -> bool:
        """Take who sent the mail for its author; Notes names them last: `Sent by: Eva <eva@…>`."""
        author = self._fields[HeaderWord.SENDER]
        if not self._announced or label.key in self._keys or not label.value:
            return False
        if not author.casefold().startswith(label.value.casefold()):
            self._fields[HeaderWord.SENDER] = f"{label.value} on behalf of {author}"
        self._keys.append(label.key)
        self._end += 1
        return True

    def take_unknown(self, label: Label) -> bool:
        """Take a word nobody knows where known ones follow, or where it can only be the subject."""
        ends = self._end + 1 == len(self._lines) or self._lines[self._end + 1].is_blank
        closing = self._announced and HeaderWord.SUBJECT not in self._fields and bool(self._fields)
        is_part = self._framed or self._word_follows() or self.are_people(label.value)
        if not is_part and not (closing and ends) and not self._are_message_ids(label.value):
            return False
        self._unknown.append((label.value, HeaderWord.TO not in self._fields))
        self._role = HeaderWord.OTHER
        self._end += 1
        return True

    def are_people(self, value: str) -> bool:
        """Whether an unknown word's value is a list of people, at a place where headers have one.

        The recipients of copies are below the recipients of the mail, and below a separator all
        people are above the text.
        """
        if not is_people(value):
            return False
        lacking = self._announced and not {HeaderWord.SENDER, HeaderWord.TO} <= self._fields.keys()
        is_below_copies = self._announced and self._role is HeaderWord.CC
        return lacking or is_below_copies or self._role in (HeaderWord.SENDER, HeaderWord.TO)

    def _are_message_ids(self, value: str) -> bool:
        return self._announced and _MESSAGE_IDS.fullmatch(value) is not None

    def skip_blank(self) -> bool:
        """Pass over one or two empty lines, where the block has them between its lines."""
        ahead = range(self._end, self._last)
        following = next((index for index in ahead if self._lines[index].text), self._last)
        if following - self._end > 2 or following >= self._last:
            return False
        label = self._label(self._lines[following].text)
        known = label is not None and label.role is not None and label.role not in self._fields
        is_last = self._announced and label is not None and label.role is HeaderWord.SUBJECT
        lacks_value = (
            self._role in (HeaderWord.SENDER, HeaderWord.DATE, HeaderWord.TO)
            and not self._fields.get(self._role)
            and len(self._fields) < 4
        )
        is_value = label is None and lacks_value
        goes_on = self._announced and label is not None and self.goes_on_below(label)
        is_spaced = bool(self._spaced)
        if self._spaced is None and len(self._fields) == 1:
            is_spaced = self._announced or HeaderWord.SENDER in self._fields
        if not is_value and not goes_on and not (known and (is_last or is_spaced)):
            return False
        self._spaced = True
        self._end = following
        return True

    def goes_on_below(self, label: Label) -> bool:
        """Whether a field below an empty line can only be one of the header: by its value.

        SOGo in Japanese has empty lines between some of them: `組織: …`, an empty line, `宛先: …`.
        """
        if label.role is HeaderWord.OTHER:
            telling = {HeaderWord.SENDER, HeaderWord.DATE} <= self._fields.keys()
            lacking = telling and HeaderWord.TO not in self._fields
            return lacking or self._are_message_ids(label.value)
        if label.role in _PEOPLE:
            return label.role not in self._fields and is_people(label.value)
        is_date = label.role is HeaderWord.DATE and HeaderWord.DATE not in self._fields
        return is_date and parse_date(label.value, zone=UTC) is not None

    def continues(self, text: str, label: Label | None) -> bool:
        """Whether a line goes on with the field above it."""
        value = self._fields.get(self._role)
        if is_line(text):
            return False
        if value is None or self._lines[self._end - 1].is_blank:
            return value == ""
        is_open = value.count("<") > value.count(">") or value.count('"') % 2 == 1
        if self._role in _PEOPLE and (value[-1:] in ",;<([" or is_open):
            return True
        if not value and (
            self._role is not HeaderWord.SUBJECT or self._lines[self._end].is_indented
        ):
            return True
        if self._role is HeaderWord.SUBJECT:
            whole = _folded(f"{value} {text}")
            if whole and self._subject.startswith(whole):
                return True
        if label is not None and value:
            return False
        if self._role in _PEOPLE and text.startswith("<") and "@" in text:
            return True
        if self._role is HeaderWord.OTHER and self._are_message_ids(text):
            return True
        return self._word_follows()

    def _word_follows(self) -> bool:
        """Whether a known word, not read yet, comes within the next lines."""
        ahead = _AHEAD_IF_ANNOUNCED if self._announced else _AHEAD
        for line in self._lines[self._end + 1 : self._end + 1 + ahead]:
            if line.is_blank or line.depth != self._depth:
                return False
            label = self._label(line.text)
            if label is not None and label.role is not None:
                return label.role not in self._fields
            # Below a separator, of a language that isn't known.
            is_foreign = self._announced and HeaderWord.SENDER not in self._fields
            if label is not None and is_foreign and is_people(label.value):
                return True
        return False

    def role_of(self, value: str, *, answers: bool) -> HeaderWord | None:
        """Return the role of a value; `answers` says that people there are to be answered."""
        candidates: tuple[HeaderWord, ...] = (HeaderWord.SUBJECT,)
        if is_people(value):
            copies = (
                (HeaderWord.REPLY_TO,)
                if answers
                else (HeaderWord.TO, HeaderWord.CC, HeaderWord.REPLY_TO)
            )
            candidates = (HeaderWord.SENDER, *copies)
        elif "@" in value:  # numbers of other mails: `Referenzen: <1@example.org> <2@example.org>`
            return None
        elif parse_date(value, zone=UTC) is not None:
            candidates = (HeaderWord.DATE,)
        return next((role for role in candidates if role not in self._fields), None)

    def is_block(self) -> bool:
        """Whether what was read is a header: it names its author and tells enough besides."""
        telling = sum(role in self._fields for role in _TELLING)
        if self._announced:
            return telling >= (1 if HeaderWord.SENDER in self._fields else 2)
        if HeaderWord.SENDER not in self._fields:
            return False
        dated = HeaderWord.DATE in self._fields or HeaderWord.SUBJECT in self._fields
        return telling >= 2 or ("@" in self._fields[HeaderWord.SENDER] and dated)

    def _languages(self) -> tuple[str, ...]:
        sets = (LANGUAGES_OF[key] for key in self._keys if key in LANGUAGES_OF)
        languages = next(sets, frozenset())
        for others in sets:  # Words that weren't translated say nothing: `Od`, `Za`, `Subject`.
            languages = languages & others or languages
        return tuple(sorted(languages))


def is_framed(lines: Sequence[TextLine], start: int) -> bool:
    """Whether nothing but words with values stands between a separator and an empty line."""
    for number, line in enumerate(lines[start : start + _LONGEST_FRAME]):
        if line.is_blank:
            return number >= _SHORTEST_FRAME
        if line.depth != lines[start].depth or read_label(line.text) is None:
            return False
    return False


def _folded(subject: str) -> str:
    return " ".join(without_prefixes(subject).casefold().split())
