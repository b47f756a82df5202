"""Applications of people."""

from typing import Annotated

from typing_extensions import TypedDict

from gateway.core.moments import in_utc
from gateway.core.people.applications import KnownApplication
from gateway.documents.fields import JsonSchema, PersonOrNobody, TimeText, person_or_nobody
from gateway.store.views.application_list import ListedApplication


class ApplicationDocument(TypedDict):
    """An application of a person."""

    reference: str
    title: Annotated[str, JsonSchema(description="Its own, else the programme's name.")]
    status: Annotated[str, JsonSchema(description="The name of it; its crm_id if that is unknown.")]
    closed: bool
    programme: str
    submitted_at: TimeText | None


class WholeApplicationDocument(ApplicationDocument):
    """An application with its person and who is responsible."""

    person: PersonOrNobody
    responsible: Annotated[list[str], JsonSchema(description="crm_ids of staff.")]


class ListedApplicationDocument(WholeApplicationDocument):
    """An application in a list, with its person's name."""

    person_name: str
    status_id: Annotated[str, JsonSchema(description="crm_id of its status.")]


def application_document(known_application: KnownApplication) -> ApplicationDocument:
    """Return an application of a person."""
    return {
        "reference": known_application.application.reference,
        "title": known_application.about,
        "status": known_application.status_name or known_application.application.status,
        "closed": known_application.closed,
        "programme": known_application.programme_name or known_application.application.programme,
        "submitted_at": in_utc(known_application.application.submitted_at),
    }


def whole_application_document(known_application: KnownApplication) -> WholeApplicationDocument:
    """Return an application with its person and who is responsible."""
    return {
        **application_document(known_application),
        "person": person_or_nobody(known_application.application.person),
        "responsible": list(known_application.application.responsible),
    }


def listed_application_document(listed: ListedApplication) -> ListedApplicationDocument:
    """Return an application with its person's name."""
    return {
        **whole_application_document(listed.known_application),
        "person_name": listed.person_name,
        "status_id": listed.known_application.application.status,
    }
