"""Ids: rising numbers for the store, thirteen letters for people."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core import ids

MOMENT = datetime(2026, 3, 31, 12, 0, 0, 5_000, tzinfo=UTC)


@pytest.mark.parametrize("number", [0, 1, 31, 32, 2**22, 2**60 - 1, 2**60, 2**63 - 1])
def test_an_id_is_shown_and_read_again(number: int) -> None:
    shown = ids.show(number)

    assert 13 == len(shown)
    assert number == ids.read(shown) == ids.read(f" {shown.upper()} ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1b2c3d4e5f6g",
        "1b2c3d4e5f6g7h",
        "1b2c3d4e5f6gu",  # no letter of Crockford's
        "1b2c3d 4e5f6g",
        "١b2c3d4e5f6g7",  # a digit of another script
        "8000000000000",  # 2**63, which no store keeps
        "zzzzzzzzzzzzz",
    ],
)
def test_what_is_no_id_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        ids.read(text)


def test_ids_rise_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    source = ids.IdSource(salt=7)

    made = [source.next(moment) for moment in (5, 5, 4, 6, *[6] * 5_000, 7)]

    assert sorted(set(made)) == made
    assert {7} == {number >> 12 & 0x3FF for number in made}


def test_ids_of_two_processes_differ_in_the_same_millisecond() -> None:
    assert ids.IdSource(1).next(5) != ids.IdSource(2).next(5)


def test_a_moment_is_read_from_an_id_to_the_millisecond() -> None:
    number = ids.IdSource(3).next(ids.milliseconds_of(MOMENT))

    assert MOMENT == ids.moment_of(number)
    assert ids.first_id_at(MOMENT) <= number < ids.first_id_at(MOMENT + timedelta(milliseconds=1))


def test_nothing_was_made_before_ids_begin() -> None:
    assert 0 == ids.first_id_at(ids.EPOCH - timedelta(days=1))
