"""The event `set_date`."""

import pytest

from gateway.core.triggers.events.set_date import SET_DATE
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.selection import IsTrue, PeopleSelection
from gateway.core.triggers.stored_dates import StoredDates
from tests.core.events.known import KNOWN, TODAY, in_days, person, reason, selected, trigger

RULE = trigger(SET_DATE)

#: What is known, the occurrence's day, and the condition that isn't met.
CONDITIONS = {
    "a stored date": (KNOWN, TODAY, ""),
    "a date that was taken out": (
        KNOWN, in_days(1), "the date is no longer stored in the trigger",
    ),
    "a date nobody asked for": (
        person(mail_on_set_date=False), TODAY, "mail on set dates is not wanted",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", CONDITIONS)
def test_what_keeps_a_mail_back(why: str) -> None:
    facts, day, expected = CONDITIONS[why]

    assert expected == reason(RULE, facts, day)


def test_nobody_wants_mail_where_nobody_is_known() -> None:
    assert SET_DATE.unmet_condition(RULE, TODAY.isoformat(), OccurrenceFacts(person=None), TODAY)


def test_who_wants_mail_is_selected_for_each_stored_date_that_has_come() -> None:
    rule = trigger(SET_DATE, stored=StoredDates(dates=(in_days(-2), TODAY, in_days(1))))

    assert [
        PeopleSelection(day=day, where=(IsTrue("mail_on_set_date"),))
        for day in (in_days(-2), TODAY)
    ] == selected(rule, in_days(-3), TODAY)
