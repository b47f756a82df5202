"""What a confirmation is good for: what was shown, for some minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.triggers.confirmation import VALID, is_valid, token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOWN = ("status", "accepted", [("4711", "ann@example.org")])


@pytest.mark.parametrize(
    ("shown", "later", "wanted"),
    [
        (SHOWN, timedelta(0), True),
        (SHOWN, VALID, True),
        (SHOWN, VALID + timedelta(seconds=1), False),
        (("status", "accepted", []), timedelta(0), False),
        (("status", "accepted"), timedelta(0), False),
    ],
)
def test_it_is_for_what_was_shown_and_for_some_minutes(
    shown: tuple[object, ...], later: timedelta, wanted: bool
) -> None:
    given, _ = token(SHOWN, NOON)

    assert wanted is is_valid(given, shown, NOON + later)


def test_it_cant_be_made_to_last_longer() -> None:
    _, _, digest = token(SHOWN, NOON)[0].partition("-")
    later = f"{int((NOON + 2 * VALID).timestamp()):x}-{digest}"

    assert not is_valid(later, SHOWN, NOON + VALID + timedelta(minutes=5))


@pytest.mark.parametrize("given", ["", "-", "nonsense", "ffffffffffff-1", "-1-1", "0x10-aa"])
def test_what_is_none_confirms_nothing(given: str) -> None:
    assert not is_valid(given, SHOWN, NOON)
