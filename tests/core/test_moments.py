"""Days and times as people write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.core import ids
from gateway.core.moments import read_duration, read_moment, read_since

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)  # the 29th in Amsterdam


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", "2026-10-31T23:00:00"),  # midnight there
        ("2026-07-01", "2026-06-30T22:00:00"),  # in summer time
        ("2026-11-01T08:30", "2026-11-01T07:30:00"),
        ("2026-11-01 08:30:15", "2026-11-01T07:30:15"),
        ("2026-11-01T08:30Z", "2026-11-01T08:30:00"),
        ("2026-11-01t08:30z", "2026-11-01T08:30:00"),  # RFC 3339, 5.6: letters in either case
        ("2026-11-01T08:30-03:00", "2026-11-01T11:30:00"),
        ("today", "2026-11-28T23:00:00"),
        (" Yesterday ", "2026-11-27T23:00:00"),
        ("90s", "2026-11-28T23:28:30"),
        ("10m", "2026-11-28T23:20:00"),
        ("2h", "2026-11-28T21:30:00"),
        ("7d", "2026-11-21T23:30:00"),  # to the second, not to midnight
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, moment: str) -> None:
    assert datetime.fromisoformat(f"{moment}+00:00") == read_since(text, NOW, AMSTERDAM)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "tomorrow", "01.11.2026", "2026-13-01", "2026-02-30", "7", "7w", "-7d", "999999d",
     "0001-01-01", "9999-12-31T23:59-23:59"],
)  # fmt: skip
def test_what_is_no_time_is_told_with_what_is_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"2026-03-12T08:30, yesterday or 7d: ") as told:
        read_since(text, NOW, AMSTERDAM)

    assert str(told.value).endswith(f": {text}")


def test_a_time_to_come_is_no_length_of_time() -> None:
    for text in ("7d", "yesterday"):
        with pytest.raises(ValueError, match="not a date or time such as"):
            read_moment(text, AMSTERDAM)


def test_a_length_of_time_has_one_unit() -> None:
    for text in ("1h30m", "h", "1 h"):
        with pytest.raises(ValueError, match="not a duration such as 90s, 10m, 2h or 7d"):
            read_duration(text)


def test_every_time_has_an_id_that_the_store_can_hold() -> None:
    for year in (1, 2019, 2026, 2089, 2099, 9999):
        assert 0 <= ids.first_id_at(datetime(year, 1, 1, tzinfo=UTC)) < 2**63
