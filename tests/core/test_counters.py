"""What counters say is still to be read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.campaigns.counters import (
    ALL,
    NOTHING,
    Counters,
    CountersToRead,
    due_reading,
    is_worse,
    missing_counts,
)

SENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD = SENT + timedelta(days=5, seconds=1)
BEFORE = Counters(sent=10, opens=4, machine_opens=1, clicks=2, hard_bounces=1, last_open="a")
REPORT = {
    "emails_sent": 10,
    "bounces": {"hard_bounces": 1, "soft_bounces": 2, "syntax_errors": 3},
    "opens": {"opens_total": 9, "proxy_excluded_opens": 5, "last_open": "a"},
    "clicks": {"clicks_total": 4, "last_click": ""},
    "unsubscribed": 6,
}


def test_a_report_is_read() -> None:
    expected = Counters(
        sent=10,
        hard_bounces=1,
        soft_bounces=2,
        syntax_errors=3,
        opens=9,
        machine_opens=4,
        clicks=4,
        unsubscribed=6,
        last_open="a",
    )

    assert expected == Counters.of_report(REPORT)
    assert expected == Counters.of_document(expected.document() | {"of_later_versions": 1})


@pytest.mark.parametrize(
    "report",
    [{}, {"opens": None, "bounces": None, "clicks": None}, {"opens": {"opens_total": "x"}}],
)
def test_what_a_report_lacks_counts_as_nothing(report: dict[str, Any]) -> None:
    assert Counters() == Counters.of_report(report)


def test_machines_are_none_where_an_account_does_not_tell() -> None:
    counters = Counters.of_report({"opens": {"opens_total": 9}})

    assert (9, 0) == (counters.opens, counters.machine_opens)


@pytest.mark.parametrize(
    ("before", "at", "expected"),
    [
        (None, OLD, ALL),
        (BEFORE, SENT, ALL),
        (BEFORE, SENT + timedelta(days=5), ALL),
        (BEFORE, OLD, NOTHING),
    ],
)
def test_an_idle_campaign_is_one_sent_over_five_days_ago(
    before: Counters | None, at: datetime, expected: CountersToRead
) -> None:
    assert expected == due_reading(before, BEFORE, sent_at=SENT, at=at)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"opens": 5}, CountersToRead(activity=True, opens=True, unsubscribed=False)),
        ({"last_open": "b"}, CountersToRead(activity=True, opens=True, unsubscribed=False)),
        ({"machine_opens": 2}, CountersToRead(activity=False, opens=True, unsubscribed=False)),
        ({"clicks": 3}, CountersToRead(activity=True, opens=False, unsubscribed=False)),
        ({"sent": 11}, CountersToRead(activity=True, opens=False, unsubscribed=False)),
        ({"soft_bounces": 1}, CountersToRead(activity=True, opens=False, unsubscribed=False)),
        ({"unsubscribed": 1}, CountersToRead(activity=False, opens=False, unsubscribed=True)),
    ],
)
def test_only_what_moved_is_read_of_an_old_campaign(
    change: dict[str, Any], expected: CountersToRead
) -> None:
    assert expected == due_reading(BEFORE, replace(BEFORE, **change), sent_at=SENT, at=OLD)


def test_what_is_missing_is_what_mailchimp_counts_and_is_not_kept() -> None:
    counters = Counters.of_report(REPORT)
    kept = {"opened": 9, "machine": 3, "clicked": 5, "bounced": 1}

    gap = missing_counts(counters, kept)

    assert {"machine": 1, "bounced": 2, "unsubscribed": 6} == gap
    assert is_worse(gap, {})
    assert is_worse(gap, {"machine": 1, "bounced": 1, "unsubscribed": 6})
    assert not is_worse(gap, gap)
    assert not is_worse({}, gap)
