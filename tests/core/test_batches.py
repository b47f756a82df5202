"""Parts of as many items as are taken at once."""

import pytest

from gateway.core.batches import batched


@pytest.mark.parametrize(
    ("number", "sizes"),
    [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])],
)
def test_all_items_come_once_in_order_and_no_part_is_too_large(
    number: int, sizes: list[int]
) -> None:
    parts = list(batched(range(number), 3))

    assert sizes == [len(part) for part in parts]
    assert list(range(number)) == [item for part in parts for item in part]


def test_nothing_is_taken_before_it_is_asked_for() -> None:
    items = iter(range(10))
    parts = batched(items, 3)

    assert [0, 1, 2] == next(parts)
    assert 3 == next(items)
