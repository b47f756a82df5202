"""What was done to applications, or would be, and what it mails."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.triggers.trigger_preview import Preview


class ChangeOutcome(StrEnum):
    """What became of a request."""

    DONE = "done"
    SHOWN = "shown"  #: A dry run.
    INCOMPLETE = "incomplete"  #: Nothing was changed, as not all could be.
    UNCONFIRMED = "unconfirmed"  #: Nothing was changed, as it mails and nobody has confirmed that.
    STALE = "stale"  #: Nothing was changed: what was confirmed isn't what would happen now.


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to one application, or why nothing was."""

    reference: str
    before: str = ""  #: crm_id of its status.
    status: str = ""
    changed: bool = False
    undone: bool = False  #: Whether it takes back a change nobody has heard of: it mails nobody.
    withdrawn: int = 0  #: Mails about earlier changes that don't leave now.
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What was done, or would be, and what it mails."""

    changes: tuple[Change, ...]
    preview: Preview
    outcome: ChangeOutcome = ChangeOutcome.DONE
    token: str = ""  #: Confirms what is shown; empty where nothing has to be confirmed.
    token_valid_until: datetime | None = None

    @property
    def failed(self) -> bool:
        """Whether something could not be done."""
        return any(change.error for change in self.changes)
