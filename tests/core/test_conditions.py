"""Whether an occurrence is mailed: what every event asks, and the fields its mail waits for.

The conditions of each event are in `events/`.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.core.feed.unread_fields import UnreadField
from gateway.core.triggers.conditions import unmet_condition, why_waiting
from gateway.core.triggers.events.birthday import BIRTHDAY
from gateway.core.triggers.events.set_date import SET_DATE
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.occurrence_facts import earlier_mail_in_words
from gateway.core.triggers.trigger import TriggerEvent
from tests.core.events.known import KNOWN, TODAY, person, reason, trigger


def test_nobody_is_mailed_who_is_gone_or_not_active() -> None:
    gone = replace(KNOWN, person=None)

    assert "the person is gone" == reason(trigger(BIRTHDAY), gone)
    assert "not active" == reason(trigger(BIRTHDAY), person(active=False))


@pytest.mark.parametrize(
    ("to_person", "expected"), [(True, "not active"), (False, "")], ids=["the person", "staff"]
)
def test_staff_are_told_of_who_is_not_active(to_person: bool, expected: str) -> None:
    facts = person(active=False)

    assert expected == unmet_condition(
        trigger(SUBMITTED), "once", facts, TODAY, to_person=to_person
    )


UNREAD = UnreadField(
    what="people", kind="candidate", key="ann", field="birthday", text="not a date: '1980-13-01'",
    source="crm", file="people.csv", line=5,
    since=datetime(2027, 2, 1, tzinfo=UTC), at=datetime(2027, 2, 2, tzinfo=UTC),
)  # fmt: skip


@pytest.mark.parametrize(
    ("event", "field", "to_person", "waited_for"),
    [
        (BIRTHDAY, "birthday", True, True),
        (BIRTHDAY, "last_name", True, False),
        (SET_DATE, "birthday", True, False),
        (SUBMITTED, "emails", True, True),
        (SUBMITTED, "emails", False, False),
    ],
)
def test_a_mail_waits_for_the_fields_that_decide_about_it(
    event: TriggerEvent, field: str, to_person: bool, waited_for: bool
) -> None:
    facts = replace(KNOWN, unread=(replace(UNREAD, field=field),))
    told = f"can't be read: {field} of people candidate:ann (people.csv:5: {UNREAD.text})"

    assert (told if waited_for else "") == why_waiting(trigger(event), facts, to_person=to_person)


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (None, ""),
        (
            OccurrenceState.SENT,
            "the mail of an earlier change to this status left after this one was made",
        ),
        (
            OccurrenceState.UNKNOWN,
            "the mail of an earlier change to this status may have left",
        ),
        (OccurrenceState.FAILED, ""),
        (OccurrenceState.DUE, ""),
    ],
)
def test_a_status_that_comes_twice_is_mailed_once(
    earlier: OccurrenceState | None, expected: str
) -> None:
    assert expected == earlier_mail_in_words(replace(KNOWN, earlier=earlier))
