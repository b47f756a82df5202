"""The line above a quoted mail that names its author: `On 28/10/2021, Ann <a@x> wrote:`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.language.am_pm import without_half
from gateway.core.replies.forwarded.language.introwords import (
    FILLER,
    PREPOSITION,
    PREPOSITIONS,
    find_verb,
)
from gateway.core.replies.forwarded.lines import TextLine, is_quoted_below, unwrapped_texts
from gateway.core.replies.forwarded.mailboxes import Mailbox, parse_mailbox
from gateway.core.replies.forwarded.separators import is_announcement

_LONGEST = 400
_FEW_WORDS = 3

_NO_PART = r"\s<>()\[\]\"„“”«»,;:@"
ADDRESS = re.compile(
    rf"[(\[]?<?(?:mailto:)?(?<![^{_NO_PART}])[^{_NO_PART}]{{1,128}}@[^{_NO_PART}]{{1,255}}>?[)\]]?"
)
_QUOTED_NAME = re.compile(r"[\"“„«”]\s?([^\"“”„«»]{1,100})[\"“”»]\s*$")
_DIGIT = re.compile(r"\d")
_ENDS_IN_TIME = re.compile(r"\d[:.]\d\d\Z")
#: A person's name as usually written: at least two words, capitalised if the script has capitals.
_WORD = r"[^\W\d_a-zß-öø-ÿа-яα-ω][^\s,;:@]{0,40}"
_PERSON = re.compile(rf"{_WORD}(?: {_WORD}){{1,5}}")
#: With seconds, as programs write them and people don't.
_TO_THE_SECOND = re.compile(r"\d[:.]\d\d[:.]\d\d(?!\d)")
_TIME = re.compile(r"\d[:.]\d\d(?:[:.]\d\d)?(?!\d)Z?")
#: What may be between a time and a name: `PM GMT+01:00`, `ч. Гринуич+01:00`, `-0500`. (A dash may
#: also separate them: `23.11.2026 09:15 - 3C Group`.)
_OFFSET = re.compile(
    r"\W{0,3}(?:[^\W\d]{1,14}\W{1,3}){0,3}[^\W\d]{0,14}\W{0,2}"
    r"(?:(?:(?<=GMT)[−-]|(?<=UTC)[−-]|\+)\d{1,2}(?::?\d\d)?|[−-][01]\d:?\d\d)(?!\d)[\])]{0,2}"
)
_ENDS_IN_ADDRESS = re.compile(r"\S@\S+\Z")
#: A weekday between date and name.
_BRACKET = re.compile(r"^(?:[^()]*\)|\s*\([^()]*\))")
_RUN_ON = re.compile(r"(?<=[^\W\d]|>):\s{2,}(?=\S)")
_LONGEST_VERB = 40
#: A whole sentence without a date: not part of a wrapped introduction.
_SENTENCE = re.compile(r"\D{20,}[^\W\d]{3}[.!?]")
_DATED = re.compile(r"\W{0,3}(?:[^\W\d]{1,14}[.,]?\W{1,2})?\d")
#: What may be before a date that nothing else is said of: `W dniu`, `Le lun.`, `On Mon, Nov`.
_ON = "|".join((*PREPOSITIONS, "in data", "il giorno", "dnia", "pe"))
_BEFORE_DATE = re.compile(
    rf"(?:(?:{_ON})\s+(?:[^\W\d]{{2,14}}[.,]{{0,2}}\s+){{0,2}})?(?=\d)", re.IGNORECASE
)
#: What is written small in a name.
_PARTICLE = (
    "van|von|vom|zu|zur|zum|de|der|den|des|del|della|di|da|do|dos|das|du|la|le|el|al|bin|ibn|ten|ter"
    "|te|af|av|’t|'t|y|e|i"
)
#: As `_PERSON`, with particles.
_FULL_NAME = re.compile(
    rf"(?=.* )(?:(?:{_PARTICLE}) ){{0,3}}{_WORD}(?: (?:(?:{_PARTICLE}) ){{0,3}}{_WORD}){{0,5}}"
)
_TRIM = " \t,;:，：、،.-–־[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intro:
    """Who wrote the quoted text below, and when."""

    sender: Mailbox
    date: str
    end: int
    rest: str = ""  #: The start of the quoted mail, if it is on its last line.
    is_forward: bool = False  #: Whether its words say that the text below was forwarded.


def read_intro(lines: Sequence[TextLine], start: int, *, announced: bool = False) -> Intro | None:
    """Parse the line, or up to three it was wrapped into, that introduces a quoted mail.

    `announced`: there is a separator above, so no word for writing is needed.
    """
    text = lines[start].text[:_LONGEST]
    if _RUN_ON.search(text) is not None and (run_on := read_run_on(lines, start)) is not None:
        return run_on
    above = ""
    for text, end in unwrapped_texts(lines, start, longest=_LONGEST):
        if _SENTENCE.fullmatch(above) is not None:
            return None  # the forwarder's own text, right above the introduction
        if text[-1] in ":：" or (is_quoted_below(lines, end) and _ends_written(text)):
            intro = _intro(text.strip("-– "), lines, end, announced)
            return None if intro and is_whole_below(lines, start, intro.end, announced) else intro
        above = text
    return None


def is_whole_below(lines: Sequence[TextLine], start: int, end: int, announced: bool) -> bool:
    """Whether a line is the forwarder's own because the introduction below is complete without it.

        Please file this
        Am 04.03.2026 um 10:11 schrieb Ann Roe <ann@example.org>:

    Part of an introduction would have its date or the only address, or start it: `On Wednesday,`.
    The last line of a signature has an address too, but not the only one.
    """
    text = lines[start].text
    words = text.split()
    begins = len(words) <= _FEW_WORDS and PREPOSITION.fullmatch(words[0]) is not None
    if end == start + 1 or begins:
        return False
    has_date, has_address = _DIGIT.search(text) is not None, "@" in text
    for later in range(start + 1, end):
        below = read_intro(lines, later, announced=announced)
        if below is None or (has_address and not below.sender.address):
            continue
        is_dated = parse_date(below.date, zone=UTC) is not None
        if is_dated or (not has_date and below.sender.name and below.sender.address):
            return True
    return False


def read_run_on(lines: Sequence[TextLine], start: int) -> Intro | None:
    """Parse an introduction followed by the quoted mail on the same line, as in Yahoo's app."""
    text, rest = _RUN_ON.split(lines[start].text, maxsplit=1)
    if find_verb(text) is None:
        return None
    intro = _intro(f"{text}:", lines, start + 1, announced=False)
    return replace(intro, rest=rest.strip()) if intro is not None else None


