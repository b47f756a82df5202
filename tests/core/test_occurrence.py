"""Occurrences: what becomes of an attempt to mail one."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core import ids
from gateway.core.sending.backoff import MAX_ATTEMPTS
from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.core.triggers.occurrence import Occurrence, OccurrenceEnding, OccurrenceState, ending
from tests.core.events.known import ANN, TODAY

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)

#: The result, the attempts so far, when it is of no use any more, and what becomes of it.
ENDINGS: dict[str, tuple[AttemptResult, int, datetime | None, OccurrenceEnding]] = {
    "sent": (Sent("250 ok"), 1, None, OccurrenceEnding(state=OccurrenceState.SENT)),
    "refused": (
        Refused("550 no"), 1, None, OccurrenceEnding(state=OccurrenceState.FAILED, reason="550 no"),
    ),
    "E5: nobody can tell": (
        Unknown("silence"), 1, None,
        OccurrenceEnding(state=OccurrenceState.UNKNOWN, reason="silence"),
    ),
    "tried again": (
        Deferred("450 busy"), 1, None,
        OccurrenceEnding(state=OccurrenceState.DUE, reason="450 busy", next_at=LATER),
    ),
    "tried again in time": (
        Deferred("450 busy"), 1, LATER + timedelta(seconds=1),
        OccurrenceEnding(state=OccurrenceState.DUE, reason="450 busy", next_at=LATER),
    ),
    "too late to be tried again": (
        Deferred("450 busy"), 1, LATER,
        OccurrenceEnding(
            state=OccurrenceState.EXPIRED, reason="too late for another try: 450 busy"
        ),
    ),
    "tried again before it is too late": (
        Deferred("450 busy"), 6, NOW + timedelta(hours=4),
        OccurrenceEnding(
            state=OccurrenceState.DUE, reason="450 busy", next_at=NOW + timedelta(hours=2)
        ),
    ),
    "not tried again in the last minutes": (
        Deferred("450 busy"), 6, NOW + timedelta(minutes=29),
        OccurrenceEnding(
            state=OccurrenceState.EXPIRED, reason="too late for another try: 450 busy"
        ),
    ),
    "tried often enough": (
        Deferred("450 busy"), MAX_ATTEMPTS, None,
        OccurrenceEnding(state=OccurrenceState.FAILED, reason="given up: 450 busy"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", ENDINGS)
def test_what_becomes_of_an_attempt(why: str) -> None:
    result, attempts, latest_at, expected = ENDINGS[why]

    assert expected == ending(result, attempts, NOW, 0.0, latest_at)


def test_an_occurrence_knows_when_it_was_written_down_by_its_id() -> None:
    row = Occurrence(
        id=ids.first_id_at(NOW), trigger="t", event="birthday", person=ANN,
        occurrence=TODAY.isoformat(), about="", recipient="", run=None, state=OccurrenceState.DUE,
        reason="", due_at=NOW, latest_at=None, next_at=None, facts="", address="", subject="",
        message_id="", body=None, message=None, attempts=0, settled_at=None,
    )  # fmt: skip

    assert NOW == row.at
