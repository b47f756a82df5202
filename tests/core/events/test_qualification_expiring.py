"""The event `qualification_expiring`."""

from dataclasses import replace
from datetime import date

import pytest

from gateway.core.people.training import Qualification
from gateway.core.triggers.events.qualification_expiring import QUALIFICATION_EXPIRING, notice_day
from gateway.core.triggers.selection import IsAhead, QualificationSelection
from tests.core.events.known import (
    ANN,
    KNOWN,
    PERSON,
    TODAY,
    in_days,
    qualification,
    reason,
    selected,
    trigger,
)

RULE = trigger(QUALIFICATION_EXPIRING)

#: What is known, the end the occurrence is keyed by, and the condition that isn't met.
CONDITIONS = {
    "the first day of notice": (qualification(expires_on=in_days(30)), in_days(30), ""),
    "the last day of notice": (qualification(expires_on=in_days(1)), in_days(1), ""),
    "no notice on the day itself": (KNOWN, TODAY, "the qualification has ended"),
    "no notice yet": (
        qualification(expires_on=in_days(31)), in_days(31), "it is too early for notice",
    ),
    "no notice at all": (
        qualification(expires_on=in_days(9), notice_days=None), in_days(9),
        "it is too early for notice",
    ),
    "without consent": (
        replace(
            qualification(expires_on=in_days(9)), person=replace(PERSON, consent_email=False)
        ),
        in_days(9), "no consent to e-mail",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", CONDITIONS)
def test_what_keeps_a_mail_back(why: str) -> None:
    facts, day, expected = CONDITIONS[why]

    assert expected == reason(RULE, facts, day)


def test_what_ends_within_its_lead_time_is_selected() -> None:
    [selection] = selected(RULE, in_days(-3), TODAY)

    assert isinstance(selection, QualificationSelection)
    assert (IsAhead("expires_on", "notice_days", TODAY),) == selection.where
    assert selection.day_of is notice_day


def test_notice_is_useless_from_the_end_on() -> None:
    assert TODAY == QUALIFICATION_EXPIRING.useless_from(KNOWN)
    assert QUALIFICATION_EXPIRING.useless_from(replace(KNOWN, qualification=None)) is None


@pytest.mark.parametrize(
    ("expires_on", "notice_days", "day"),
    [
        (date(2027, 3, 31), 30, date(2027, 3, 1)),
        (date(2027, 3, 31), 0, date(2027, 3, 31)),
        (date(2027, 3, 31), None, None),
        (None, 30, None),
        (date(1, 1, 2), 3_000, date.min),
    ],
)
def test_notice_begins_so_many_days_before_the_end(
    expires_on: date | None, notice_days: int | None, day: date | None
) -> None:
    ending = Qualification(crm_id="q1", person=ANN, expires_on=expires_on, notice_days=notice_days)

    assert day == notice_day(ending)


def test_what_will_end_is_selected_by_its_first_day_of_notice() -> None:
    [selection] = QUALIFICATION_EXPIRING.upcoming_selections(RULE, TODAY, TODAY, in_days(14))

    assert isinstance(selection, QualificationSelection)
    assert (IsAhead("expires_on", "notice_days", TODAY, in_days(14)),) == selection.where
    assert selection.day_of is notice_day
