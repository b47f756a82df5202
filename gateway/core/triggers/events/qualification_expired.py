"""Qualifications that have expired."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.core.feed.unread_fields import PEOPLE, QUALIFICATIONS
from gateway.core.people.training import Qualification
from gateway.core.triggers.events.qualification_end import QualificationEnd
from gateway.core.triggers.selection import DueSelection, IsBetween, QualificationSelection
from gateway.core.triggers.trigger import Trigger

NOT_ENDED = "the qualification has not ended"


class QualificationExpired(QualificationEnd):
    """A qualification has expired."""

    name = "qualification_expired"
    place = 2
    title = {
        "en": "Qualification has ended",
        "nl": "Kwalificatie is verlopen",
        "de": "Qualifikation ist abgelaufen",
        "fr": "Qualification expirée",
    }
    summary = {
        "en": "Everybody who consents to e-mail, once a qualification of theirs has ended.",
        "nl": "Iedereen die e-mail wil, zodra een kwalificatie is verlopen.",
        "de": (
            "Alle, die E-Mails zugestimmt haben, sobald eine ihrer Qualifikationen abgelaufen ist."
        ),
        "fr": "Tous ceux qui acceptent les e-mails, dès qu'une de leurs qualifications a expiré.",
    }
    documented = (
        "a qualification has reached its end (`expires_on`); once per qualification and end",
        "consent to e-mail given",
    )
    lateness = timedelta(days=30)
    deciding = {
        PEOPLE: frozenset(("consent_email",)),
        QUALIFICATIONS: frozenset(("person", "acquired_on", "expires_on")),
    }
    reasons = {**QualificationEnd.reasons, "not_ended": NOT_ENDED}

    def selections(self, trigger: Trigger, first: date, today: date) -> Iterator[DueSelection]:
        """Yield the qualifications that expired on one of the days."""
        yield QualificationSelection(
            where=(IsBetween("expires_on", first, today),),
            occurrence="expires_on",
            day_of=lambda qualification: qualification.expires_on,
        )

    def wrong_day(self, qualification: Qualification, end: date, today: date) -> str:
        """Return that it has not expired."""
        return NOT_ENDED if end > today else ""


QUALIFICATION_EXPIRED = QualificationExpired()
