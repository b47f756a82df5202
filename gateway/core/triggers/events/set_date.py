"""Dates stored in a trigger, for everybody who wants mail then."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.core.feed.unread_fields import PEOPLE
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.selection import DueSelection, IsTrue, PeopleSelection
from gateway.core.triggers.trigger import STORED_DATE_KEYS, DateEvent, Trigger

DATE_GONE = "the date is no longer stored in the trigger"
NOT_WANTED = "mail on set dates is not wanted"


class SetDate(DateEvent):
    """A date stored in the trigger has come."""

    name = "set_date"
    place = 4
    title = {
        "en": "Set days",
        "nl": "Vaste dagen",
        "de": "Feste Termine",
        "fr": "Jours fixés",
    }
    summary = {
        "en": "Everybody who wants mail on set days, on each day that is named below.",
        "nl": "Iedereen die mail op vaste dagen wil, op elke dag die hieronder staat.",
        "de": "Alle, die E-Mails zu festen Terminen möchten, an jedem Tag, der unten steht.",
        "fr": "Tous ceux qui veulent un e-mail à des jours fixés, chaque jour indiqué ci-dessous.",
    }
    documented = (
        "on each date stored in the trigger, everybody whose `mail_on_set_date` is yes then; who "
        "says yes later waits for the next one",
        "the flag",
    )
    lateness = timedelta(days=7)
    deciding = {PEOPLE: frozenset(("mail_on_set_date",))}
    needs = (PEOPLE, "mail_on_set_date")
    keys = STORED_DATE_KEYS
    reasons = {"date_gone": DATE_GONE, "no_set_date": NOT_WANTED}
    is_over_once_looked_at = True  #: A date is for those who wanted mail when it came.

    def selections(self, trigger: Trigger, first: date, today: date) -> Iterator[DueSelection]:
        """Yield the people who want mail on set dates, for each date that has come."""
        for day in trigger.stored.between(first, today):
            yield PeopleSelection(day=day, where=(IsTrue("mail_on_set_date"),))

    def unmet_condition(
        self, trigger: Trigger, occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return which condition isn't met: still stored, and wanted."""
        if not trigger.stored.is_on(date.fromisoformat(occurrence)):
            return DATE_GONE
        is_wanted = facts.person is not None and facts.person.mail_on_set_date
        return "" if is_wanted else NOT_WANTED


SET_DATE = SetDate()
