"""Changes of triggers' files and of templates: what was there, what is there now, and by whom."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from enum import StrEnum

from gateway.core.ids import moment_of


class EditedThing(StrEnum):
    """What is changed."""

    TRIGGER = "trigger"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file, before and after; None: there was, or is, no such file."""

    file: str
    before: str | None
    after: str | None

    def diff(self) -> tuple[str, ...]:
        """Return the lines that differ with two of those around them, as `diff -u` does."""
        before, after = (self.before or "").splitlines(), (self.after or "").splitlines()
        return tuple(unified_diff(before, after, n=2, lineterm=""))[2:]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEdit:
    """A change that was made through the gateway."""

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
    """Return what tells the texts of some files from what they were or will be.

    `texts` are by the file's name; a file that isn't there is None.
    """
    digest = hashlib.sha256()
    for name, text in sorted(dict(texts).items()):
        digest.update(repr((name, text)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class FileFault:
    """What is wrong at one place of a trigger's file."""

    line: int | None  #: Where the key is, or what isn't TOML; None: about no line.
    key: str  #: Empty: the file as a whole.
    fault: str  #: With what to write instead.
