"""What people have learned, and what was delivered to them: the facts date events go by."""

from dataclasses import dataclass
from datetime import date

from gateway.core.people.people import PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """Something a person is qualified for, until it ends."""

    crm_id: str
    person: PersonRef
    name: str = ""
    licence_number: str = ""
    examiner_number: str = ""
    examiner: str = ""  #: The examiner's name.
    created_by: str = ""  #: crm_id of the member of staff who entered it.
    acquired_on: date | None = None
    expires_on: date | None = None
    notice_days: int | None = None  #: How long before its end the person is told; None: never.


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A day's deliveries to a person, closed."""

    crm_id: str
    person: PersonRef
    closed_on: date | None = None
