"""One status per member, by bounced < opened < clicked < unsubscribed."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from gateway.core.campaigns.precedence import Activity, ActivityType, member_status

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
BOUNCED, OPENED, CLICKED, UNSUBSCRIBED = ActivityType


def activity(activity_type: ActivityType, *, machine: bool = False) -> Activity:
    return Activity(type=activity_type, at=NOON, machine=machine)


def test_there_is_no_status_before_the_first_activity() -> None:
    assert member_status([]) is None


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([BOUNCED], BOUNCED),
        ([OPENED], OPENED),
        ([BOUNCED, OPENED], OPENED),
        ([OPENED, CLICKED, OPENED], CLICKED),
        ([UNSUBSCRIBED, CLICKED, OPENED, BOUNCED], UNSUBSCRIBED),
    ],
)
def test_the_more_important_status_overwrites_the_other(
    types: list[ActivityType], expected: ActivityType
) -> None:
    assert expected == member_status(map(activity, types))


def test_the_order_in_which_activities_arrive_does_not_matter() -> None:
    statuses = {member_status(map(activity, types)) for types in permutations(ActivityType)}

    assert {UNSUBSCRIBED} == statuses


def test_the_time_of_an_activity_does_not_matter() -> None:
    clicked = Activity(type=CLICKED, at=NOON)
    opened_later = Activity(type=OPENED, at=NOON + timedelta(days=1))

    assert member_status([clicked, opened_later]) is CLICKED


@pytest.mark.parametrize(
    ("activities", "counted", "left_out"),
    [
        ([activity(OPENED, machine=True)], OPENED, None),
        ([activity(BOUNCED), activity(OPENED, machine=True)], OPENED, BOUNCED),
        ([activity(OPENED, machine=True), activity(OPENED)], OPENED, OPENED),
    ],
)
def test_machine_opens_count_as_the_setting_says(
    activities: list[Activity], counted: ActivityType, left_out: ActivityType | None
) -> None:
    assert counted == member_status(activities)
    assert left_out == member_status(activities, count_machine_opens=False)
