"""People, with everything known about them and everything that happened."""

from typing import TYPE_CHECKING, Annotated

from typing_extensions import TypedDict

from gateway.core.kinds import State
from gateway.core.moments import in_utc
from gateway.documents.fields import JsonSchema, PersonText, TimeText
from gateway.documents.suppressions import (
    MailchimpRefusalDocument,
    SuppressionDocument,
    mailchimp_refusal_document,
    suppression_document,
)
from gateway.documents.triggers.applications import ApplicationDocument, application_document
from gateway.documents.unread_fields import UnreadFieldDocument, unread_field_document

if TYPE_CHECKING:
    from gateway.store.people.people import PersonRecord
    from gateway.store.people.search import PersonMatch
    from gateway.store.views.timeline import PersonPage, TimelineEvent


class TimelineEventDocument(TypedDict):
    """An event of a person's timeline."""

    at: TimeText
    type: Annotated[
        str,
        JsonSchema(
            description="message, bounce, reply, document, activity, opt_out, trigger_mail or "
            "suppression"
        ),
    ]
    id: Annotated[str, JsonSchema(description="Empty where it has none.")]
    reference: Annotated[str, JsonSchema(description="Of the application it is about.")]
    summary: str
    state: str


class PersonMatchDocument(TypedDict):
    """A person as shown in a list."""

    person: PersonText
    name: str
    active: bool
    status: str
    addresses: list[str]
    by: Annotated[str, JsonSchema(description="key, address, reference or name")]


class DanglingReferenceDocument(TypedDict):
    """A group or status of a person that isn't known, and so has no effect."""

    reference: Annotated[str, JsonSchema(description="people.status, memberships.group …")]
    id: str


class MailNowDocument(TypedDict):
    """What would happen now to mail to an address of a person: relayed or send_failed."""

    address: str
    mailing: State
    personal: State


class PersonDocument(TypedDict):
    """A person with suppressions, applications and timeline."""

    person: PersonText
    name: str
    active: bool
    addresses: list[str]
    lookalikes: Annotated[
        list[str],
        JsonSchema(
            description="What looks like an address in what can't be one: the person is found "
            "by it, and never mailed."
        ),
    ]
    status: Annotated[str, JsonSchema(description="The name of it; its crm_id if that is unknown.")]
    groups: list[str]
    suppressions: list[SuppressionDocument]
    now: Annotated[list[MailNowDocument], JsonSchema(description="What would become of mail now.")]
    topics: Annotated[list[str], JsonSchema(description="Of which they want no mailings.")]
    mailchimp: list[MailchimpRefusalDocument]
    unread: list[UnreadFieldDocument]
    leads_nowhere: list[DanglingReferenceDocument]
    applications: list[ApplicationDocument]
    timeline: Annotated[list[TimelineEventDocument], JsonSchema(description="The newest first.")]


def person_document(page: "PersonPage") -> PersonDocument:
    """Return a person with suppressions, applications and timeline."""
    person = page.record.person
    return {
        "person": str(person.ref),
        "name": person.name,
        "active": person.active,
        "addresses": list(page.record.addresses),
        "lookalikes": list(page.record.lookalikes),
        "status": status_of(page.record),
        "groups": groups_of(page.record),
        "suppressions": [suppression_document(reason) for reason in page.suppressions],
        "now": [
            {
                "address": prospect.address,
                "mailing": State.SEND_FAILED if prospect.mailing else State.RELAYED,
                "personal": State.SEND_FAILED if prospect.personal else State.RELAYED,
            }
            for prospect in page.prospects
        ],
        "topics": topics_of(page),
        "mailchimp": [mailchimp_refusal_document(refusal) for refusal in page.refusals],
        "unread": [unread_field_document(field) for field in page.unread],
        "leads_nowhere": [
            {"reference": reference, "id": target} for reference, target in page.leads_nowhere
        ],
        "applications": [application_document(application) for application in page.applications],
        "timeline": [timeline_event_document(event) for event in page.timeline],
    }


def person_match_document(match: "PersonMatch") -> PersonMatchDocument:
    """Return a person as shown in a list."""
    return {
        "person": str(match.ref),
        "name": match.name,
        "active": match.active,
        "status": match.status,
        "addresses": list(match.addresses),
        "by": match.by,
    }


def timeline_event_document(event: "TimelineEvent") -> TimelineEventDocument:
    """Return an event of a person's timeline."""
    return {
        "at": in_utc(event.at),
        "type": event.type,
        "id": event.id,
        "reference": event.reference,
        "summary": event.summary,
        "state": event.state,
    }


def status_of(record: "PersonRecord") -> str:
    """Return the name of the status, or its key in the CRM if the name is unknown."""
    return record.status.name if record.status and record.status.name else record.person.status


def topics_of(page: "PersonPage") -> list[str]:
    """Return the topics of which a person currently wants no mailings."""
    declined = (opt_out.topic for opt_out in page.topic_opt_outs if opt_out.released_at is None)
    return list(dict.fromkeys(declined))


def groups_of(record: "PersonRecord") -> list[str]:
    """Return the names of a person's groups; `?` for one that can't be read."""
    names = (joined.group.name or joined.group.crm_id or "?" for joined in record.groups)
    return list(dict.fromkeys(names))
