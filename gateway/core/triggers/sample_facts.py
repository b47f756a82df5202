"""A made-up person with all the data any template can use, for previews."""

from datetime import date, timedelta

from gateway.core.languages import in_language
from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.people import Person, PersonKind, PersonRef, Staff
from gateway.core.people.training import Qualification
from gateway.core.triggers.occurrence_facts import OccurrenceFacts

_NAMES = {
    "nl": ("Anna", "Voorbeeld", "VCA-basis", "Verpleegkundige"),
    "de": ("Anna", "Beispiel", "Erste Hilfe", "Pflegefachkraft"),
    "fr": ("Anna", "Exemple", "Habilitation électrique", "Infirmière"),
    "en": ("Anna", "Example", "First aid", "Nurse"),
}


def sample_facts(language: str, today: date) -> OccurrenceFacts:
    """Return the facts of a fictitious person who reads that language.

    The person has an application, and a qualification that expires in 30 days.
    """
    first, last, qualification, title = in_language(_NAMES, language, "en")
    ref = PersonRef(PersonKind.CANDIDATE, "0")
    return OccurrenceFacts(
        person=Person(
            ref=ref,
            first_name=first,
            last_name=last,
            emails=("anna@example.org",),
            language=language,
            birthday=date(1990, today.month, min(today.day, 28)),
            consent_email=True,
            mail_on_set_date=True,
            mail_after_first_delivery=True,
        ),
        qualification=Qualification(
            crm_id="0",
            person=ref,
            name=qualification,
            licence_number="P-1234",
            examiner_number="E-56",
            examiner="Erik Berg",
            acquired_on=today - timedelta(days=700),
            expires_on=today + timedelta(days=30),
            notice_days=30,
        ),
        issuer="Maria Sanders",
        application=KnownApplication(
            application=Application(reference="4711", person=ref, title=title),
            programme_name=title,
            status_name="OK",
        ),
        actor=Staff(crm_id="0", name="Maria Sanders", email="maria@example.org"),
    )
