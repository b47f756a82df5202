"""Chores are done again and again, and end with the process."""

import asyncio
from datetime import timedelta

import pytest

from gateway.runtime.periodic import every, in_steps, pause, repeat, until_done

LONG = timedelta(hours=1)
AT_ONCE = timedelta(0)


async def test_a_pause_ends_with_the_process() -> None:
    stopping = asyncio.Event()
    waiting = asyncio.create_task(pause(stopping, LONG))
    await asyncio.sleep(0)

    stopping.set()

    await asyncio.wait_for(waiting, 5)


async def test_a_chore_is_done_until_the_process_stops_whatever_it_raises_meanwhile() -> None:
    stopping, done, heard = asyncio.Event(), [0], list[Exception]()

    async def chore() -> None:
        done[0] += 1
        if done[0] == 2:
            raise OSError("away")
        if done[0] == 3:
            stopping.set()

    await asyncio.wait_for(every(AT_ONCE, chore, stopping=stopping, failed=heard.append), 5)

    assert [3] == done
    assert ["away"] == [str(error) for error in heard]


async def test_the_pause_after_a_failure_is_one_of_its_own() -> None:
    stopping, tries = asyncio.Event(), list[int]()

    async def chore() -> None:
        tries.append(1)
        raise OSError("away")

    again = every(AT_ONCE, chore, stopping=stopping, failed=lambda _: None, after_failure=LONG)
    doing = asyncio.create_task(again)
    while not tries:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    stopping.set()
    await asyncio.wait_for(doing, 5)

    assert [1] == tries


async def test_what_must_end_the_process_does() -> None:
    async def chore() -> None:
        raise ValueError("a fault in the code")

    def failed(error: Exception) -> None:
        raise error

    with pytest.raises(ValueError, match="a fault"):
        await every(LONG, chore, stopping=asyncio.Event(), failed=failed)


async def test_a_chore_may_say_itself_how_long_to_wait() -> None:
    stopping, waits, heard = asyncio.Event(), [AT_ONCE, AT_ONCE, LONG], list[Exception]()

    async def chore() -> timedelta:
        return waits.pop(0)

    again = repeat(chore, stopping=stopping, failed=heard.append, after_failure=LONG)
    doing = asyncio.create_task(again)
    while waits:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    stopping.set()
    await asyncio.wait_for(doing, 5)

    assert [] == heard  # once more, and there would have been no wait to return


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, ["done"]), (2, ["away", "away", "done"]), (9, ["away"] * 3)]
)
async def test_what_may_fail_is_done_until_it_does_not_or_the_process_stops(
    failures: int, expected: list[str]
) -> None:
    stopping, seen = asyncio.Event(), list[str]()

    async def work() -> None:
        if len(seen) == 2 and failures > 2:
            stopping.set()
        if len(seen) < failures:
            raise OSError("away")
        seen.append("done")

    def failed(error: Exception) -> None:
        seen.append(str(error))

    doing = until_done(work, stopping=stopping, failed=failed, again_after=AT_ONCE)
    await asyncio.wait_for(doing, 5)

    assert expected == seen


@pytest.mark.parametrize(
    ("there", "steps", "count"),
    [
        (0, 1, 0),
        (4, 1, 4),
        (5, 2, 5),  # Whether there is more is seen by a step that finds none.
        (12, 3, 12),
    ],
)
async def test_what_is_done_in_steps_ends_with_one_that_is_not_whole(
    there: int, steps: int, count: int
) -> None:
    left, done = [there], list[int]()

    async def step() -> int:
        done.append(min(left[0], 5))
        left[0] -= done[-1]
        return done[-1]

    assert count == await in_steps(step, whole=5, rest=AT_ONCE, stopping=asyncio.Event())
    assert steps == len(done)


async def test_a_process_that_stops_does_no_further_step_and_rests_no_longer() -> None:
    stopping = asyncio.Event()

    async def step() -> int:
        stopping.set()
        return 5

    stepping = in_steps(step, whole=5, rest=LONG, stopping=stopping)
    assert 5 == await asyncio.wait_for(stepping, 5)
    assert 0 == await in_steps(step, whole=5, rest=LONG, stopping=stopping)
