"""The wording of mail to staff: one text file per language, which operators may edit.

The file has the format of all wording (`gateway.core.wording`). It begins with `Subject: …` and a
blank line, followed by the text; sections are inserted where they fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.wording import (
    BadWording,
    WordingLine,
    fill,
    numbered_lines,
    read_line,
    read_words,
    split_sections,
    tidy,
)

_SUBJECT = "Subject:"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingForm:
    """What the wording of a mail must and may contain."""

    placeholders: frozenset[str]
    sections: frozenset[str]
    words: frozenset[str] = frozenset()
    #: Sections and words that custom wording may leave out: they come from the shipped one.
    optional: frozenset[str] = frozenset()
    has_other_words: bool = False  #: Whether words may be added: those for types of documents.


#: Informs the responsible staff that a reply was filed. Types of documents without a word of their
#: own, or with an empty one, are called as in `gateway.core.replies.document_types`.
IMPORTED = WordingForm(
    placeholders=frozenset(
        (
            *("candidate", "person", "sender", "about", "reference", "subject", "date", "lines"),
            *("documents", "staff", "staff_text", "remarks", "entry", "person_remarked"),
            *("import_address", "where"),
        )
    ),
    sections=frozenset(
        (
            *("application_closed", "sender_not_candidate", "no_original"),
            *("sender_without_address", "no_text", "incomplete", "sent_by", "other_reading"),
            *("note_may_follow", "date_unread", "zone_guessed", "text_unread", "encrypted"),
        )
    ),
    words=frozenset(("date", "more")),
    has_other_words=True,
    optional=frozenset(
        (
            *("sender_without_address", "no_text", "incomplete", "sent_by", "other_reading"),
            *("note_may_follow", "date_unread", "zone_guessed", "text_unread", "encrypted"),
        )
    ),
)

#: Explains to a member of staff why a mail was not filed, and what to do.
REFUSED = WordingForm(
    placeholders=frozenset(
        (
            *("subject", "reference", "reason", "number", "max_size", "import_address"),
            *("candidate", "references", "page"),
        )
    ),
    sections=frozenset(
        ("no_reference", "unknown_reference", "not_allowed", "too_large", "unreadable")
    ),
)


def console_page(url: str, *path: str) -> str:
    """Return the address of a console page; empty if the console's address isn't configured."""
    return "/".join((url, "console", *path)) if url else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailWording:
    """The wording of one mail in one language."""

    language: str  #: Two letters.
    subject: WordingLine
    text: tuple[WordingLine, ...]
    sections: Mapping[str, tuple[WordingLine, ...]]
    words: Mapping[str, str]

    def head(self, values: Mapping[str, str]) -> str:
        """Return the subject; placeholders without a value are left out."""
        return " ".join((self.subject.format % values).split())

    def body(self, values: Mapping[str, str]) -> str:
        """Return the text; lines that lack a value are left out."""
        return tidy(fill(self.text, values))

    def section(self, name: str, values: Mapping[str, str]) -> str:
        """Return one section; empty if there is none of that name."""
        return tidy(fill(self.sections.get(name, ()), values))


def parse_mail_wording(
    text: str,
    language: str,
    wording: WordingForm,
    source: str = "",
    shipped: MailWording | None = None,
) -> MailWording:
    """Parse the wording of a mail; `source` names the file in errors. Raise `BadWording`.

    Missing optional sections and words are taken from `shipped`; without `shipped` they are
    required.
    """
    source = source or f"{language}.txt"
    lines = numbered_lines(text)
    if not lines or not lines[0].text.startswith(_SUBJECT):
        raise BadWording(f"{source}: the first line must be `{_SUBJECT} …`")
    subject = lines[0].text.removeprefix(_SUBJECT).strip()
    given_sections = split_sections(lines[1:], sorted({*wording.sections, "words"}), source)
    word_lines = given_sections.pop("words", ())

    shipped_sections = {} if shipped is None else shipped.sections
    sections = {name: shipped_sections[name] for name in wording.optional & shipped_sections.keys()}
    for name in sorted(wording.sections - given_sections.keys() - sections.keys()):
        raise BadWording(f"{source}: the section [{name}] is missing")
    for name, section in given_sections.items():
        sections[name] = tuple(
            read_line(line.text, wording.placeholders, f"{source}:{line.number}")
            for line in section
        )

    shipped_words = {} if shipped is None else shipped.words
    words = {key: shipped_words[key] for key in wording.optional & shipped_words.keys()}
    words |= read_words(
        word_lines, sorted(wording.words), source, has_other_words=wording.has_other_words
    )
    for key in sorted(wording.words - words.keys()):
        raise BadWording(f"{source}: [words]: {key} is missing")

    return MailWording(
        language=language,
        subject=read_line(subject, wording.placeholders, f"{source}:{lines[0].number}"),
        text=sections.pop(""),
        sections=sections,
        words=words,
    )
