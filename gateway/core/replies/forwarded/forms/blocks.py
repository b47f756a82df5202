"""The header block of a forwarded mail, as its program wrote it into the text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.labels import (
    LONGEST_GLUED,
    Label,
    is_glued,
    read_bare_label,
    read_label,
    split_glued,
)
from gateway.core.replies.forwarded.language.words import (
    LANGUAGES_OF,
    OTHERWISE,
    PEOPLE,
    HeaderWord,
)
from gateway.core.replies.forwarded.lines import TextLine
from gateway.core.replies.forwarded.mailboxes import completes_person, is_people
from gateway.core.replies.forwarded.separators import is_line
from gateway.core.replies.subject_prefixes import without_prefixes

_LONGEST = 60  #: Lines of a block, including wrapped and empty ones.
_AHEAD = 3  #: A known word must follow an unknown one within this many lines,
_AHEAD_IF_ANNOUNCED = 6  #: or this many below a separator.
_SHORTEST_FRAME, _LONGEST_FRAME = 4, 12
_SHORTEST_BARE = 3
_GLUED_LINES = 5
_NARROWEST = 60  #: Characters to which programs wrap lines.
_ENDS_PERSON = re.compile(r"[^\s<>,;]@[^\s<>,;]+>?\Z")  #: Ends with an address and no comma.
_TELLING = (HeaderWord.DATE, HeaderWord.TO, HeaderWord.SUBJECT)
#: Ids of other mails, `References: <1@example.org> <2@example.org>`.
_MESSAGE_IDS = re.compile(r"(?:<[^\s<>]{1,500}@[^\s<>]{1,500}>\s*){1,50}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedHeader:
    """The contents of a header block, and where the text continues after it."""

    fields: dict[HeaderWord, str]
    languages: tuple[str, ...]  #: The languages that have all its words; dates are read in these.
    end: int
    is_whole: bool = False  #: Whether it has all the mail's fields, as RFC 5322 writes them.
    mime: Mapping[str, str] = field(default_factory=dict)  #: Its MIME fields, names in lower case.


def read_block(
    lines: Sequence[TextLine], start: int, *, announced: bool = False, subject: str
) -> ForwardedHeader | None:
    """Parse the header block that starts at a line; None if none does.

    `announced`: there is a separator above, so fewer words are needed; `subject` is the outer
    mail's, which shows where a wrapped subject ends.
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
    """Parse a header that begins with a date after an unknown word (Tuta in Vietnamese)."""
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
    """Parse a header whose words have no colons, as eM Client writes them."""
    fields: dict[HeaderWord, str] = {}
    role, end = HeaderWord.OTHER, start
    while end < min(start + _LONGEST_FRAME, len(lines)) and not lines[end].is_blank:
        label = read_bare_label(lines[end].text)
        if label is not None and label.role is not None and label.role not in fields:
            role = label.role
            fields[role] = label.value
        elif role in PEOPLE and "@" in lines[end].text:
            fields[role] = f"{fields[role]} {lines[end].text}"
        else:
            break
        end += 1
    is_block = "@" in fields.get(HeaderWord.SENDER, "") and len(fields) >= _SHORTEST_BARE
    return ForwardedHeader(fields=fields, languages=(), end=end) if is_block else None


def read_glued(
    lines: Sequence[TextLine], start: int, text: str = "", *, announced: bool = False
) -> ForwardedHeader | None:
    """Parse a header without line breaks; `text` replaces the line if something precedes it.

    Below `announced` words on the same line, it may have been wrapped anywhere since.
    """
    text = text or lines[start].text
    if not announced and not is_glued(text):
        return None
    for end in range(start + 1, min(start + _GLUED_LINES, len(lines)) + 1):
        fields = split_glued(text, announced=announced) if is_glued(text) else None
        if fields is not None:
            return ForwardedHeader(fields=fields, languages=(), end=end)
        if end == len(lines) or lines[end].is_blank or len(text) >= LONGEST_GLUED:
            break
        text = f"{text} {lines[end].text}"
    return None


