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
    """An application with whose it is and who is responsible."""

    person: PersonOrNobody
    responsible: Annotated[list[str], JsonSchema(description="crm_ids of staff.")]


class ListedApplicationDocument(WholeApplicationDocument):
    """An application in a list, with the name of whose it is."""

    person_name: str
    status_id: Annotated[str, JsonSchema(description="crm_id of its status.")]


def application_document(known: KnownApplication) -> ApplicationDocument:
    """Return an application of a person."""
    return {
        "reference": known.application.reference,
        "title": known.about,
        "status": known.status_name or known.application.status,
        "closed": known.closed,
        "programme": known.programme_name or known.application.programme,
        "submitted_at": in_utc(known.application.submitted_at),
    }


def whole_application_document(known: KnownApplication) -> WholeApplicationDocument:
    """Return an application with its person and who is responsible."""
    return {
        **application_document(known),
        "person": person_or_nobody(known.application.person),
        "responsible": list(known.application.responsible),
    }


def listed_application_document(listed: ListedApplication) -> ListedApplicationDocument:
    """Return an application with its person's name."""
    return {
        **whole_application_document(listed.known),
        "person_name": listed.person_name,
        "status_id": listed.known.application.status,
    }
