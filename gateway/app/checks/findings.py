"""What `gateway check` finds, a line each."""

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
    """One thing that was looked at, in one line: what is wrong and what to do."""

    level: Level
    what: str
    text: str

    def document(self) -> FindingDocument:
        """Return it as JSON has it."""
        return {"level": self.level.value, "what": self.what, "text": self.text}


def good(what: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Level.GOOD, what, text)


def warning(what: str, text: str) -> Finding:
    """Return that somebody should look at something."""
    return Finding(Level.WARNING, what, text)


def error(what: str, text: str) -> Finding:
    """Return that something doesn't work."""
    return Finding(Level.ERROR, what, text)
