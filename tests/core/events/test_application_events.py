"""The events `submitted` and `status_changed`."""

from dataclasses import replace

import pytest

from gateway.core.people.applications import KnownApplication
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from tests.core.events.known import APPLICATION, KNOWN, person, reason, trigger

HIRED = replace(
    KNOWN, application=KnownApplication(application=replace(APPLICATION, status="hired"))
)

#: A trigger, what is known, and the condition that isn't met.
CONDITIONS = {
    "submitted": (trigger(SUBMITTED), KNOWN, ""),
    "whatever its status": (trigger(SUBMITTED), HIRED, ""),
    "the status it is about": (trigger(STATUS_CHANGED, status="offer"), KNOWN, ""),
    "another status meanwhile": (
        trigger(STATUS_CHANGED, status="offer"), HIRED,
        "the application has another status now",
    ),
    "the application is gone": (
        trigger(SUBMITTED), replace(KNOWN, application=None), "the application is gone",
    ),
    "no consent is asked for": (trigger(SUBMITTED), person(consent_email=False), ""),
}  # fmt: skip


@pytest.mark.parametrize("why", CONDITIONS)
def test_what_keeps_a_mail_back(why: str) -> None:
    rule, facts, expected = CONDITIONS[why]

    assert expected == reason(rule, facts)


def test_only_staff_must_be_shown_who_is_mailed_and_may_undo_it() -> None:
    assert (True, False) == (SUBMITTED.by_candidate, STATUS_CHANGED.by_candidate)
