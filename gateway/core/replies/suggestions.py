"""Which applications a mail that could not be filed is probably about, and why.

It is only ever a suggestion: a person decides. An application is suggested if the mail names it or
its person (`FINDS`); all other evidence only affects the ranking.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from gateway.core.feed.addresses_in_text import addresses_in
from gateway.core.people.applications import KnownApplication
from gateway.core.replies.subject_prefixes import without_prefixes
from gateway.core.written import as_read

MOST = 5  #: The most applications to suggest.
MOST_ADDRESSES = 20
MOST_NUMBERS = 60
MOST_NAMES = 150
_MOST_LAST_NAMES = 800
_LONGEST_SUBJECT = 1_000
_LONGEST_TEXT = 20_000  #: Characters of a text that are examined: for quoted text, the first.
_AROUND = timedelta(days=120)  #: How long after applying people are likely to write about it.
_LATELY = timedelta(days=60)

_NUMBER = re.compile(r"(?<![\w./-])(?=[\w./-]{0,40}\d)[^\W_][\w./-]{0,40}(?<![./-])", re.UNICODE)
_CAPITAL = r"[^\W\d_a-zà-öø-ÿ][\w'’.-]{0,40}"
_PARTICLES = r"(?:(?:van|von|de|den|der|del|di|da|du|la|le|ten|ter|te|zu|zur|el|al|bin)\s){0,3}"
_NAME = re.compile(rf"(?=\b({_CAPITAL},?\s{_PARTICLES}{_CAPITAL}(?:\s{_CAPITAL})?))")


class SuggestionReason(StrEnum):
    """Evidence for an application, or against it."""

    NUMBER_IN_SUBJECT = "number_in_subject"
    SENDER = "sender"  #: The mail, or the one inside it, comes from the person's address.
    NUMBER_IN_TEXT = "number_in_text"
    SENDER_NAME = "sender_name"
    NAME_IN_SUBJECT = "name_in_subject"
    ADDRESS_IN_TEXT = "address_in_text"
    NAME_IN_TEXT = "name_in_text"
    SLIP = "slip"  #: The subject has a number that differs by one character.
    TITLE_IN_SUBJECT = "title_in_subject"
    LATELY_REPLIED = "lately_replied"  #: A reply was filed there shortly before.
    SUBMITTED_BEFORE = "submitted_before"  #: It was submitted in the months before the mail.
    SUBMITTED_AFTER = "submitted_after"
    CLOSED = "closed"


_R = SuggestionReason
#: The basis given for these is a date, `2026-03-12`.
DATED_REASONS = frozenset((_R.SUBMITTED_BEFORE, _R.SUBMITTED_AFTER, _R.LATELY_REPLIED))

WEIGHTS = {
    _R.NUMBER_IN_SUBJECT: 100,
    _R.SENDER: 60,
    _R.NUMBER_IN_TEXT: 40,
    _R.SENDER_NAME: 30,
    _R.NAME_IN_SUBJECT: 25,
    _R.ADDRESS_IN_TEXT: 20,
    _R.NAME_IN_TEXT: 12,
    _R.SLIP: 20,
    _R.TITLE_IN_SUBJECT: 15,
    _R.LATELY_REPLIED: 10,
    _R.SUBMITTED_BEFORE: 8,
    _R.SUBMITTED_AFTER: -20,
    _R.CLOSED: -6,
}
#: Reasons that name an application or its person: without one, there is no suggestion.
FINDS = frozenset(
    {
        _R.NUMBER_IN_SUBJECT,
        _R.SENDER,
        _R.NUMBER_IN_TEXT,
        _R.SENDER_NAME,
        _R.NAME_IN_SUBJECT,
        _R.ADDRESS_IN_TEXT,
        _R.NAME_IN_TEXT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailWords:
    """The parts of a mail that may name an application."""

    subjects: tuple[str, ...]  #: The mail's, and that of the mail inside it.
    texts: tuple[str, ...]
    #: The sender of the mail inside it, then its own: in lookup form.
    senders: tuple[str, ...] = ()
    sender_names: tuple[str, ...] = ()
    date: datetime | None = None  #: That of the mail inside it, or else the arrival time.


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionClues:
    """What to look up: each list is bounded, whatever a mail contains."""

    senders: tuple[str, ...]
    addresses: tuple[str, ...]  #: Found in the texts.
    subject_numbers: tuple[str, ...]
    text_numbers: tuple[str, ...]
    sender_names: tuple[str, ...]
    subject_names: tuple[str, ...]
    text_names: tuple[str, ...]
    subject: str  #: All subjects, normalised.
    date: datetime | None

    @property
    def numbers(self) -> tuple[str, ...]:
        """Everything that may be an application's reference."""
        return tuple(dict.fromkeys((*self.subject_numbers, *self.text_numbers)))

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that may be a person's name."""
        return tuple(dict.fromkeys((*self.sender_names, *self.subject_names, *self.text_names)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleApplication:
    """An application found by a clue, with its person."""

    known_application: KnownApplication
    first_name: str = ""
    last_name: str = ""
    addresses: frozenset[str] = frozenset()  #: In lookup form.
    last_reply: datetime | None = None  #: When the last reply was filed under it.

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    def is_called(self, name: str) -> bool:
        """Whether a text is the person's name."""
        return is_name_of(name, self.first_name, self.last_name)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An application that a mail is probably about."""

    application: PossibleApplication
    reasons: tuple[tuple[SuggestionReason, str], ...]  #: Strongest first, each with its basis.

    @property
    def weight(self) -> int:
        """The total weight of its reasons."""
        return sum(WEIGHTS[reason] for reason, _ in self.reasons)


def clues_of(words: MailWords) -> SuggestionClues:
    """Return what in a mail may lead to an application, in order of appearance."""
    subjects = [without_prefixes(text[:_LONGEST_SUBJECT]) for text in words.subjects]
    texts = [text[:_LONGEST_TEXT] for text in words.texts]
    addresses = [address.casefold() for text in texts for address in addresses_in(text)[0]]
    subject_numbers = _bounded(_numbers(subjects), MOST_NUMBERS)
    text_numbers = _bounded(_numbers(texts), MOST_NUMBERS)
    return SuggestionClues(
        senders=_bounded(filter(None, words.senders), MOST_ADDRESSES),
        addresses=_bounded(addresses, MOST_ADDRESSES, but=words.senders),
        subject_numbers=subject_numbers,
        text_numbers=tuple(number for number in text_numbers if number not in subject_numbers),
        sender_names=_bounded(filter(None, map(str.strip, words.sender_names)), MOST_NAMES),
        subject_names=_bounded(_names(subjects), MOST_NAMES),
        text_names=_bounded(_names(texts), MOST_NAMES),
        subject=f" {as_read(' '.join(subjects))} ",
        date=words.date,
    )


def suggestions(
    clues: SuggestionClues,
    applications: Iterable[PossibleApplication],
    *,
    zone: tzinfo,
) -> tuple[Suggestion, ...]:
    """Return the likeliest applications, best first; those that nothing names are left out.

    Dates in reasons are in `zone`.
    """
    likely = []
    for application in applications:
        reasons = sorted(_reasons(clues, application, zone), key=lambda reason: -WEIGHTS[reason[0]])
        if any(reason in FINDS for reason, _ in reasons):
            likely.append(Suggestion(application, tuple(reasons)))

    def order(suggestion: Suggestion) -> tuple[int, float, str]:
        of_it = suggestion.application.known_application.application
        submitted = of_it.submitted_at.timestamp() if of_it.submitted_at else 0.0
        return -suggestion.weight, -submitted, of_it.reference

    return tuple(sorted(likely, key=order)[:MOST])


def _reasons(
    clues: SuggestionClues, possible: PossibleApplication, zone: tzinfo
) -> Iterator[tuple[SuggestionReason, str]]:
    yield from _reasons_in_numbers(clues, possible.known_application.application.reference)
    yield from _reasons_in_person(clues, possible)
    about = as_read(possible.known_application.about)
    if about and f" {about} " in clues.subject:
        yield _R.TITLE_IN_SUBJECT, possible.known_application.about
    if clues.date is not None:
        yield from _reasons_in_time(clues.date, possible, zone)
    if possible.known_application.closed:
        yield _R.CLOSED, possible.known_application.status_name


def _reasons_in_numbers(
    clues: SuggestionClues, reference: str
) -> Iterator[tuple[SuggestionReason, str]]:
    if reference in clues.subject_numbers:
        yield _R.NUMBER_IN_SUBJECT, reference
    elif reference in clues.text_numbers:
        yield _R.NUMBER_IN_TEXT, reference
    else:
        slips = (number for number in clues.subject_numbers if is_slip(number, reference))
        if slip := next(slips, ""):
            yield _R.SLIP, slip


def _reasons_in_person(
    clues: SuggestionClues, possible: PossibleApplication
) -> Iterator[tuple[SuggestionReason, str]]:
    for addresses, reason in ((clues.senders, _R.SENDER), (clues.addresses, _R.ADDRESS_IN_TEXT)):
        if address := next((address for address in addresses if address in possible.addresses), ""):
            yield reason, address
            break
    by_names = (
        (clues.sender_names, _R.SENDER_NAME),
        (clues.subject_names, _R.NAME_IN_SUBJECT),
        (clues.text_names, _R.NAME_IN_TEXT),
    )
    for names, reason in by_names:
        if name := next((name for name in names if possible.is_called(name)), ""):
            yield reason, name
            break


def _reasons_in_time(
    date: datetime, possible: PossibleApplication, zone: tzinfo
) -> Iterator[tuple[SuggestionReason, str]]:
    submitted, last = possible.known_application.application.submitted_at, possible.last_reply
    if submitted is not None and submitted > date:
        yield _R.SUBMITTED_AFTER, f"{submitted.astimezone(zone):%Y-%m-%d}"
    elif submitted is not None and date - submitted <= _AROUND:
        yield _R.SUBMITTED_BEFORE, f"{submitted.astimezone(zone):%Y-%m-%d}"
    if last is not None and abs(date - last) <= _LATELY:
        yield _R.LATELY_REPLIED, f"{last.astimezone(zone):%Y-%m-%d}"


def is_slip(number: str, reference: str) -> bool:
    """Whether a number is a reference with a character wrong, missing, extra, or two swapped.

    For short numbers nearly every such match is another application's: `4712` proves nothing about
    `4711`, but once the person is known it is enough.
    """
    if number == reference or abs(len(number) - len(reference)) > 1 or len(reference) < 3:
        return False
    shorter, longer = sorted((number, reference), key=len)
    first = next((n for n, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), -1)
    if first < 0:
        return True
    if len(shorter) < len(longer):
        return shorter[first:] == longer[first + 1 :]
    is_swapped = shorter[first : first + 2] == longer[first : first + 2][::-1]
    return shorter[first + 1 :] == longer[first + 1 :] or (
        is_swapped and shorter[first + 2 :] == longer[first + 2 :]
    )


def is_name_of(name: str, first_name: str, last_name: str) -> bool:
    """Whether a text is a person's name, in either order: `Smit, Ann` is Ann Smit."""
    first, last = as_read(first_name), as_read(last_name)
    if not (first and last):
        return False
    read = as_read(name)
    # In any order: `Berg, Anna van der`.
    is_same = sorted(read.split()) == sorted(f"{first} {last}".split())
    return is_same or read.startswith(f"{first} {last} ")


def last_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return what may be the last name in some names, as written and with capitals.

    For `Anna van der Berg` that is `van der Berg`, `der Berg`, `Berg` and `Anna`.
    """
    parts: dict[str, None] = {}
    for name in names:
        words = [word.strip(",.;") for word in name.split()[:6]]
        for start in range(len(words)):
            for part in (" ".join(words[start:]), *words[:1]):
                for spelling in (part, part.title(), part[:1].upper() + part[1:]):
                    parts[spelling] = None
    return tuple(parts)[:_MOST_LAST_NAMES]


def _numbers(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for number in _NUMBER.finditer(text):
            yield number[0]


def _names(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for line in text.splitlines():
            for name in _NAME.finditer(line):
                words = name[1].split()
                yield " ".join(words)
                if len(words) > 2:
                    yield " ".join(words[:2])


def _bounded(texts: Iterable[str], most: int, *, but: Sequence[str] = ()) -> tuple[str, ...]:
    distinct_texts: dict[str, None] = {}
    for text in texts:
        if text not in but:
            distinct_texts[text] = None
        if len(distinct_texts) == most:
            break
    return tuple(distinct_texts)
