"""The wording of mail the gateway writes to staff: one text file per language, which ops may edit.

A file begins with `Subject: …` and a blank line, then comes the text. `[name]` on a line of its own
starts a section that is put in where it fits; a line that starts with `#` is a comment. In
`[words]` every line is `key = text`; elsewhere `$placeholder` stands for a value and `$$` for a
dollar sign. A line in which a placeholder has no value is left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from string import Template

from gateway.core.errors import FileUnusable
from gateway.core.sending.run_words import WORDS

_HEADING = re.compile(r"\[([a-z_]+)\]\s*\Z")
_SUBJECT = "Subject:"


class BadMailWording(FileUnusable):
    """The wording of a mail can't be used; the text names file, line and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingForm:
    """What a letter must and may have."""

    placeholders: frozenset[str]
    sections: frozenset[str]
    words: frozenset[str] = frozenset()
    #: Sections and words that wording of one's own may lack: it has them from what is shipped.
    optional: frozenset[str] = frozenset()


#: Tells those responsible that a reply was filed.
IMPORTED = WordingForm(
    placeholders=frozenset(
        (
            *("candidate", "person", "sender", "about", "reference", "subject", "date", "lines"),
            *("documents", "staff", "staff_text", "remarks", "entry", "person_remarked"),
            "import_address",
        )
    ),
    sections=frozenset(
        (
            *("application_closed", "sender_not_candidate", "no_original"),
            *("sender_without_address", "no_text", "incomplete", "sent_by", "other_reading"),
            *("note_may_follow", "date_unread", "zone_guessed"),
        )
    ),
    words=frozenset(
        (
            *("date", "more"),
            *("cover_letter", "cv", "certificate", "reference_letter", "photo", "other"),
        )
    ),
    optional=frozenset(
        (
            *("sender_without_address", "no_text", "incomplete", "sent_by", "other_reading"),
            *("note_may_follow", "date_unread", "zone_guessed"),
        )
    ),
)

#: Tells a member of staff why a mail was not filed, and what to do.
REFUSED = WordingForm(
    placeholders=frozenset(
        (
            *("subject", "reference", "reason", "number", "max_size", "import_address"),
            *("candidate", "references"),
        )
    ),
    sections=frozenset(
        ("no_reference", "unknown_reference", "not_allowed", "too_large", "unreadable")
    ),
)

#: Tells of a run of a trigger.
RUN_REPORT = WordingForm(
    placeholders=frozenset(
        (
            *("trigger", "day", "sent", "skipped", "failed", "unknown", "expired", "waiting"),
            *("held", "error", "details"),
        )
    ),
    sections=frozenset(),
    words=WORDS,
    optional=WORDS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailWording:
    """The wording of one mail in one language."""

    language: str  #: Two letters.
    subject: str
    text: tuple[str, ...]
    sections: Mapping[str, tuple[str, ...]]
    words: Mapping[str, str]

    def head(self, values: Mapping[str, str]) -> str:
        """Return the subject."""
        return " ".join(Template(self.subject).substitute(values).split())

    def body(self, values: Mapping[str, str]) -> str:
        """Return the text; lines that lack a value are left out."""
        return _tidy(_filled(self.text, values))

    def section(self, name: str, values: Mapping[str, str]) -> str:
        """Return one section; empty where there is none of that name."""
        return _tidy(_filled(self.sections.get(name, ()), values))


def parse_letter(
    text: str,
    language: str,
    wording: WordingForm,
    source: str = "",
    shipped: MailWording | None = None,
) -> MailWording:
    """Read a letter's wording; `source` names the file in errors. Raise `BadMailWording`.

    Optional sections that it lacks are those of `shipped`; without `shipped` it must have them.
    """
    source = source or f"{language}.txt"
    lines = list(_lines(text))
    if not lines or not lines[0][1].startswith(_SUBJECT):
        raise BadMailWording(f"{source}: the first line must be `{_SUBJECT} …`")
    subject = lines[0][1].removeprefix(_SUBJECT).strip()
    parts = _parts(lines[1:], wording, source)
    stand_ins = (
        {name: shipped.sections[name] for name in _lacking(wording, parts)}
        if shipped is not None
        else {}
    )
    for name in sorted(wording.sections - parts.keys() - stand_ins.keys()):
        raise BadMailWording(f"{source}: the section [{name}] is missing")
    for number, line in (lines[0], *(line for name in parts for line in parts[name])):
        _check(line, wording, f"{source}:{number}")
    return MailWording(
        language=language,
        subject=subject,
        text=_texts(parts[""]),
        sections=stand_ins
        | {name: _texts(found) for name, found in parts.items() if name not in ("", "words")},
        words=_words(parts.get("words", []), wording, source, shipped),
    )


def _lacking(wording: WordingForm, parts: Mapping[str, object]) -> frozenset[str]:
    return (wording.optional & wording.sections) - parts.keys()


_Numbered = list[tuple[int, str]]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.startswith("#"):
            yield number, line.rstrip()


def _parts(lines: _Numbered, wording: WordingForm, source: str) -> dict[str, _Numbered]:
    parts: dict[str, _Numbered] = {"": []}
    name = ""
    for number, line in lines:
        heading = _HEADING.match(line)
        if heading is None:
            parts[name].append((number, line))
            continue
        name = heading[1]
        if name not in wording.sections | {"words"} or name in parts:
            known = ", ".join(sorted(wording.sections))
            raise BadMailWording(f"{source}:{number}: [{name}]: once each of {known}")
        parts[name] = []
    return parts


def _check(line: str, wording: WordingForm, where: str) -> None:
    template = Template(line)
    if not template.is_valid():
        raise BadMailWording(f"{where}: a lone $ (write $$ for a dollar sign)")
    for name in template.get_identifiers():
        if name not in wording.placeholders:
            known = ", ".join(f"${each}" for each in sorted(wording.placeholders))
            raise BadMailWording(f"{where}: unknown placeholder ${name}; there are {known}")


def _words(
    lines: _Numbered, wording: WordingForm, source: str, shipped: MailWording | None
) -> dict[str, str]:
    pairs = (line.partition("=") for _, line in lines if line)
    stand_ins = shipped.words.items() if shipped is not None else ()
    words = {key: text for key, text in stand_ins if key in wording.optional}
    words |= {key.strip(): value.strip() for key, _, value in pairs}
    for key in sorted(wording.words - words.keys()):
        raise BadMailWording(f"{source}: [words]: {key} is missing")
    return words


def _texts(lines: _Numbered) -> tuple[str, ...]:
    return tuple(line for _, line in lines)


def _filled(lines: Iterable[str], values: Mapping[str, str]) -> Iterator[str]:
    for line in lines:
        template = Template(line)
        if all(values[name] for name in template.get_identifiers()):
            yield template.substitute(values)


def _tidy(lines: Iterable[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
