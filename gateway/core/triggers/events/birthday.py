"""Birthdays."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.core.feed.unread_fields import PEOPLE
from gateway.core.people.finance_status import has_left, looks_like_died
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.reasons import NO_CONSENT
from gateway.core.triggers.selection import DueSelection, IsAmong, IsBefore, PeopleSelection
from gateway.core.triggers.stored_dates import in_year
from gateway.core.triggers.trigger import DateEvent, Trigger

OTHER_BIRTHDAY = "the birthday is another day now"
FINANCE_STATUS = "finance status: {}"


class Birthday(DateEvent):
    """A person's birthday."""

    name = "birthday"
    place = 1
    title = {
        "en": "Birthday",
        "nl": "Verjaardag",
        "de": "Geburtstag",
        "fr": "Anniversaire",
    }
    summary = {
        "en": "Everybody who consents to e-mail, on the birthday; nobody who has left or died.",
        "nl": "Iedereen die e-mail wil, op de verjaardag; niet wie weg of overleden is.",
        "de": (
            "Alle, die E-Mails zugestimmt haben, am Geburtstag; niemand, der gekündigt hat "
            "oder verstorben ist."
        ),
        "fr": (
            "Tous ceux qui acceptent les e-mails, le jour de leur anniversaire ; pas ceux "
            "qui sont partis ou décédés."
        ),
    }
    documented = (
        "whose birthday is on the day the event is looked at",
        "consent to e-mail given; finance status none of Gekündigt, Gekündigt (Widerrufen), "
        "Gekündigt (Storniert), Gekündigt (Ausgeschlossen), Gekündigt (Verstorben), as people read "
        "it: case, blanks, punctuation and ue for ü make no difference; nor anything with a word "
        "for deceased in it, such as Overleden, passed away or wijlen, an abbreviation of one "
        "(`verst.`, `gest.`, `overl.`), or a dagger. Where that may be a slip (`Ovrleden`) the "
        "mail waits, as for a field that can't be read. `gateway check` names what looks like one "
        "and isn't",
    )
    lateness = timedelta(0)
    deciding = {PEOPLE: frozenset(("birthday", "finance_status", "consent_email"))}
    reasons = {"other_birthday": OTHER_BIRTHDAY, "finance_status": FINANCE_STATUS}

    def selections(self, trigger: Trigger, first: date, today: date) -> Iterator[DueSelection]:
        """Yield the people whose birthday is on each day."""
        for number in range((today - first).days + 1):
            day = first + timedelta(days=number)
            born = (IsAmong("anniversary", anniversaries(day)), IsBefore("birthday", day))
            yield PeopleSelection(day=day, where=born)

    def unmet_condition(
        self, trigger: Trigger, occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return which condition isn't met: still that day, not left, consent."""
        person = facts.person
        day = date.fromisoformat(occurrence)
        if person is None or person.birthday is None or not is_birthday(person.birthday, day):
            return OTHER_BIRTHDAY
        if has_left(person.finance_status):
            return FINANCE_STATUS.format(person.finance_status)
        return "" if person.consent_email else NO_CONSENT

    def in_doubt(self, facts: OccurrenceFacts) -> str:
        """Return a finance status that may be a misspelt word for deceased."""
        person = facts.person
        word = looks_like_died(person.finance_status) if person is not None else ""
        if person is None or not word:
            return ""
        return (
            f"finance_status of people {person.ref} ({person.finance_status!r} may be {word!r}: "
            "write the one that is meant)"
        )


BIRTHDAY = Birthday()


def is_birthday(born: date, day: date) -> bool:
    """Whether a birthday falls on a day; 29 February counts as the 28th in other years."""
    return day == in_year(born.month, born.day, day.year)


def anniversaries(day: date) -> tuple[int, ...]:
    """Return which birthdays fall on a day, each as 100 × month + day."""
    number = 100 * day.month + day.day
    is_leap = in_year(2, 29, day.year).day == 29
    return (228, 229) if number == 228 and not is_leap else (number,)
