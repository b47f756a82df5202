"""Edits of trigger files and templates: the old text, the new text, and who made them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from enum import StrEnum

from gateway.core.ids import moment_of


class EditedThing(StrEnum):
    """What is edited."""

    TRIGGER = "trigger"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file, before and after; None: it did not or does not exist."""

    file: str
    before: str | None
    after: str | None

    def diff(self) -> tuple[str, ...]:
        """Return the differing lines with two lines of context, like `diff -u`."""
        before, after = (self.before or "").splitlines(), (self.after or "").splitlines()
        return tuple(unified_diff(before, after, n=2, lineterm=""))[2:]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEdit:
    """An edit made through the gateway."""

    id: int
    by: str
    what: EditedThing
    name: str  #: The trigger's, or the template's.
    changes: tuple[FileChange, ...]

    @property
    def at(self) -> datetime:
        """When it was made."""
        return moment_of(self.id)


def version_of(texts: Mapping[str, str | None] | Iterable[tuple[str, str | None]]) -> str:
    """Return a value that identifies the present texts of some files.

    `texts` are by file name; a file that doesn't exist is None.
    """
    digest = hashlib.sha256()
    for name, text in sorted(dict(texts).items()):
        digest.update(repr((name, text)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class FileFault:
    """A fault at one place in a trigger's file."""

    line: int | None  #: The line of the key, or of invalid TOML; None: no particular line.
    key: str  #: Empty: the file as a whole.
    fault: str  #: Including what to write instead.
