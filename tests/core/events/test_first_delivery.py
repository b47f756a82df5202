"""The event `first_delivery`."""

from dataclasses import replace

import pytest

from gateway.core.triggers.events.first_delivery import FIRST_DELIVERY
from gateway.core.triggers.selection import ClosingSelection, IsTrue
from gateway.core.triggers.stored_dates import StoredDates
from tests.core.events.known import KNOWN, TODAY, in_days, person, reason, selected, trigger

RULE = trigger(FIRST_DELIVERY)
TO_COME = trigger(FIRST_DELIVERY, stored=StoredDates(dates=(in_days(1),)))

#: A trigger, what is known, and the condition that isn't met.
CONDITIONS = {
    "a stored date after the closing": (RULE, KNOWN, ""),
    "none wanted after the closing": (
        RULE, person(mail_after_first_delivery=False),
        "mail after the first delivery is not wanted",
    ),
    "no closing": (RULE, replace(KNOWN, first_closing=None), "there is no closing"),
    "closed on the stored date": (
        RULE, replace(KNOWN, first_closing=TODAY), "no stored date has come since the closing",
    ),
    "a stored date to come": (TO_COME, KNOWN, "no stored date has come since the closing"),
    "no stored date any more": (
        trigger(FIRST_DELIVERY, stored=StoredDates()), KNOWN,
        "no stored date has come since the closing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", CONDITIONS)
def test_what_keeps_a_mail_back(why: str) -> None:
    rule, facts, expected = CONDITIONS[why]

    assert expected == reason(rule, facts)


def test_who_was_closed_between_two_stored_dates_is_selected_on_the_later_one() -> None:
    rule = trigger(FIRST_DELIVERY, stored=StoredDates(dates=(in_days(-9), TODAY)))
    wanted = (IsTrue("mail_after_first_delivery"),)

    assert [
        ClosingSelection(day=in_days(-9), since=None, where=wanted),
        ClosingSelection(day=TODAY, since=in_days(-9), where=wanted),
    ] == selected(rule, in_days(-9), TODAY)
