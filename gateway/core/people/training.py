"""People's training, and deliveries made to them: the facts behind date events."""

from dataclasses import dataclass
from datetime import date

from gateway.core.people.people import PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """Something a person is qualified for, until it expires."""

    crm_id: str
    person: PersonRef
    name: str = ""
    licence_number: str = ""
    examiner_number: str = ""
    examiner: str = ""  #: The examiner's name.
    created_by: str = ""  #: crm_id of the member of staff who entered it.
    acquired_on: date | None = None
    expires_on: date | None = None
    #: How long before it expires the person is notified; None: never.
    notice_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The deliveries to a person on one day, closed."""

    crm_id: str
    person: PersonRef
    closed_on: date | None = None
