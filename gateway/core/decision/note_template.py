"""The wording of notes: one text file per language, which operators may edit.

The file has the format of all wording (`gateway.core.wording`); nothing comes before the first
section, and blank lines around a section's text are ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import quote

from gateway.core.ascii_text import ascii_text
from gateway.core.kinds import Scope, State
from gateway.core.people.people import ENTRY_SOURCES, SuppressionSource
from gateway.core.sending.mail_wording import console_page
from gateway.core.wording import (
    BadWording,
    WordingLine,
    fill,
    numbered_lines,
    read_line,
    read_words,
    split_sections,
)

_KEPT = 32  #: How many parsed files are cached.
MAX_FIRST_LINE = 300  #: Octets of the short form's first line, with values at their longest.
MAX_LAST_LINE = 180  #: The same for its last line; together they fit into a reply.
MAX_SHORT_VALUE = 40  #: Letters of one value in the short form.
MAX_SHORT_REASONS = 80  #: Letters of several reasons, listed one after another.

_REASON = frozenset(
    ("name", "scope", "since", "until", "origin", "remark", "person", "address", "where")
)
#: The start of a command, and the address of a page: one is empty, and its line is left out.
_WHERE = frozenset(("page", "gateway"))
_SHORT = _WHERE | {"id", "state", "name", "scope", "since", "until", "origin", "feed"}
#: Sections, and words, of sources that are called by their own name.
_ENTRIES = tuple(source.value for source in ENTRY_SOURCES if source is not SuppressionSource.STAFF)
_SHORT_ENTRIES = tuple(f"short {name}" for name in _ENTRIES)

#: Every section, with the placeholders it may use.
SECTIONS: Mapping[str, frozenset[str]] = {
    "words": frozenset(),
    "date": frozenset(("day", "month", "year")),
    "moment": frozenset(("date", "hour", "minute")),
    "short group": _SHORT,
    "short status": _SHORT,
    "short staff": _SHORT,
    "short staff person": _SHORT | {"person"},
    **dict.fromkeys(_SHORT_ENTRIES, _SHORT),
    "short bounce": _SHORT | {"remark"},
    "short opt out": _SHORT,
    "short last known": _SHORT,
    "short unread status": _SHORT,
    "short shared": _WHERE | {"id", "state", "count", "names", "feed"},
    "short personal": frozenset(),
    "short personal shared": frozenset(),
    "short several": _WHERE | {"id", "state", "count", "names"},
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
    **dict.fromkeys(_ENTRIES, _REASON),
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
    "reports more": frozenset(("more", "sender", "day", "where")),
}

#: For a group somebody is in because of Mailchimp; without it, the section for groups is used.
OPT_OUT = "opt out"
#: For a person suppressed by staff at every address; "staff" is about a single address.
STAFF_PERSON = "staff person"
#: The last line of every short form with several lines, for programs that show only that one.
SHORT_LAST = "short last"
#: Suffix of the sections about an address that several people share.
SHARED = "shared"
_LAST = "$state: $reason. $id"  #: For files without such a section.
#: Sections that custom wording may leave out: they come from the shipped one.
_SHIPPED = (
    *(SHORT_LAST, "reports subject", "reports", "reports message", "reports more"),
    *("last known", "short last known", "short shared"),
    *("unread status", "short unread status"),
    *(STAFF_PERSON, f"short {STAFF_PERSON}"),
    *_ENTRIES,
    *_SHORT_ENTRIES,
    *("short personal shared", "personal shared", "no personal shared"),
)
#: Words it may leave out likewise.
_SHIPPED_WORDS = (
    *("blocked_person", "last_known", "unread_status"),
    *_ENTRIES,
)
_OPTIONAL = frozenset((OPT_OUT, f"short {OPT_OUT}", SHORT_LAST))

#: Every key of `[words]`; `scope_bulk` says what a person suppressed for bulk mail gets.
WORDS = (
    *State,
    *("bulk", "individual"),
    *(f"scope_{scope}" for scope in Scope),
    *("blocked_address", "blocked_person", "last_known", "unread_status"),
    *_ENTRIES,
    *("months", "first_day"),
)

_REPLIES = (
    *("short group", "short status", "short staff", "short opt out", "short several"),
    *("short last known", "short unread status", "short shared", f"short {STAFF_PERSON}"),
    *_SHORT_ENTRIES,
)
_MOST_LETTERS = {"names": MAX_SHORT_REASONS, "reason": MAX_SHORT_REASONS}
_ALWAYS_KNOWN = frozenset(("id", "state", "name", "scope", "count", "names"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoteTemplate:
    """The wording of notes in one language; compared by identity."""

    language: str  #: Two letters.
    words: Mapping[str, str]
    sections: Mapping[str, tuple[WordingLine, ...]]
    console_url: str = ""  #: The console's address; empty: notes name commands.

    def page(self, *path: str) -> str:
        """Return the address of a console page; empty if notes name commands."""
        return console_page(self.console_url, *(quote(part, safe="@:") for part in path))

    def reply_values(self, page: str) -> dict[str, str]:
        """Return the values for a reply: a page's address, or the start of commands."""
        return {"page": page, "gateway": "" if page else "gateway"}

    def state(self, state: State) -> str:
        """Return the name people know a delivery's state by: `verzenden mislukt`."""
        return self.words[state]

    @property
    def send_failed(self) -> str:
        """The state all notes are about, as written at the start of a line: `Verzenden mislukt`."""
        text = self.state(State.SEND_FAILED)
        return text[:1].upper() + text[1:]

    def scope(self, scope: Scope) -> str:
        """Return what a person suppressed for that scope gets: `geen bulk-mail`."""
        return self.words[f"scope_{scope}"]

    def date(self, moment: datetime) -> str:
        """Format the date of an aware time, in its own zone: `12 maart 2026`."""
        month = self.words["months"].split()[moment.month - 1]
        day = self.words["first_day"] if moment.day == 1 else str(moment.day)
        values = {"day": day, "month": month, "year": str(moment.year)}
        return " ".join(self.fill("date", values))

    def moment(self, moment: datetime) -> str:
        """Format an aware time with its date, in its own zone: `12 maart 2026 om 08:05`."""
        values = {
            "date": self.date(moment),
            "hour": f"{moment.hour:02}",
            "minute": f"{moment.minute:02}",
        }
        return " ".join(self.fill("moment", values))

    def date_in(self, zone: tzinfo | None, moment: datetime | None) -> str:
        """Format the date of an aware time in a zone; empty without a time."""
        return self.date(moment.astimezone(zone)) if moment else ""

    def moment_in(self, zone: tzinfo | None, moment: datetime | None) -> str:
        """Format an aware time with its date in a zone; empty without a time."""
        return self.moment(moment.astimezone(zone)) if moment else ""

    def fill(self, section: str, values: Mapping[str, str]) -> list[str]:
        """Return a section's lines filled in; a line that lacks a value is left out."""
        return fill(self.sections[section], values)


