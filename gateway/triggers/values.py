"""The values a template can use: texts, dates already in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Person, Staff
from gateway.core.people.training import Qualification
from gateway.core.triggers.trigger import APPLICATION_EVENTS, Trigger

PERSON = "person"
QUALIFICATION = "qualification"
APPLICATION = "application"
ACTOR = "actor"
DATE = "date"

#: Every name a template may use, with what it has.
NAMES: Mapping[str, frozenset[str]] = {
    PERSON: frozenset(("first_name", "last_name", "name", "kind", "crm_id", "language")),
    QUALIFICATION: frozenset(
        (
            *("name", "licence_number", "examiner_number", "examiner", "issuer"),
            *("acquired_on", "expires_on"),
        )
    ),
    APPLICATION: frozenset(("reference", "title", "about", "programme", "status")),
    ACTOR: frozenset(("name", "email")),
    DATE: frozenset(),
}

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_FORMS = {"nl": "%d-%m-%Y", "de": "%d.%m.%Y", "fr": "%d/%m/%Y"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom and what a mail is about."""

    person: Person
    day: date
    qualification: Qualification | None = None
    issuer: str = ""  #: The name of the member of staff who entered the qualification.
    application: KnownApplication | None = None
    actor: Staff | None = None


def names_for(trigger: Trigger) -> frozenset[str]:
    """Return the names that have values in mail of a trigger."""
    names = {PERSON, DATE}
    if trigger.qualification_data:
        names.add(QUALIFICATION)
    if trigger.event in APPLICATION_EVENTS:
        names |= {APPLICATION, ACTOR}
    return frozenset(names)


def values(subject: Subject, language: str) -> dict[str, object]:
    """Return the values for a reader of that language."""
    found: dict[str, object] = {
        PERSON: _person(subject.person),
        DATE: written(subject.day, language),
    }
    if subject.qualification is not None:
        found[QUALIFICATION] = _qualification(subject.qualification, subject.issuer, language)
    if subject.application is not None:
        actor = subject.actor
        found[APPLICATION] = _application(subject.application, language)
        found[ACTOR] = {
            "name": actor.name if actor else "",
            "email": actor.email if actor else "",
        }
    return found


def written(day: date | None, language: str) -> str:
    """Write a date as people of a language do; empty where there is none."""
    if day is None:
        return ""
    if language == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return day.strftime(_FORMS.get(language, "%Y-%m-%d"))


def _person(person: Person) -> dict[str, str]:
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "name": person.name,
        "kind": person.ref.kind.value,
        "crm_id": person.ref.crm_id,
        "language": person.language,
    }


def _qualification(one: Qualification, issuer: str, language: str) -> dict[str, str]:
    return {
        "name": one.name,
        "licence_number": one.licence_number,
        "examiner_number": one.examiner_number,
        "examiner": one.examiner,
        "issuer": issuer,
        "acquired_on": written(one.acquired_on, language),
        "expires_on": written(one.expires_on, language),
    }


def _application(one: KnownApplication, language: str) -> dict[str, str]:
    status = dict(one.status_names).get(language) or one.status_name or one.application.status
    return {
        "reference": one.application.reference,
        "title": one.application.title,
        "about": one.about,
        "programme": one.programme_name or one.application.programme,
        "status": status,
    }
