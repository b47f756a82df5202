"""The wording of notes: one text file per language, which ops may edit.

A file is made of sections. `[name]` on a line of its own starts one; a line that starts with `#`
is a comment; blank lines around a section's text don't count. In `[words]` every line is
`key = text`; elsewhere `$placeholder` stands for a value and `$$` for a dollar sign. A line in
which a placeholder has no value is left out, so what isn't known is never half said.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Template
from types import MappingProxyType

from gateway.core.ascii_text import ascii_text
from gateway.core.errors import FileUnusable
from gateway.core.kinds import Scope, State

MAX_FIRST_LINE = 300  #: Octets of the short form's first line, its values at their longest.
MAX_LAST_LINE = 180  #: The same of its last line; with the first it fits into a reply.
MAX_SHORT_VALUE = 40  #: Letters of one value in the short form.
MAX_SHORT_REASONS = 80  #: Letters of several reasons, named one after the other.

_REASON = frozenset(("name", "scope", "since", "until", "origin", "remark", "person", "address"))
_SHORT = frozenset(("id", "state", "name", "scope", "since", "until", "origin", "feed"))

#: Every section, with the placeholders it may use.
SECTIONS: Mapping[str, frozenset[str]] = {
    "words": frozenset(),
    "date": frozenset(("day", "month", "year")),
    "moment": frozenset(("date", "hour", "minute")),
    "short group": _SHORT,
    "short status": _SHORT,
    "short staff": _SHORT,
    "short staff person": _SHORT | {"person"},
    "short opt out": _SHORT,
    "short last known": _SHORT,
    "short unread status": _SHORT,
    "short shared": frozenset(("id", "state", "count", "names", "feed")),
    "short personal": frozenset(),
    "short personal shared": frozenset(),
    "short several": frozenset(("id", "state", "count", "names")),
    "short last": frozenset(("id", "state", "reason")),
    "full": frozenset(
        (
            *("state", "recipient", "id", "now", "kind", "rule"),
            *("reasons", "feed", "persons", "personal"),
        )
    ),
    "group": _REASON,
    "status": _REASON,
    "staff": _REASON,
    "staff person": _REASON,
    "opt out": _REASON,
    "last known": _REASON,
    "unread status": _REASON,
    "personal": frozenset(),
    "personal shared": frozenset(("persons",)),
    "no personal": frozenset(),
    "no personal shared": frozenset(("persons",)),
    "report subject": frozenset(("state", "subject", "recipients")),
    "report": frozenset(
        ("subject", "now", "id", "count", "recipients", "others", "given_up"),
    ),
    "reports subject": frozenset(("state", "messages", "count")),
    "reports": frozenset(("messages", "count", "sender", "since", "now")),
    "reports message": frozenset(("id", "now", "subject")),
    "reports more": frozenset(("more", "sender", "day")),
}

#: Of a group somebody is in by Mailchimp's word; without it the group's section serves.
OPT_OUT = "opt out"
#: Of a person whom staff suppress at every address; "staff" is about a single address.
STAFF_PERSON = "staff person"
#: The line every short form of several lines ends with, for programs that show the last one only.
SHORT_LAST = "short last"
#: Ends the names of sections about an address that several people have.
SHARED = "shared"
_LAST = "$state: $reason. $id"  #: In files that have no such section.
#: Sections that wording of one's own may lack: it has them from what is shipped.
_SHIPPED = (
    *(SHORT_LAST, "reports subject", "reports", "reports message", "reports more"),
    *("last known", "short last known", "short shared"),
    *("unread status", "short unread status"),
    *(STAFF_PERSON, f"short {STAFF_PERSON}"),
    *("short personal shared", "personal shared", "no personal shared"),
)
#: Words it may lack in the same way.
_SHIPPED_WORDS = ("blocked_person", "last_known", "unread_status")
_OPTIONAL = frozenset((OPT_OUT, f"short {OPT_OUT}", SHORT_LAST))

#: Every key of `[words]`; `scope_bulk` says what a person gets who is out of bulk mail.
WORDS = (
    *State,
    *("bulk", "individual"),
    *(f"scope_{scope}" for scope in Scope),
    *("blocked_address", "blocked_person", "last_known", "unread_status"),
    *("months", "first_day"),
)

_HEADING = re.compile(r"\[([a-z ]+)\]\s*\Z")
_REPLIES = (
    *("short group", "short status", "short staff", "short opt out", "short several"),
    *("short last known", "short unread status", "short shared", f"short {STAFF_PERSON}"),
)
_MOST_LETTERS = {"names": MAX_SHORT_REASONS, "reason": MAX_SHORT_REASONS}
_ALWAYS_KNOWN = frozenset(("id", "state", "name", "scope", "count", "names"))


class BadNoteTemplate(FileUnusable):
    """The wording of notes can't be used; the text names file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class WordingLine:
    """One line of wording."""

    format: str  #: With `%(name)s` for a placeholder.
    names: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTemplate:
    """The wording of notes in one language."""

    language: str  #: Two letters.
    words: Mapping[str, str]
    sections: Mapping[str, tuple[WordingLine, ...]]

    def state(self, state: State) -> str:
        """Return what people call a delivery's state: `verzenden mislukt`."""
        return self.words[state]

    @property
    def send_failed(self) -> str:
        """The state all notes are about, as a line begins with it: `Verzenden mislukt`."""
        text = self.state(State.SEND_FAILED)
        return text[:1].upper() + text[1:]

    def scope(self, scope: Scope) -> str:
        """Return what a person under a suppression of that scope gets: `geen bulk-mail`."""
        return self.words[f"scope_{scope}"]

    def date(self, moment: datetime) -> str:
        """Return the day of an aware time, in the time's own zone: `12 maart 2026`."""
        month = self.words["months"].split()[moment.month - 1]
        day = self.words["first_day"] if moment.day == 1 else str(moment.day)
        values = {"day": day, "month": month, "year": str(moment.year)}
        return " ".join(self.fill("date", values))

    def moment(self, moment: datetime) -> str:
        """Return day and time of an aware time, in its own zone: `12 maart 2026 om 08:05`."""
        values = {
            "date": self.date(moment),
            "hour": f"{moment.hour:02}",
            "minute": f"{moment.minute:02}",
        }
        return " ".join(self.fill("moment", values))

    def fill(self, section: str, values: Mapping[str, str]) -> list[str]:
        """Return a section's lines with values; a line that lacks one of its values is left out."""
        return [
            line.format % values
            for line in self.sections[section]
            if all(values[name] for name in line.names)
        ]


