"""Advance notice of expiring qualifications."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.core.feed.unread_fields import PEOPLE, QUALIFICATIONS
from gateway.core.people.training import Qualification
from gateway.core.triggers.events.qualification_end import QualificationEnd
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.selection import DueSelection, IsAhead, QualificationSelection
from gateway.core.triggers.trigger import Trigger

HAS_ENDED = "the qualification has ended"
TOO_EARLY = "it is too early for notice"


class QualificationExpiring(QualificationEnd):
    """A qualification expires within its own lead time."""

    name = "qualification_expiring"
    place = 3
    title = {
        "en": "Qualification will end",
        "nl": "Kwalificatie verloopt binnenkort",
        "de": "Qualifikation läuft bald ab",
        "fr": "Qualification bientôt expirée",
    }
    summary = {
        "en": "Everybody who consents to e-mail, as long before a qualification ends as it says.",
        "nl": (
            "Iedereen die e-mail wil, zo lang voordat een kwalificatie verloopt als daarbij staat."
        ),
        "de": (
            "Alle, die E-Mails zugestimmt haben, so lange vor dem Ablauf einer "
            "Qualifikation, wie dort steht."
        ),
        "fr": (
            "Tous ceux qui acceptent les e-mails, autant de temps avant la fin d'une "
            "qualification qu'elle l'indique."
        ),
    }
    documented = (
        "its own lead time (`notice_days`) before its end; blank: never. Found on its end or "
        "later, only the expired mail goes. A moved end is a new occurrence",
        "consent to e-mail given",
    )
    lateness = None
    deciding = {
        PEOPLE: frozenset(("consent_email",)),
        QUALIFICATIONS: frozenset(("person", "acquired_on", "expires_on", "notice_days")),
    }
    needs = (QUALIFICATIONS, "notice_days")
    reasons = {**QualificationEnd.reasons, "has_ended": HAS_ENDED, "too_early": TOO_EARLY}

    def selections(self, trigger: Trigger, first: date, today: date) -> Iterator[DueSelection]:
        """Yield the qualifications that expire within their lead time, whenever it began."""
        yield _ahead(IsAhead("expires_on", "notice_days", today))

    def upcoming_selections(
        self, trigger: Trigger, first: date, today: date, last: date
    ) -> Iterator[DueSelection]:
        """Yield the qualifications that expire within their lead time on one of the days."""
        yield _ahead(IsAhead("expires_on", "notice_days", today, last))

    def wrong_day(self, qualification: Qualification, end: date, today: date) -> str:
        """Return that it has expired, or that it is too early for notice."""
        if end <= today:
            return HAS_ENDED
        notice_on = notice_day(qualification)
        return TOO_EARLY if notice_on is None or notice_on > today else ""

    def useless_from(self, facts: OccurrenceFacts) -> date | None:
        """Return the expiry date: from then on only the mail about its expiry is sent."""
        return facts.qualification.expires_on if facts.qualification else None


QUALIFICATION_EXPIRING = QualificationExpiring()


def _ahead(condition: IsAhead) -> QualificationSelection:
    return QualificationSelection(where=(condition,), occurrence="expires_on", day_of=notice_day)


def notice_day(qualification: Qualification) -> date | None:
    """Return the first day to notify a person of an expiry; None: never."""
    if qualification.expires_on is None or qualification.notice_days is None:
        return None
    try:
        return qualification.expires_on - timedelta(days=qualification.notice_days)
    except OverflowError:
        return date.min
