"""The values a template can use: texts, with dates already in the reader's language."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.core.moments import ENGLISH_MONTHS
from gateway.core.triggers.occurrence_facts import OccurrenceFacts

DATE = "date"  #: The day the mail is due, in every mail.
UNSUBSCRIBE_URL = "unsubscribe_url"  #: The unsubscribe link, in every mail.

_FORMS = {"nl": "%d-%m-%Y", "de": "%d.%m.%Y", "fr": "%d/%m/%Y"}


def format_date(day: date | None, language: str) -> str:
    """Format a date for a language; empty without a date."""
    if day is None:
        return ""
    if language == "en":
        return f"{day.day} {ENGLISH_MONTHS[day.month - 1]} {day.year}"
    return day.strftime(_FORMS.get(language, "%Y-%m-%d"))


@dataclass(frozen=True, slots=True)
class TemplateValues:
    """Values available to a template under one name: `application.title`."""

    name: str
    fields: frozenset[str]
    #: Returns the value of each field for a reader of a language; None: nothing to say.
    of: Callable[[OccurrenceFacts, str], Mapping[str, str] | None]


def values(
    groups: Iterable[TemplateValues],
    facts: OccurrenceFacts,
    day: date,
    language: str,
    unsubscribe_url: str = "",
) -> dict[str, object]:
    """Return the values for a mail due on a day, for a reader of that language."""
    by_name: dict[str, object] = {
        DATE: format_date(day, language),
        UNSUBSCRIBE_URL: unsubscribe_url,
    }
    for group in groups:
        group_values = group.of(facts, language)
        if group_values is not None:
            by_name[group.name] = group_values
    return by_name


def values_of_person(facts: OccurrenceFacts, language: str) -> Mapping[str, str]:
    """Return the values of `person`, which every mail has."""
    person = facts.person
    if person is None:
        raise AssertionError("nobody is written to about nobody")
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "name": person.name,
        "kind": person.ref.kind.value,
        "crm_id": person.ref.crm_id,
        "language": person.language,
    }


def values_of_qualification(facts: OccurrenceFacts, language: str) -> Mapping[str, str] | None:
    """Return the values of `qualification` (S4)."""
    qualification = facts.qualification
    if qualification is None:
        return None
    return {
        "name": qualification.name,
        "licence_number": qualification.licence_number,
        "examiner_number": qualification.examiner_number,
        "examiner": qualification.examiner,
        "issuer": facts.issuer,
        "acquired_on": format_date(qualification.acquired_on, language),
        "expires_on": format_date(qualification.expires_on, language),
    }


def values_of_application(facts: OccurrenceFacts, language: str) -> Mapping[str, str] | None:
    """Return the values of `application`, with its status in the reader's language."""
    known_application = facts.application
    if known_application is None:
        return None
    status = (
        dict(known_application.status_names).get(language)
        or known_application.status_name
        or known_application.application.status
    )
    return {
        "reference": known_application.application.reference,
        "title": known_application.application.title,
        "about": known_application.about,
        "programme": known_application.programme_name or known_application.application.programme,
        "status": status,
    }


def values_of_actor(facts: OccurrenceFacts, language: str) -> Mapping[str, str] | None:
    """Return the values of `actor`: blank if the candidate acted."""
    if facts.application is None:
        return None
    actor = facts.actor
    return {"name": actor.name if actor else "", "email": actor.email if actor else ""}


PERSON = TemplateValues(
    "person",
    frozenset(("first_name", "last_name", "name", "kind", "crm_id", "language")),
    values_of_person,
)
QUALIFICATION = TemplateValues(
    "qualification",
    frozenset(
        (
            *("name", "licence_number", "examiner_number", "examiner", "issuer"),
            *("acquired_on", "expires_on"),
        )
    ),
    values_of_qualification,
)
APPLICATION = TemplateValues(
    "application",
    frozenset(("reference", "title", "about", "programme", "status")),
    values_of_application,
)
ACTOR = TemplateValues("actor", frozenset(("name", "email")), values_of_actor)
