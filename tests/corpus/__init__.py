"""Mails of real senders and programs, hand-made in their form, with what they are."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

KINDS = Path(__file__).parent / "kinds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A mail, and what the rules as shipped say of it: `NAME.eml` with `NAME.toml` beside it."""

    name: str
    program: str
    kind: str
    rule: str
    recipients: int = 1
    sender: str = "eva@crm.example"
    why: str

    @property
    def content(self) -> bytes:
        """The mail, its line ends as on the wire."""
        return (KINDS / f"{self.name}.eml").read_bytes().replace(b"\n", b"\r\n")

    @property
    def addresses(self) -> list[str]:
        """Whom it is sent to: nobody who is known."""
        return [f"stranger{number}@example.org" for number in range(self.recipients)]


def samples() -> list[Sample]:
    """Return all mails of the corpus, by name."""
    files = sorted(KINDS.glob("*.toml"))
    return [Sample(name=file.stem, **tomllib.loads(file.read_text("utf-8"))) for file in files]
