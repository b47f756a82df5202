"""Which of the connections that are being opened are late."""

import asyncio

import pytest

from gateway.delivery.openings import SLOW_SECONDS, Openings


async def openings(*began: float) -> Openings:
    """Return openings of which each was begun at a time."""
    begun = Openings()
    for moment in began:
        begun.add(asyncio.create_task(asyncio.sleep(60)), moment)
    return begun


@pytest.mark.parametrize(
    ("took", "now", "worked_at", "in_time"),
    [
        (0.1, 100.9, 100.9, 2),
        (0.1, 101.1, 101.1, 1),  # the first is older than a second
        (0.1, 150.0, 150.0, 0),
        (0.1, 150.0, 100.2, 1),  # the relay hasn't worked since the second was begun
        (0.1, 150.0, 99.0, 2),
        (5.0, 109.0, 109.0, 2),  # twice as long as the last one took
        (5.0, 110.2, 110.2, 1),
    ],
)
async def test_an_opening_is_late_that_takes_twice_as_long_while_the_relay_works(
    took: float, now: float, worked_at: float, in_time: int
) -> None:
    begun = await openings(100.0, 100.5)
    begun.note_succeeded(90.0 - took, 90.0)

    assert in_time == begun.in_time(now, worked_at)


async def test_what_replaces_a_late_one_may_take_twice_as_long() -> None:
    """So that a relay that has become slower is waited for in the end."""
    begun = Openings()
    begun.note_succeeded(0.0, 0.1)
    now, patience = 1.0, []
    for _ in range(6):
        opening = asyncio.create_task(asyncio.sleep(60))
        begun.add(opening, now)
        lasts = next(seconds for seconds in range(1, 60) if not begun.in_time(now + seconds + 0.1))
        patience.append(lasts)
        now += lasts + 0.1
        begun.give_up_oldest(now)
        await asyncio.sleep(0)
        assert opening.cancelled() or opening.cancelling()

    assert [1, 2, 4, 8, SLOW_SECONDS, SLOW_SECONDS] == patience


async def test_of_a_burst_that_hangs_all_together_say_once_that_the_relay_is_slower() -> None:
    begun = Openings()
    begun.note_succeeded(0.0, 0.1)
    for _ in range(4):
        begun.add(asyncio.create_task(asyncio.sleep(60)), 1.0)
    for _ in range(3):
        begun.give_up_oldest(2.5)

    assert (1, 0) == (begun.in_time(2.9), begun.in_time(3.1))
