"""What Mailchimp's reports tell, read as activities."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.campaigns.activity import (
    of_email_activity,
    of_open_details,
    of_unsubscribed,
    read_time,
)
from gateway.core.campaigns.precedence import Activity, ActivityType

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEXT = "2026-11-20T12:00:00+00:00"


def row(**more: Any) -> dict[str, Any]:
    return {"email_id": "a1", "email_address": "Ann@crm.test", **more}


def done(*activities: dict[str, Any]) -> tuple[Activity, ...]:
    (seen,) = of_email_activity([row(activity=list(activities))])
    return seen.activities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, NOON),
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T13:00:00+01:00", NOON),
        ("2026-11-20T12:00:00", NOON),
        ("", None),
        ("never", None),
        (None, None),
        (7, None),
    ],
)
def test_times_are_read_as_utc_and_the_empty_one_is_never(text: object, expected: object) -> None:
    assert expected == read_time(text)


def test_opens_clicks_and_bounces_are_told_apart() -> None:
    activities = done(
        {"action": "open", "timestamp": TEXT, "ip": "198.51.100.7"},
        {"action": "click", "timestamp": TEXT, "url": "https://crm.test/"},
        {"action": "bounce", "timestamp": TEXT, "type": "hard"},
    )

    assert (
        Activity(type=ActivityType.OPENED, at=NOON),
        Activity(type=ActivityType.CLICKED, at=NOON, url="https://crm.test/"),
        Activity(type=ActivityType.BOUNCED, at=NOON, bounce="hard"),
    ) == activities


def test_who_did_nothing_is_left_out() -> None:
    assert [] == list(of_email_activity([row(activity=[]), row(activity=None), row()]))


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"action": "sent", "timestamp": TEXT},
        {"action": "open"},
        {"action": "open", "timestamp": ""},
    ],
)
def test_what_is_not_understood_is_passed_over(strange: dict[str, Any]) -> None:
    assert (Activity(type=ActivityType.OPENED, at=NOON),) == done(
        strange, {"action": "open", "timestamp": TEXT}
    )


def test_those_alike_in_one_second_are_numbered() -> None:
    click = {"action": "click", "timestamp": TEXT, "url": "https://crm.test/"}

    assert [0, 1, 0, 2] == [
        one.nth for one in done(click, click, {**click, "url": "https://crm.test/x"}, click)
    ]


def test_opens_by_machines_are_marked() -> None:
    opens = [
        {"timestamp": TEXT, "is_proxy_open": True},
        {"timestamp": TEXT, "is_proxy_open": False},
        {"timestamp": TEXT},
    ]

    (seen,) = of_open_details([row(opens=opens)])

    assert [True, False, False] == [one.machine for one in seen.activities]
    assert [0, 1, 2] == [one.nth for one in seen.activities]


def test_who_unsubscribed_has_a_reason_and_a_time() -> None:
    (seen,) = of_unsubscribed([row(timestamp=TEXT, reason="too many")])

    assert (
        Activity(type=ActivityType.UNSUBSCRIBED, at=NOON, reason="too many"),
    ) == seen.activities
    assert ("Ann@crm.test", "a1") == (seen.email, seen.email_id)


def test_what_no_store_can_hold_is_mended() -> None:
    (one,) = done({"action": "click", "timestamp": TEXT, "url": "https://crm.test/\0\ud800"})

    assert "https://crm.test/?" == one.url
