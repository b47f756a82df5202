"""When what could not be sent is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.sending.backoff import MAX_ATTEMPTS, next_try

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 180), (6, 360), (12, 360)]
)
def test_the_waits_grow(attempts: int, minutes: int) -> None:
    assert NOW + timedelta(minutes=minutes) == next_try(attempts, NOW, 0.0)


def test_jitter_makes_a_wait_at_most_a_tenth_longer() -> None:
    assert NOW + timedelta(minutes=66) == next_try(4, NOW, 1.0)


def test_it_is_given_up_after_two_days() -> None:
    at, attempts = NOW, 1
    while (again := next_try(attempts, at, 0.5)) is not None:
        at, attempts = again, attempts + 1

    assert attempts == MAX_ATTEMPTS
    assert timedelta(hours=45) < at - NOW < timedelta(hours=50)
