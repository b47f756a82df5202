"""What is known about an occurrence's person and subject at one moment."""

from dataclasses import dataclass
from datetime import date

from gateway.core.feed.unread_fields import UnreadField
from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Person, Staff
from gateway.core.people.training import Qualification
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.reasons import EARLIER_LEFT, EARLIER_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceFacts:
    """The input to an event's conditions and a template's values."""

    person: Person | None
    qualification: Qualification | None = None
    issuer: str = ""  #: The name of the member of staff who entered the qualification.
    first_closing: date | None = None
    application: KnownApplication | None = None
    actor: Staff | None = None  #: Who changed the application's status.
    staff: Staff | None = None  #: The recipient, if it is a member of staff.
    unread: tuple[UnreadField, ...] = ()  #: Fields that could not be read: their values are old.
    superseded: str = ""  #: Why mail about a change is no longer due: the later change.
    #: The state of the mail about an earlier change to the same status that was in progress when
    #: this one was made.
    earlier: OccurrenceState | None = None


def earlier_mail_in_words(facts: OccurrenceFacts) -> str:
    """Return, in words, that mail about an earlier change says or may say the same; or empty."""
    match facts.earlier:
        case OccurrenceState.SENT:
            return EARLIER_LEFT
        case OccurrenceState.UNKNOWN:
            return EARLIER_UNKNOWN
        case _:
            return ""
