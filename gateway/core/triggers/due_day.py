"""What a date event will mail on one of the next days."""

from dataclasses import dataclass
from datetime import date

from gateway.core.people.people import PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDay:
    """What one trigger will mail on one day."""

    trigger: str
    day: date
    mails: int
    left_out: int  #: Selected by the event, but not mailed as things stand.
    people: tuple[tuple[PersonRef, str], ...]  #: The first of those mailed, with their names.
