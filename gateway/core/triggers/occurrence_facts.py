"""What is known of an occurrence's person and subject at one moment."""

from dataclasses import dataclass
from datetime import date

from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Person, Staff
from gateway.core.people.training import Qualification
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.unread_fields import UnreadField


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceFacts:
    """What the conditions of an event and the values of its template go by."""

    person: Person | None
    qualification: Qualification | None = None
    issuer: str = ""  #: The name of the member of staff who entered the qualification.
    first_closing: date | None = None
    application: KnownApplication | None = None
    actor: Staff | None = None  #: Who changed the application's status.
    staff: Staff | None = None  #: The recipient, where it is a member of staff.
    unread: tuple[UnreadField, ...] = ()  #: Fields that could not be read: their values are old.
    superseded: str = ""  #: Why mail about a change is no longer due: what came after it.
    #: What became of the mail of an earlier change to the same status that was on its way when
    #: this one was made.
    earlier: OccurrenceState | None = None


def told_earlier(facts: OccurrenceFacts) -> str:
    """Return whether the mail of an earlier change says the same already; empty: it doesn't."""
    match facts.earlier:
        case OccurrenceState.SENT:
            return "the mail of an earlier change to this status left after this one was made"
        case OccurrenceState.UNKNOWN:
            return "the mail of an earlier change to this status may have left"
        case _:
            return ""
