"""The mail of an occurrence: its addressee and its text."""

from dataclasses import dataclass
from datetime import date, datetime

from gateway.core.bounces.unsubscribe import NamedOccurrence
from gateway.core.kinds import Kind
from gateway.core.people.people import Person
from gateway.core.triggers.occurrence import STAFF_RECIPIENT, Occurrence
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_mail import TriggerMail, build, message_id
from gateway.core.triggers.values import values
from gateway.triggers.templates import CheckedTrigger, Rendered
from gateway.triggers.trigger_settings import TriggerSettings


@dataclass(frozen=True, slots=True)
class Addressee:
    """The addressee."""

    address: str  #: Empty if there is none.
    name: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceMail:
    """A mail, ready to be sent."""

    address: str
    subject: str
    message_id: str
    body: bytes


def addressee(recipient: str, facts: OccurrenceFacts) -> Addressee:
    """Return the addressee: the person, a member of staff, or an address."""
    if recipient.startswith(STAFF_RECIPIENT):
        staff = facts.staff
        return Addressee(staff.email, staff.name, staff.language) if staff else _NOBODY
    if recipient:
        return Addressee(recipient, "", "")
    return of_person(facts.person) if facts.person else _NOBODY


_NOBODY = Addressee("", "", "")


def of_person(person: Person) -> Addressee:
    """Return a person as addressee: at the primary address."""
    return Addressee(next(iter(person.emails), ""), person.name, person.language)


def render(
    settings: TriggerSettings,
    checked: CheckedTrigger,
    facts: OccurrenceFacts,
    language: str,
    day: date,
    *,
    named_occurrence: NamedOccurrence | None = None,
) -> Rendered:
    """Write the text for a reader of that language; raise `NotRendered`.

    Without the occurrence, the unsubscribe link is a sample without effect.
    """
    written_in = checked.template.language_of(language)
    link = settings.links.url(named_occurrence) if settings.links else ""
    return checked.template.render(
        language, values(checked.trigger.values, facts, day, written_in, link)
    )


def write(
    settings: TriggerSettings,
    checked: CheckedTrigger,
    row: Occurrence,
    facts: OccurrenceFacts,
    now: datetime,
) -> OccurrenceMail:
    """Write the mail of an occurrence, or reuse that of the previous attempt; `NotRendered`."""
    to = addressee(row.recipient, facts)
    if row.body is not None and row.address == to.address:
        return OccurrenceMail(
            address=row.address, subject=row.subject, message_id=row.message_id, body=row.body
        )
    named_occurrence = NamedOccurrence(row.id)
    rendered = render(
        settings,
        checked,
        facts,
        to.language,
        settings.day(row.due_at),
        named_occurrence=named_occurrence,
    )
    links = settings.links if checked.trigger.kind is Kind.BULK else None
    mail = TriggerMail(
        id=row.id,
        at=now.astimezone(settings.zone),
        sender=sender_of(settings, checked.trigger),
        hostname=settings.hostname,
        recipient=to.address,
        name=to.name,
        language=rendered.language,
        kind=checked.trigger.kind,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        unsubscribe=links.fields(named_occurrence) if links else (),
    )
    return OccurrenceMail(
        address=to.address,
        subject=rendered.subject,
        message_id=message_id(mail),
        body=build(mail),
    )


def sender_of(settings: TriggerSettings, trigger: Trigger) -> str:
    """Return the sender of a trigger's mail."""
    return trigger.sender or settings.sender
