"""Wording files that operators may edit, one per language.

A file consists of sections. `[name]` on a separate line starts one; a line that starts with `#` is
a comment. In `[words]` every line is `key = text`, with each key once; elsewhere `$placeholder` is
replaced by a value, `$$` by a dollar sign. A line in which a placeholder has no value is left out,
so that no sentence is incomplete:

    Dear $name,
    [why]
    because of $reason
    [words]
    more = mehr
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from string import Template

from gateway.core.errors import FileUnusable
from gateway.core.written import no_such_name

_HEADING = re.compile(r"\[([a-z_ ]+)\]\s*\Z")


class BadWording(FileUnusable):
    """A wording file can't be used; the text names file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line of a file, without trailing spaces."""

    number: int  #: From 1.
    text: str


@dataclass(frozen=True, slots=True)
class WordingLine:
    """A line with placeholders, ready to be filled in."""

    format: str  #: With `%(name)s` for a placeholder.
    names: frozenset[str]


def numbered_lines(text: str) -> list[NumberedLine]:
    """Return the lines of a file, without comments."""
    lines = enumerate(text.removeprefix("\ufeff").splitlines(), 1)
    return [NumberedLine(number, line.rstrip()) for number, line in lines if line[:1] != "#"]


def split_sections(
    lines: Iterable[NumberedLine], section_names: Collection[str], source: str
) -> dict[str, list[NumberedLine]]:
    """Return the lines of each section; those before the first one are under the empty name.

    Raise `BadWording` for a section not in `section_names`, or given twice. `[Note]` and `[see 1]`
    are text: a heading has only lower-case letters, spaces and underscores.
    """
    sections: dict[str, list[NumberedLine]] = {"": []}
    name = ""
    for line in lines:
        heading = _HEADING.match(line.text)
        if heading is None:
            sections[name].append(line)
            continue
        name = heading[1]
        where = f"{source}:{line.number}"
        if name not in section_names:
            raise BadWording(
                f"{where}: unknown section [{name}]; known: {', '.join(section_names)}"
            )
        if name in sections:
            raise BadWording(f"{where}: the section [{name}] occurs twice")
        sections[name] = []
    return sections


def read_words(
    lines: Iterable[NumberedLine],
    known_keys: Collection[str],
    source: str,
    *,
    has_other_words: bool = False,
) -> dict[str, str]:
    """Parse the lines of `[words]`, `key = text` each.

    Raise `BadWording` for a line of another form, a key not in `known_keys`, or given twice.
    With `has_other_words` any other key may be given too, and its text may be empty.
    """
    words: dict[str, str] = {}
    for line in lines:
        if not line.text:
            continue
        where = f"{source}:{line.number}: [words]"
        key, equals, value = (part.strip() for part in line.text.partition("="))
        is_other = has_other_words and key not in known_keys
        if not (key and equals and (value or is_other)):
            raise BadWording(f"{where}: write it as `key = text`")
        if key not in known_keys and not is_other:
            raise BadWording(f"{where}: {no_such_name('word', key, known_keys)}")
        if key in words:
            raise BadWording(f"{where}: the word {key} occurs twice")
        words[key] = value
    return words


def read_line(text: str, placeholders: Collection[str], where: str) -> WordingLine:
    """Parse a line; raise `BadWording` for an unknown placeholder or a lone dollar sign."""
    template = Template(text)
    if not template.is_valid():
        raise BadWording(f"{where}: a lone $ (write $$ for a dollar sign)")
    names = frozenset(template.get_identifiers())
    for name in sorted(names.difference(placeholders)):
        known_placeholders = (
            ", ".join(f"${placeholder}" for placeholder in sorted(placeholders)) or "none"
        )
        raise BadWording(f"{where}: unknown placeholder ${name}; known: {known_placeholders}")
    escaped = Template(text.replace("%", "%%"))
    return WordingLine(escaped.substitute({name: f"%({name})s" for name in names}), names)


def fill(lines: Iterable[WordingLine], values: Mapping[str, str]) -> list[str]:
    """Return lines filled in; one that lacks a value is left out."""
    return [line.format % values for line in lines if all(values[name] for name in line.names)]


def tidy(lines: Iterable[str]) -> str:
    """Return lines as one text, with at most one empty line in a row."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