def read_unquoted_intro(lines: Sequence[TextLine], start: int) -> Intro | None:
    """Parse an introduction with neither an address nor a quotation below, as Balsa writes it.

        Le 23/11/2026 09:15:00, Ann Roe a écrit :
        Bonjour,

    It must say nothing else, or it is a sentence of the forwarder's own: there is a moment, a verb
    and a name, of whatever words only if the time has seconds.
    """
    if start and not lines[start - 1].is_blank:
        return None
    for text, end in unwrapped_texts(lines, start, longest=_LONGEST):
        if text[-1] not in ":：":
            continue
        wrote = find_verb(text)
        if wrote is None or "@" in text or all(line.is_blank for line in lines[end:]):
            return None
        name, dated = _name_and_date(text, wrote, None)
        date = dated.removesuffix(name).strip(_TRIM)
        is_name = _TO_THE_SECOND.search(date) or _FULL_NAME.fullmatch(name)
        if not name or not is_name or not is_moment(date) or is_quoted_below(lines, end):
            return None
        return Intro(sender=Mailbox(name, ""), date=date, end=end)
    return None


def is_moment(text: str) -> bool:
    """Whether a text is a date with a time and nothing else: `Am 4. März 2026 um 10:11 Uhr`."""
    led = _BEFORE_DATE.match(text) or _DATED.match(text)
    times = list(_TIME.finditer(text))
    if led is None or not times or parse_date(text, zone=UTC) is None:
        return False
    offset = _OFFSET.match(text, times[-1].end())
    return not _name(without_half(text[(offset or times[-1]).end() :]))


def read_framed_intro(lines: Sequence[TextLine], start: int) -> Intro | None:
    """Parse an introduction between dashes: `---- On 4 March 2026, Ann <ann@x> wrote ----`."""
    text = lines[start].text.strip("-–— ")
    if len(text) > _LONGEST or not _ends_written(text):
        return None
    return _intro(text, lines, start + 1, announced=False)


