"""The first stored date of a trigger after a person's first closing, once ever."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.core.feed.unread_fields import DELIVERIES, PEOPLE
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.selection import ClosingSelection, DueSelection, IsTrue
from gateway.core.triggers.trigger import STORED_DATE_KEYS, DateEvent, Trigger

NOT_WANTED = "mail after the first delivery is not wanted"
NO_CLOSING = "there is no closing"
NO_DATE = "no stored date has come since the closing"


class FirstDelivery(DateEvent):
    """A stored date has come for the first time since a person's first closing."""

    name = "first_delivery"
    place = 5
    title = {
        "en": "First delivery",
        "nl": "Eerste levering",
        "de": "Erste Lieferung",
        "fr": "Première livraison",
    }
    summary = {
        "en": "Everybody who wants it, once: on the first day named below after a first closing.",
        "nl": (
            "Iedereen die dat wil, één keer: op de eerste dag hieronder na een eerste "
            "dagafsluiting."
        ),
        "de": (
            "Alle, die das möchten, einmal: am ersten Tag, der unten steht, nach einem "
            "ersten Tagesabschluss."
        ),
        "fr": (
            "Tous ceux qui le veulent, une seule fois : le premier jour indiqué ci-dessous "
            "après une première clôture."
        ),
    }
    documented = (
        "once ever, on the first date stored in the trigger strictly after the first closing "
        "(`closed_on` of `deliveries`)",
        "the flag `mail_after_first_delivery`",
    )
    subject = DELIVERIES
    lateness = timedelta(days=7)
    deciding = {
        PEOPLE: frozenset(("mail_after_first_delivery",)),
        DELIVERIES: frozenset(("person", "closed_on")),
    }
    needs = (PEOPLE, "mail_after_first_delivery")
    keys = STORED_DATE_KEYS
    reasons = {"no_first_delivery": NOT_WANTED, "no_closing": NO_CLOSING, "no_date": NO_DATE}

    def selections(self, trigger: Trigger, first: date, today: date) -> Iterator[DueSelection]:
        """Yield, for each stored date that has come, the people who are mailed on it.

        Those are the ones whose first closing no earlier stored date follows.
        """
        for day in trigger.stored.between(first, today):
            yield ClosingSelection(
                day=day,
                since=trigger.stored.before(day),
                where=(IsTrue("mail_after_first_delivery"),),
            )

    def unmet_condition(
        self, trigger: Trigger, occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return which condition isn't met: wanted, closed, and a date since then."""
        if facts.person is None or not facts.person.mail_after_first_delivery:
            return NOT_WANTED
        if facts.first_closing is None:
            return NO_CLOSING
        day = trigger.stored.after(facts.first_closing)
        return "" if day is not None and day <= today else NO_DATE


FIRST_DELIVERY = FirstDelivery()