def parse_template(
    text: str, language: str, source: str = "", shipped: NoteTemplate | None = None
) -> NoteTemplate:
    """Read the wording of one language; `source` names the file in errors.

    What it may lack is taken from the `shipped` wording.
    Raise `BadNoteTemplate` for sections, words or placeholders that are unknown, missing or given
    twice, and for a first or last line of the short form that might not tell the journal's id.
    """
    source = source or f"{language}.txt"
    raw = _split(text, source)
    given = dict.fromkeys(_SHIPPED) if shipped is not None else {}
    for name in SECTIONS:
        if name not in raw and name not in _OPTIONAL and name not in given:
            raise BadNoteTemplate(f"{source}: the section [{name}] is missing")
    sections = {
        name: tuple(_line(line, number, name, source) for number, line in _trimmed(lines))
        for name, lines in raw.items()
        if name != "words"
    }
    if shipped is not None:
        sections = {name: shipped.sections[name] for name in _SHIPPED} | sections
    sections.setdefault(SHORT_LAST, (_line(_LAST, 0, SHORT_LAST, source),))
    for name in _REPLIES:
        if name in sections:
            _check_first_line(sections[name], name, source)
    _check_last_line(sections[SHORT_LAST], source)
    return NoteTemplate(
        language=language,
        words=MappingProxyType(_words(raw["words"], source, shipped)),
        sections=MappingProxyType(sections),
    )


def exactly(templates: Mapping[str, NoteTemplate], language: str) -> NoteTemplate | None:
    """Return the wording of one language, `de` standing in for `de-AT`; None: there is none."""
    return templates.get(re.split("[-_]", language.strip().lower())[0])