def _intro(text: str, lines: Sequence[TextLine], end: int, announced: bool) -> Intro | None:
    quoted = is_quoted_below(lines, end)
    address = ADDRESS.search(text)
    if not quoted and address is None:
        return None
    wrote = find_verb(text)
    below = next((line for line in lines[end : end + 3] if not line.is_blank), None)
    if wrote is None and below is not None and is_announcement(below.text):
        return None  # the forwarder's own text: `Called ann@example.org on 4 March:`
    if wrote is not None and address is not None and not quoted:
        quoted = below is not None and below.is_indented  # by a tab, as s-nail's `~Q` does
    name, date = _name_and_date(text, wrote, address)
    if not says_who_wrote(
        text, name, date, (quoted, announced, wrote is not None, address is not None)
    ):
        return None
    sender = parse_mailbox(address[0].strip("()[]")) if address else None
    mailbox = Mailbox(name, sender.address if sender else "")
    return Intro(sender=mailbox, date=date, end=end) if mailbox != Mailbox("", "") else None


def says_who_wrote(text: str, name: str, date: str, signs: tuple[bool, bool, bool, bool]) -> bool:
    """Whether there is enough evidence that a line names the author of the text below."""
    quoted, announced, written, addressed = signs
    if _DIGIT.search(text) is None:
        return quoted and written and (addressed or _PERSON.fullmatch(name) is not None)
    if addressed:
        return quoted or written or announced or is_stamped(text, date)
    if written:
        return quoted
    is_dated = _DATED.match(text) is not None and parse_date(date, zone=UTC) is not None
    return quoted and is_dated and _PERSON.fullmatch(name) is not None


def is_stamped(text: str, date: str) -> bool:
    """Whether a line is a date, a name and an address: `23.11.2026 09:15:02 Ann Roe <ann@x>:`.

    FairEmail puts this above a forwarded mail without quoting it.
    """
    return (
        text.startswith(date)
        and _ENDS_IN_ADDRESS.search(text.rstrip(":：")) is not None
        and _TO_THE_SECOND.search(date) is not None
        and parse_date(date, zone=UTC) is not None
    )


def _ends_written(text: str) -> bool:
    """Whether a line without a colon ends in the verb: `-- On 4 March, Ann Roe wrote --`."""
    end = text.rstrip("-– ")[-_LONGEST_VERB:]
    verb = find_verb(end)
    return verb is not None and verb.end() == len(end)


def _name_and_date(
    text: str, wrote: re.Match[str] | None, address: re.Match[str] | None
) -> tuple[str, str]:
    """Split an introduction into name and date: around the verb, else after the last digits."""
    if address is None and wrote is not None:
        before, after = text[: wrote.start()], text[wrote.end() :]
        for name, date in ((before, after), (after, before)):
            if name.strip(_TRIM) and _DIGIT.search(name) is None:
                return _name(PREPOSITION.sub("", name)), date.strip(_TRIM)
    if wrote is not None:
        text = f"{text[: wrote.start()]}\0{text[wrote.end() :]}"
    address = ADDRESS.search(text) if address else None
    before, after = (text[: address.start()], text[address.end() :]) if address else (text, "")
    return around_address(before.replace("\0", " "), after.replace("\0", " "), address is not None)


def around_address(before: str, after: str, addressed: bool) -> tuple[str, str]:
    """Split the text before and after an address, or a text without one."""
    if _DIGIT.search(before) is None:
        return _name(before), PREPOSITION.sub("", after).strip(_TRIM)
    quoted = _QUOTED_NAME.search(before)
    if quoted is not None:
        return _name(quoted[1]), before[: quoted.start()].strip(_TRIM)
    end, is_time = _date_end(before)
    name = _name(without_half(before[end:]) if is_time else before[end:])
    if name or addressed:
        return name, before.removesuffix(name).strip(_TRIM)
    start = _DIGIT.search(before).start()  # type: ignore[union-attr]
    return _name(PREPOSITION.sub("", before[:start])), before[start:].strip(_TRIM)


def _date_end(text: str) -> tuple[int, bool]:
    """Return the end of a date before a name, and whether its time ends there, too.

    That is after the time and its offset if the date is complete by then, else after the last
    digit. (A name may also contain digits.)
    """
    for time in _TIME.finditer(text):
        if parse_date(text[: time.end()], zone=UTC) is not None:
            offset = _OFFSET.match(text, time.end())
            return (offset or time).end(), True
    end = max(match.end() for match in _DIGIT.finditer(text))
    return end, _ENDS_IN_TIME.search(text[:end]) is not None


def _name(text: str) -> str:
    """Strip everything that surrounds a name."""
    text = _BRACKET.sub("", text).strip(_TRIM)
    while (match := FILLER.match(text)) is not None:
        text = text[match.end() :].lstrip(_TRIM)
    name = text.strip(_TRIM + "\"'„“”«»()<>[]*")
    if name.count("(") > name.count(")"):  # `Roe, Ann (HR)`
        name += text[text.index(name) + len(name) :].partition(")")[0] + ")"
    return name
