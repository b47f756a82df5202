"""What the events about a qualification's expiry have in common."""

from abc import abstractmethod
from datetime import date

from gateway.core.feed.unread_fields import QUALIFICATIONS
from gateway.core.people.training import Qualification
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.reasons import NO_CONSENT
from gateway.core.triggers.trigger import BEFORE_SEND, DateEvent, Trigger
from gateway.core.triggers.values import QUALIFICATION

GONE = "the qualification is gone"
OTHER_END = "the qualification ends another day now"


class QualificationEnd(DateEvent):
    """A qualification expires: one occurrence per expiry date, so a changed date is a new one."""

    subject = QUALIFICATIONS
    keys = (BEFORE_SEND,)
    values_on_request = (QUALIFICATION,)
    reasons = {"qualification_gone": GONE, "other_end": OTHER_END}

    def unmet_condition(
        self, trigger: Trigger, occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return which condition isn't met: the same person, the same expiry, its day, consent."""
        qualification, person = facts.qualification, facts.person
        if qualification is None or person is None or qualification.person != person.ref:
            return GONE
        end = qualification.expires_on
        if end is None or end.isoformat() != occurrence:
            return OTHER_END
        wrong_day = self.wrong_day(qualification, end, today)
        return wrong_day or ("" if person.consent_email else NO_CONSENT)

    @abstractmethod
    def wrong_day(self, qualification: Qualification, end: date, today: date) -> str:
        """Return why it isn't the day for mail about that expiry; empty: it is."""
