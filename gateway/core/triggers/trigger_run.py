"""A run of a trigger: what it found on a day, and the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from gateway.core.ids import moment_of
from gateway.core.people.people import PersonRef
from gateway.core.triggers.occurrence import OccurrenceState

#: A run that would send this many times more than the largest recent one is held.
FAR_MORE = 5
#: … if it has at least this many mails.
GUARDED_FROM = 100


class RunState(StrEnum):
    """The state of a run."""

    LOOKING = "looking"
    OPEN = "open"
    WAITING = "waiting"  #: Some mail was put off; it has been reported once.
    HELD = "held"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class SkippedPerson:
    """Somebody a run selected who doesn't meet the conditions."""

    person: PersonRef
    about: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRun:
    """One evaluation of a trigger's event."""

    id: int
    trigger: str
    day: date  #: The local date it evaluated.
    state: RunState
    due: int = 0  #: Occurrences it added to the ledger to be sent.
    skipped: int = 0  #: How many it left out; they are not in the ledger.
    skips: tuple[SkippedPerson, ...] = ()  #: The first of them.
    error: str = ""
    report_to: str = ""
    reports: int = 0  #: The number made so far.
    finished_at: datetime | None = None
    counts: Mapping[OccurrenceState, int] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """When it began."""
        return moment_of(self.id)

    def count(self, *states: OccurrenceState) -> int:
        """Return how many of its occurrences are in the given states."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def left_out(self) -> int:
        """How many people were selected but not mailed."""
        return self.skipped + self.count(OccurrenceState.SKIPPED)

    @property
    def waiting(self) -> int:
        """How many mails are still to be sent."""
        return self.count(OccurrenceState.DUE, OccurrenceState.SENDING)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was to be sent and nothing went wrong."""
        return not (self.due or self.error)


def is_far_more(due: int, usual: int | None) -> bool:
    """Whether a run would send far more than the largest recent one; None: there is none."""
    return usual is not None and due >= GUARDED_FROM and due > FAR_MORE * usual
