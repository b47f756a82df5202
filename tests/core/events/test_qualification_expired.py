"""The event `qualification_expired`."""

from dataclasses import replace

import pytest

from gateway.core.triggers.events.qualification_expired import QUALIFICATION_EXPIRED
from gateway.core.triggers.selection import IsBetween, QualificationSelection
from tests.core.events.known import (
    BOB,
    KNOWN,
    QUALIFICATION,
    TODAY,
    in_days,
    person,
    qualification,
    reason,
    selected,
    trigger,
)

RULE = trigger(QUALIFICATION_EXPIRED)

#: What is known, the end the occurrence is keyed by, and the condition that isn't met.
CONDITIONS = {
    "ended today": (KNOWN, TODAY, ""),
    "ended a while ago": (qualification(expires_on=in_days(-9)), in_days(-9), ""),
    "gone": (replace(KNOWN, qualification=None), TODAY, "the qualification is gone"),
    "somebody else's now": (qualification(person=BOB), TODAY, "the qualification is gone"),
    "no end any more": (
        qualification(expires_on=None), TODAY, "the qualification ends another day now",
    ),
    "its end has moved": (
        qualification(expires_on=in_days(-1)), TODAY, "the qualification ends another day now",
    ),
    "it ends tomorrow": (
        qualification(expires_on=in_days(1)), in_days(1), "the qualification has not ended",
    ),
    "without consent": (person(consent_email=False), TODAY, "no consent to e-mail"),
}  # fmt: skip


@pytest.mark.parametrize("why", CONDITIONS)
def test_what_keeps_a_mail_back(why: str) -> None:
    facts, day, expected = CONDITIONS[why]

    assert expected == reason(RULE, facts, day)


def test_what_ended_on_the_days_is_selected_and_due_on_its_end() -> None:
    [selection] = selected(RULE, in_days(-3), TODAY)

    assert isinstance(selection, QualificationSelection)
    assert (IsBetween("expires_on", in_days(-3), TODAY),) == selection.where
    assert ("expires_on", TODAY) == (selection.occurrence, selection.day_of(QUALIFICATION))


def test_an_end_makes_no_mail_about_it_useless() -> None:
    assert QUALIFICATION_EXPIRED.useless_from(KNOWN) is None
