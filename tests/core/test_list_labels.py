"""The labels of a list's items."""

import pytest

from gateway.core.replies.list_labels import ItemCounter, item_number


@pytest.mark.parametrize(
    ("kind", "numbers", "shown"),
    [
        ("1", (-1, 0, 10), ["-1", "0", "10"]),
        ("a", (1, 26, 27, 703, 0), ["a", "z", "aa", "aaa", "0"]),
        ("A", (2, 28, -3), ["B", "AB", "-3"]),
        ("i", (1, 4, 9, 1994, 0, 4_000), ["i", "iv", "ix", "mcmxciv", "0", "4000"]),
        ("I", (3, 40), ["III", "XL"]),
    ],
)
def test_numbers_are_shown_as_the_list_has_them(
    kind: str, numbers: tuple[int, ...], shown: list[str]
) -> None:
    assert shown == [item_number(number, kind) for number in numbers]


@pytest.mark.parametrize(
    ("counter", "values", "labels"),
    [
        (ItemCounter(), (None, 7), ["•", "•"]),
        (ItemCounter(kind="1"), (None, None), ["1.", "2."]),
        (ItemCounter(kind="1", number=3), (None, 7, None), ["3.", "7.", "8."]),
        (ItemCounter(kind="a", number=2, step=-1), (None, None), ["b.", "a."]),
    ],
)
def test_items_are_counted(
    counter: ItemCounter, values: tuple[int | None, ...], labels: list[str]
) -> None:
    assert labels == [counter.label(value) for value in values]
