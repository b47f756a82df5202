"""How often a campaign is synced, by its age."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.campaigns.cadence import next_sync, sync_interval

SECOND = timedelta(seconds=1)
TEN_MINUTES = timedelta(minutes=10)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (-DAY, TEN_MINUTES),
        (timedelta(0), TEN_MINUTES),
        (2 * HOUR - SECOND, TEN_MINUTES),
        (2 * HOUR, HOUR),
        (DAY - SECOND, HOUR),
        (DAY, 3 * HOUR),
        (7 * DAY - SECOND, 3 * HOUR),
        (7 * DAY, 6 * HOUR),
        (14 * DAY - SECOND, 6 * HOUR),
        (14 * DAY, 12 * HOUR),
        (30 * DAY - SECOND, 12 * HOUR),
        (30 * DAY, DAY),
        (3650 * DAY, DAY),
    ],
)
def test_the_interval_follows_the_age(age: timedelta, expected: timedelta) -> None:
    assert expected == sync_interval(age)


def test_a_day_holds_as_many_syncs_as_the_document_says() -> None:
    created = datetime(2026, 10, 24, 9, tzinfo=UTC)
    syncs = [created]
    while syncs[-1] < created + timedelta(days=40):
        syncs.append(next_sync(age_from=created, synced_at=syncs[-1]))

    per_day = [
        sum(created + day * DAY <= at < created + (day + 1) * DAY for at in syncs)
        for day in range(40)
    ]

    expected = [12 + 22] + [8] * 6 + [4] * 7 + [2] * 16 + [1] * 10
    assert expected == per_day


def test_the_next_sync_counts_from_the_last_one() -> None:
    created = datetime(2026, 11, 2, 9, tzinfo=UTC)
    late = created + timedelta(hours=1, minutes=59)

    assert late + TEN_MINUTES == next_sync(age_from=created, synced_at=late)