@lru_cache(_KEPT)
def parse_template(
    text: str,
    language: str,
    source: str = "",
    shipped: NoteTemplate | None = None,
    *,
    console_url: str = "",
) -> NoteTemplate:
    """Parse the wording of one language; `source` names the file in errors.

    With `console_url`, notes name pages of the console, otherwise commands. Missing optional
    sections are taken from the `shipped` wording. The same text isn't parsed twice: processes
    forked later inherit what the supervisor has parsed (`app/roles/run.py`). Raise `BadWording` for
    sections, words or placeholders that are unknown, missing or given twice, and for a first or
    last line of the short form that might lack the journal's id.
    """
    source = source or f"{language}.txt"
    raw = split_sections(numbered_lines(text), SECTIONS, source)
    for line in raw.pop(""):
        if line.text:
            raise BadWording(f"{source}:{line.number}: text before the first [section]")
    stand_ins = {} if shipped is None else {name: shipped.sections[name] for name in _SHIPPED}
    for name in SECTIONS:
        if name not in raw and name not in _OPTIONAL and name not in stand_ins:
            raise BadWording(f"{source}: the section [{name}] is missing")
    sections = dict(stand_ins)
    for name, lines in raw.items():
        if name == "words":
            continue
        filled = [index for index, line in enumerate(lines) if line.text]
        sections[name] = tuple(
            read_line(line.text, SECTIONS[name], f"{source}:{line.number}: [{name}]")
            for line in (lines[filled[0] : filled[-1] + 1] if filled else ())
        )
    sections.setdefault(SHORT_LAST, (read_line(_LAST, SECTIONS[SHORT_LAST], source),))
    for name in _REPLIES:
        if name in sections:
            check_first_line(sections[name], f"{source}: [{name}]")
    check_last_line(sections[SHORT_LAST], f"{source}: [{SHORT_LAST}]")
    words = {} if shipped is None else {key: shipped.words[key] for key in _SHIPPED_WORDS}
    words |= read_words(raw["words"], WORDS, source)
    if "months" in words and len(words["months"].split()) != 12:
        raise BadWording(f"{source}: [words]: months: twelve names with spaces between them")
    for key in WORDS:
        if key not in words:
            raise BadWording(f"{source}: [words]: {key} is missing")
    return NoteTemplate(
        language=language,
        words=MappingProxyType(words),
        sections=MappingProxyType(sections),
        console_url=console_url,
    )


def check_first_line(lines: Sequence[WordingLine], where: str) -> None:
    """Raise `BadWording` unless a reply's first line always has state and id, and fits.

    Programs that show one line of a reply show this one.
    """
    if not lines or not lines[0].names.issuperset(("id", "state")):
        raise BadWording(f"{where}: the first line must have $state and $id")
    for name in sorted(lines[0].names - _ALWAYS_KNOWN):
        raise BadWording(f"{where}: ${name} may be unknown: not in the first line")
    if _longest(lines[0]) > MAX_FIRST_LINE:
        raise BadWording(f"{where}: the first line is too long")


def check_last_line(lines: Sequence[WordingLine], where: str) -> None:
    """Raise `BadWording` unless a reply's last line is complete by itself and fits."""
    if len(lines) != 1 or lines[0].names != SECTIONS[SHORT_LAST]:
        raise BadWording(f"{where}: must be one line with $state, $reason and $id")
    if _longest(lines[0]) > MAX_LAST_LINE:
        raise BadWording(f"{where}: the line is too long")


def _longest(line: WordingLine) -> int:
    values = {name: "x" * (_MOST_LETTERS.get(name, MAX_SHORT_VALUE)) for name in line.names}
    return len(ascii_text(line.format % values))  # `ß` becomes two letters.
