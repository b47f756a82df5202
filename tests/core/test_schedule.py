"""Quarter hours, local time in, UTC out, with the nearest times when refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.core.campaigns.schedule import NotScheduled, Scheduled, Unschedulable, schedule

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def texts(outcome: Scheduled | NotScheduled) -> list[str]:
    assert isinstance(outcome, NotScheduled)
    return [time.isoformat(timespec="minutes") for time in outcome.nearest]


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-03-02T09:00", AMSTERDAM, "2026-03-02T08:00"),
        ("2026-07-01T09:45", AMSTERDAM, "2026-07-01T07:45"),
        ("2026-03-29T03:00", AMSTERDAM, "2026-03-29T01:00"),
        ("2026-10-25T02:30", AMSTERDAM, "2026-10-25T00:30"),
        ("2026-10-25T03:00", AMSTERDAM, "2026-10-25T02:00"),
        ("2026-03-02T09:00", KATHMANDU, "2026-03-02T03:15"),
    ],
)
def test_a_quarter_hour_to_come_is_scheduled_in_utc(at: str, zone: ZoneInfo, expected: str) -> None:
    assert Scheduled(local(expected).replace(tzinfo=UTC)) == schedule(local(at), zone, NOW)


def test_the_second_of_two_equal_times_is_asked_for_by_its_fold() -> None:
    second = local("2026-10-25T02:30").replace(fold=1)

    assert Scheduled(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == schedule(second, AMSTERDAM, NOW)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T09:05", ["2026-03-02T09:00+01:00", "2026-03-02T09:15+01:00"]),
        ("2026-03-02T09:00:30", ["2026-03-02T09:00+01:00", "2026-03-02T09:15+01:00"]),
        ("2026-03-29T01:50", ["2026-03-29T01:45+01:00", "2026-03-29T03:00+02:00"]),
        ("2026-10-25T02:50", ["2026-10-25T02:45+02:00", "2026-10-25T02:00+01:00"]),
        ("2026-03-01T13:10", ["2026-03-01T13:15+01:00"]),
    ],
)
def test_off_the_quarter_the_nearest_quarters_are_offered(at: str, expected: list[str]) -> None:
    outcome = schedule(local(at), AMSTERDAM, NOW)

    assert isinstance(outcome, NotScheduled)
    assert outcome.reason is Unschedulable.OFF_QUARTER
    assert expected == texts(outcome)


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-03-29T02:00", AMSTERDAM, ["2026-03-29T01:45+01:00", "2026-03-29T03:00+02:00"]),
        ("2026-03-29T02:30", AMSTERDAM, ["2026-03-29T01:45+01:00", "2026-03-29T03:00+02:00"]),
        ("2026-03-29T02:59", AMSTERDAM, ["2026-03-29T01:45+01:00", "2026-03-29T03:00+02:00"]),
        ("2026-10-04T02:15", LORD_HOWE, ["2026-10-04T01:45+10:30", "2026-10-04T02:30+11:00"]),
    ],
)
def test_a_time_the_clocks_skip_is_refused(at: str, zone: ZoneInfo, expected: list[str]) -> None:
    outcome = schedule(local(at), zone, NOW)

    assert isinstance(outcome, NotScheduled)
    assert outcome.reason is Unschedulable.NO_SUCH_TIME
    assert expected == texts(outcome)


@pytest.mark.parametrize("at", ["2026-03-01T13:00", "2026-02-01T09:00"])
def test_a_past_time_is_refused_with_the_next_quarter(at: str) -> None:
    expected = ["2026-03-01T13:15+01:00"]

    outcome = schedule(local(at), AMSTERDAM, NOW)

    assert isinstance(outcome, NotScheduled)
    assert outcome.reason is Unschedulable.PAST
    assert expected == texts(outcome)
