"""Applications, and what they are for."""

from dataclasses import dataclass
from datetime import datetime

from gateway.core.people.people import Names, PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """What people apply for: a vacancy, a call."""

    crm_id: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A person's application or dossier, identified by its reference."""

    reference: str
    person: PersonRef
    programme: str = ""  #: crm_id
    title: str = ""
    status: str = ""  #: crm_id of a status of kind `application`.
    responsible: tuple[str, ...] = ()  #: crm_ids of staff.
    submitted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownApplication:
    """An application and the data related to it."""

    application: Application
    programme_name: str = ""
    status_name: str = ""
    status_names: Names = ()  #: By language, if the CRM has them.
    closed: bool = False

    @property
    def about(self) -> str:
        """What it is for, in words: its own title, or else the programme's name."""
        return self.application.title or self.programme_name