def pick(templates: Mapping[str, NoteTemplate], *languages: str) -> NoteTemplate:
    """Return the wording for the first language there is one for, `de` standing in for `de-AT`.

    Without any of them it is the first of `templates`, which must not be empty.
    """
    for language in languages:
        found = templates.get(language[:2].lower())
        if found is not None:
            return found
    return next(iter(templates.values()))


_Numbered = list[tuple[int, str]]


def _split(text: str, source: str) -> dict[str, _Numbered]:
    sections: dict[str, _Numbered] = {}
    lines: _Numbered | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if line.startswith("#"):
            continue
        heading = _HEADING.match(line)
        if heading is not None:
            lines = sections.setdefault(_section(heading[1], sections, f"{source}:{number}"), [])
        elif lines is not None:
            lines.append((number, line.rstrip()))
        elif line.strip():
            raise BadNoteTemplate(f"{source}:{number}: text before the first [section]")
    return sections


def _section(name: str, seen: Mapping[str, _Numbered], where: str) -> str:
    if name not in SECTIONS:
        raise BadNoteTemplate(f"{where}: unknown section [{name}]; there are {_list(SECTIONS)}")
    if name in seen:
        raise BadNoteTemplate(f"{where}: the section [{name}] occurs twice")
    return name


def _trimmed(lines: _Numbered) -> _Numbered:
    filled = [index for index, (_, line) in enumerate(lines) if line]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _line(text: str, number: int, section: str, source: str) -> WordingLine:
    where = f"{source}:{number}: [{section}]"
    template = Template(text)
    if not template.is_valid():
        raise BadNoteTemplate(f"{where}: a lone $ (write $$ for a dollar sign)")
    names = frozenset(template.get_identifiers())
    for name in sorted(names - SECTIONS[section]):
        known = _list(f"${known}" for known in sorted(SECTIONS[section])) or "none"
        raise BadNoteTemplate(f"{where}: unknown placeholder ${name}; there are {known}")
    text = Template(text.replace("%", "%%")).substitute({name: f"%({name})s" for name in names})
    return WordingLine(text, names)


def _check_first_line(lines: tuple[WordingLine, ...], section: str, source: str) -> None:
    if not lines or not lines[0].names.issuperset(("id", "state")):
        raise BadNoteTemplate(f"{source}: [{section}]: the first line must have $state and $id")
    for name in sorted(lines[0].names - _ALWAYS_KNOWN):
        raise BadNoteTemplate(
            f"{source}: [{section}]: ${name} may be unknown: not in the first line"
        )
    if _longest(lines[0]) > MAX_FIRST_LINE:
        raise BadNoteTemplate(f"{source}: [{section}]: the first line is too long")


def _check_last_line(lines: tuple[WordingLine, ...], source: str) -> None:
    where = f"{source}: [{SHORT_LAST}]"
    if len(lines) != 1 or lines[0].names != SECTIONS[SHORT_LAST]:
        raise BadNoteTemplate(f"{where}: must be one line with $state, $reason and $id")
    if _longest(lines[0]) > MAX_LAST_LINE:
        raise BadNoteTemplate(f"{where}: the line is too long")


def _longest(line: WordingLine) -> int:
    values = {name: "x" * (_MOST_LETTERS.get(name, MAX_SHORT_VALUE)) for name in line.names}
    return len(ascii_text(line.format % values))  # `ß` becomes two letters.


def _words(lines: _Numbered, source: str, shipped: NoteTemplate | None) -> dict[str, str]:
    words: dict[str, str] = {}
    stand_ins = {key: shipped.words[key] for key in _SHIPPED_WORDS} if shipped else {}
    for number, line in lines:
        key, equals, value = (part.strip() for part in line.partition("="))
        if not line:
            continue
        if not (equals and value):
            raise BadNoteTemplate(f"{source}:{number}: [words]: write it as `key = text`")
        if key not in WORDS or key in words:
            known = _list(WORDS)
            raise BadNoteTemplate(f"{source}:{number}: [words]: {key}: once each of {known}")
        words[key] = value
    words = stand_ins | words
    for key in WORDS:
        if key not in words:
            raise BadNoteTemplate(f"{source}: [words]: {key} is missing")
    if len(words["months"].split()) != 12:
        raise BadNoteTemplate(f"{source}: [words]: months: twelve names with spaces between them")
    return words


def _list(names: Iterator[str] | Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(names)
