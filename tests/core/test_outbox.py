"""What becomes of a row of the outbox."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.sending.backoff import MAX_ATTEMPTS
from gateway.core.sending.outbox import (
    AttemptResult,
    Deferred,
    OutboxState,
    Refused,
    Sent,
    Settlement,
    Unknown,
    settlement,
)

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("result", "attempts", "expected"),
    [
        (Sent("250 ok"), 1, Settlement(state=OutboxState.SENT)),
        (
            Refused("550 no such user"),
            1,
            Settlement(state=OutboxState.FAILED, error="550 no such user"),
        ),
        (
            Deferred("451 later"),
            1,
            Settlement(
                state=OutboxState.QUEUED, error="451 later", next_at=NOW + timedelta(minutes=1)
            ),
        ),
        (
            Deferred("451 later"),
            MAX_ATTEMPTS,
            Settlement(state=OutboxState.FAILED, error="given up: 451 later"),
        ),
        (
            Unknown("no answer after the dot"),
            1,
            Settlement(state=OutboxState.UNKNOWN, error="no answer after the dot"),
        ),
    ],
)
def test_a_result_decides_what_becomes_of_a_row(
    result: AttemptResult, attempts: int, expected: Settlement
) -> None:
    assert expected == settlement(result, attempts, NOW, 0.0)
