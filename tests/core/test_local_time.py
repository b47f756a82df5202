"""Whose clock a date was written by that names no zone."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from gateway.core.replies.forwarded.local_time import in_zone_of_writer

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 11, 23, 9, 15, tzinfo=BERLIN)  # 08:15 UTC


@pytest.mark.parametrize(
    ("date", "sent", "offset", "moment", "is_sure"),
    [
        (MORNING, "2026-11-23 10:00", +1, "08:15", True),  # the clock of the office
        (MORNING, "2026-11-23 20:00", +2, "07:15", False),  # somebody in Helsinki, perhaps
        (MORNING, "2026-11-23 20:00", +0, "08:15", False),  # a server that keeps UTC, perhaps
        (MORNING, "2026-11-23 08:30", +0, "08:15", True),  # 09:15 UTC was not yet
        (MORNING, "2026-11-23 10:00", +2, "07:15", True),  # sent at 08:00 UTC: Helsinki it is
        (MORNING, "2026-07-01 10:00", +2, "08:15", True),  # the summer of the office
        (datetime(2026, 7, 1, 9, 15, tzinfo=BERLIN), "2026-11-23 20:00", +2, "07:15", True),
    ],
)
def test_a_date_without_a_zone_is_compared_with_that_of_the_mail_around_it(
    date: datetime, sent: str, offset: int, moment: str, is_sure: bool
) -> None:
    at = datetime.fromisoformat(sent).replace(tzinfo=timezone(timedelta(hours=offset)))

    chosen, sure = in_zone_of_writer(date, at)

    assert (moment, is_sure) == (f"{chosen.astimezone(UTC):%H:%M}", sure)


def test_without_the_clock_of_the_program_the_office_counts() -> None:
    assert (MORNING, True) == in_zone_of_writer(MORNING, None)


def test_the_clock_of_an_author_is_never_known() -> None:
    assert (MORNING, False) == in_zone_of_writer(MORNING, MORNING, is_authors_clock=True)
