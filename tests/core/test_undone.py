"""When a change of a status takes back one that nobody has heard of."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.triggers.transition import PastChange, is_undone

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNDO = timedelta(minutes=2)


def past(*changes: tuple[float, str, bool]) -> list[PastChange]:
    """Return changes, the oldest first: minutes before noon, the status before, whether told."""
    made = (
        PastChange(at=NOON - timedelta(minutes=ago), before=before, is_announced=told)
        for ago, before, told in changes
    )
    return list(made)[::-1]


@pytest.mark.parametrize(
    ("changes", "before", "status", "wanted"),
    [
        ([], "a", "b", False),
        ([(1, "a", False)], "b", "a", True),
        ([(1, "a", True)], "b", "a", False),
        ([(2, "a", False)], "b", "a", False),
        ([(1.99, "a", False)], "b", "a", True),
        ([(1, "a", False)], "b", "c", False),
        # a, b, a, b: what people last heard of is a
        ([(1.5, "a", False), (1, "b", False)], "a", "b", False),
        ([(1.5, "a", False), (1, "b", False)], "c", "a", True),
        # each was followed within two minutes, though not all of them fit into two
        ([(3, "a", False), (1.5, "b", False)], "c", "a", True),
        ([(4, "a", False), (1.5, "b", False)], "c", "a", False),
        ([(4, "a", True), (1.5, "b", False)], "c", "b", True),
        # b was told, then taken back and given again: nobody hears of either
        ([(9, "a", True), (1, "b", False)], "a", "b", True),
    ],
)
def test_what_people_have_heard_of_decides(
    changes: list[tuple[float, str, bool]], before: str, status: str, wanted: bool
) -> None:
    assert wanted == is_undone(past(*changes), before=before, status=status, at=NOON, undo=UNDO)
