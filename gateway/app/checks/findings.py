"""The findings of `gateway check`, one line each."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.documents.checks import FindingDocument


class Level(StrEnum):
    """How bad a finding is."""

    GOOD = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding in one line: what is wrong and what to do."""

    level: Level
    what: str
    text: str

    def document(self) -> FindingDocument:
        """Return the JSON document."""
        return {"level": self.level.value, "what": self.what, "text": self.text}


def good(what: str, text: str) -> Finding:
    """Return a finding that something is in order."""
    return Finding(Level.GOOD, what, text)


def warning(what: str, text: str) -> Finding:
    """Return a finding that somebody should look into."""
    return Finding(Level.WARNING, what, text)


def error(what: str, text: str) -> Finding:
    """Return a finding that something doesn't work."""
    return Finding(Level.ERROR, what, text)
