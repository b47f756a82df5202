"""Changes to applications, made or proposed, and the mail they cause."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.triggers.trigger_preview import Preview


class ChangeOutcome(StrEnum):
    """The outcome of a request."""

    DONE = "done"
    SHOWN = "shown"  #: A dry run.
    INCOMPLETE = "incomplete"  #: Nothing was changed, because not everything could be.
    UNCONFIRMED = "unconfirmed"  #: Nothing was changed, because it sends mail and wasn't confirmed.
    STALE = "stale"  #: Nothing was changed: what was confirmed isn't what would happen now.


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to one application, or why nothing was."""

    reference: str
    before: str = ""  #: crm_id of its status.
    status: str = ""
    changed: bool = False
    undone: bool = False  #: Whether it reverts a change nobody was told about: it sends no mail.
    withdrawn: int = 0  #: How many mails about earlier changes are cancelled.
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What was done, or would be, and the mail it causes."""

    changes: tuple[Change, ...]
    preview: Preview
    outcome: ChangeOutcome = ChangeOutcome.DONE
    token: str = ""  #: Confirms what is shown; empty if nothing needs confirming.
    token_valid_until: datetime | None = None

    @property
    def has_failed(self) -> bool:
        """Whether any part failed."""
        return any(change.error for change in self.changes)