class HeaderBlockReader:
    """Parses one block, line by line.

        Von: Ann Beispiel <ann@example.org>      a known word and its value: a field
        Gesendet: Montag, 23. November 2026
        Organisation: Beispiel GmbH              an unknown word: accepted, as known ones follow
        An: Bob <bob@example.com>,
        Cleo <cleo@example.com>                  continues the field above, which ends in a comma
        Betreff: Bewerbung
                                                 no more fields: the block ends here

    Its languages are those that have all its words, here German; the date is read in these.
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
        self._subject = _fold_case(subject)
        self._fields: dict[HeaderWord, str] = {}
        self._keys: list[str] = []  #: The known words read so far, which determine the language.
        self._unknown: list[tuple[str, bool]] = []  #: And whether each is above the recipients.
        self._role = HeaderWord.OTHER  #: Of the last field read: the next line may continue it.
        #: Whether there are empty lines between its fields; None: only one field so far.
        self._spaced: bool | None = None
        #: Whether everything down to an empty line looks like fields, so none need be known.
        self._framed = announced and is_framed(lines, start)

    def read(self) -> ForwardedHeader | None:
        """Return the block if the lines read are one."""
        while self._end < self._last and self.take():
            pass
        # Values of unknown words get the role that only they can have.
        has_recipients = HeaderWord.TO in self._fields
        for value, is_above in self._unknown:
            role = self.role_of(value, answers=is_above and has_recipients)
            if role is not None:
                self._fields[role] = value
        if not self.is_block():
            return None
        return ForwardedHeader(fields=self._fields, languages=self._languages(), end=self._end)

    def take(self) -> bool:
        """Read the next line, or empty ones; return whether the block may continue below."""
        line = self._lines[self._end]
        if line.is_blank:
            return self.skip_blank()
        if line.depth != self._depth:
            return False
        label = self._label(line.text)
        if label is not None and label.role is not None:
            return self.take_field(label.role, label)
        # RFC 5322 indents continuation lines. mutt folds at the width of its window, wherever that
        # falls: even a subject `… Köln: x`.
        is_indented = line.is_indented and not self._is_indented and self._announced
        is_folded = is_indented and self._fields.get(self._role, "") != ""
        if is_folded or self.continues(line.text, label):
            above = self._fields.get(self._role, "")
            # SquirrelMail puts each recipient on a line, with nothing between them.
            comma = "," if self._role in PEOPLE and _ENDS_PERSON.search(above) else ""
            comma = comma if is_people(line.text) else ""
            self._fields[self._role] = f"{above}{comma} {line.text}".strip()
            self._end += 1
            return True
        return label is not None and self.take_unknown(label)

    def _label(self, text: str) -> Label | None:
        """Parse a header word; SOGo's Korean word for References also means Cc."""
        label = read_label(text)
        if label is not None and label.key in OTHERWISE:
            roles = (OTHERWISE[label.key].get(language) for language in self._languages())
            label = label._replace(role=next(filter(None, roles), label.role))
        if label is not None and self.is_date_of_sending(label):
            return label._replace(role=HeaderWord.DATE)
        if label is None or label.role not in PEOPLE or not self._are_message_ids(label.value):
            return label
        is_taken = label.value.count("<") > 1 or label.role in self._fields
        return label._replace(role=HeaderWord.OTHER) if is_taken else label

    def is_date_of_sending(self, label: Label) -> bool:
        """Whether a word for a person gives the time of sending: `المُرسل` is sender and sent."""
        is_person = label.role in PEOPLE and "@" not in label.value
        return (
            is_person
            and HeaderWord.DATE not in self._fields
            and parse_date(label.value, zone=UTC) is not None
        )

    def take_field(self, role: HeaderWord, label: Label) -> bool:
        """Accept a known word unless the block already has it, which means it is text."""
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
        """Accept who sent a mail for its author; Notes puts it last: `Sent by: Eva <eva@…>`."""
        author = self._fields[HeaderWord.SENDER]
        if not self._announced or label.key in self._keys or not label.value:
            return False
        if not author.casefold().startswith(label.value.casefold()):
            self._fields[HeaderWord.SENDER] = f"{label.value} on behalf of {author}"
        self._keys.append(label.key)
        self._end += 1
        return True

    def take_unknown(self, label: Label) -> bool:
        """Accept an unknown word if known ones follow, or if it can only be the subject."""
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
        """Whether an unknown word's value is a list of people, where headers have one.

        Cc recipients come below the To recipients, and below a separator all people come above the
        text.
        """
        if not is_people(value):
            return False
        lacking = self._announced and not {HeaderWord.SENDER, HeaderWord.TO} <= self._fields.keys()
        is_below_copies = self._announced and self._role is HeaderWord.CC
        return lacking or is_below_copies or self._role in (HeaderWord.SENDER, HeaderWord.TO)

    def _are_message_ids(self, value: str) -> bool:
        return self._announced and _MESSAGE_IDS.fullmatch(value) is not None

    def skip_blank(self) -> bool:
        """Skip one or two empty lines if the block has them between its lines."""
        ahead = range(self._end, self._last)
        following = next((index for index in ahead if self._lines[index].text), self._last)
        if following - self._end > 2 or following >= self._last:
            return False
        label = self._label(self._lines[following].text)
        is_new_field = (
            label is not None and label.role is not None and label.role not in self._fields
        )
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
        if not is_value and not goes_on and not (is_new_field and (is_last or is_spaced)):
            return False
        self._spaced = True
        self._end = following
        return True

    def goes_on_below(self, label: Label) -> bool:
        """Whether a field below an empty line must belong to the header, judging by its value.

        SOGo in Japanese has empty lines between some fields: `組織: …`, an empty line, `宛先: …`.
        """
        if label.role is HeaderWord.OTHER:
            telling = {HeaderWord.SENDER, HeaderWord.DATE} <= self._fields.keys()
            lacking = telling and HeaderWord.TO not in self._fields
            return lacking or self._are_message_ids(label.value)
        if label.role in PEOPLE:
            is_new = label.role not in self._fields
            return is_new and self._spaced is True and is_people(label.value)
        is_date = label.role is HeaderWord.DATE and HeaderWord.DATE not in self._fields
        return is_date and parse_date(label.value, zone=UTC) is not None

    def continues(self, text: str, label: Label | None) -> bool:
        """Whether a line continues the field above it."""
        value = self._fields.get(self._role)
        if is_line(text):
            return False
        if value is None or self._lines[self._end - 1].is_blank:
            return value == ""
        is_open = value.count("<") > value.count(">") or value.count('"') % 2 == 1
        if self._role in PEOPLE and (value[-1:] in ",;<([" or is_open):
            return True
        if not value and (
            self._role is not HeaderWord.SUBJECT or self._lines[self._end].is_indented
        ):
            return True
        if self._role is HeaderWord.SUBJECT:
            whole = _fold_case(f"{value} {text}")
            if whole and self._subject.startswith(whole):
                return True
        if label is not None and value:
            return False
        if self._role in PEOPLE and text.startswith("<") and "@" in text:
            return True
        if self._role in PEOPLE and self.is_wrapped(value, text) and completes_person(value, text):
            return True
        if self._role is HeaderWord.OTHER and self._are_message_ids(text):
            return True
        return self._word_follows()

    def is_wrapped(self, value: str, text: str) -> bool:
        """Whether a line may go on below with what had no more room on it.

        Where the people above have addresses, one without is reason enough.
        """
        word = text.partition(" ")[0]
        return "@" in value or len(f"{self._lines[self._end - 1].text} {word}") >= _NARROWEST

    def _word_follows(self) -> bool:
        """Whether a known word, not read yet, comes within the next lines."""
        ahead = _AHEAD_IF_ANNOUNCED if self._announced else _AHEAD
        for line in self._lines[self._end + 1 : self._end + 1 + ahead]:
            if line.is_blank or line.depth != self._depth:
                return False
            label = self._label(line.text)
            if label is not None and label.role is not None:
                return label.role not in self._fields
            # Below a separator, in an unknown language.
            is_foreign = self._announced and HeaderWord.SENDER not in self._fields
            if label is not None and is_foreign and is_people(label.value):
                return True
        return False

    def role_of(self, value: str, *, answers: bool) -> HeaderWord | None:
        """Return the role of a value; `answers`: the people in it are those to reply to."""
        candidates: tuple[HeaderWord, ...] = (HeaderWord.SUBJECT,)
        if is_people(value):
            copies = (
                (HeaderWord.REPLY_TO,)
                if answers
                else (HeaderWord.TO, HeaderWord.CC, HeaderWord.REPLY_TO)
            )
            candidates = (HeaderWord.SENDER, *copies)
        elif "@" in value:  # ids of other mails: `Referenzen: <1@example.org> <2@example.org>`
            return None
        elif parse_date(value, zone=UTC) is not None:
            candidates = (HeaderWord.DATE,)
        return next((role for role in candidates if role not in self._fields), None)

    def is_block(self) -> bool:
        """Whether what was read is a header: it names its author and says enough besides."""
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
        for others in sets:  # Untranslated words don't count: `Od`, `Za`, `Subject`.
            languages = languages & others or languages
        return tuple(sorted(languages))


def is_framed(lines: Sequence[TextLine], start: int) -> bool:
    """Whether there are only words with values between a separator and an empty line."""
    for number, line in enumerate(lines[start : start + _LONGEST_FRAME]):
        if line.is_blank:
            return number >= _SHORTEST_FRAME
        if line.depth != lines[start].depth or read_label(line.text) is None:
            return False
    return False


def _fold_case(subject: str) -> str:
    return " ".join(without_prefixes(subject).casefold().split())
