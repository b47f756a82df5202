"""Several that write at the same time share a commit, and no fault."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway.store.engine.database import StoreTransaction, StoreUnavailable
from gateway.store.engine.group_commit import GroupCommit
from tests.outbox.outbox_rig import Shaky, shaky_store


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Shaky]:
    """A store that can be away."""
    with shaky_store(f"sqlite:///{tmp_path}/gateway.db") as database:
        yield database


class Doubling:
    """Work that doubles numbers, fails for odd ones, and can be held up."""

    def __init__(self) -> None:
        self.transactions: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, _: StoreTransaction, numbers: Sequence[int]) -> list[int]:
        self.transactions.append(list(numbers))
        self.may_go_on.wait(20)
        if any(number % 2 for number in numbers):
            raise ZeroDivisionError(f"odd: {list(numbers)}")
        return [2 * number for number in numbers]


async def test_who_asks_during_a_transaction_shares_the_next(database: Shaky) -> None:
    work = Doubling()
    work.may_go_on.clear()
    group = GroupCommit(database, work)
    asked = [asyncio.create_task(group.write(2))]
    while not work.transactions:
        await asyncio.sleep(0.001)
    asked += [asyncio.create_task(group.write(number)) for number in (4, 6)]
    await asyncio.sleep(0)  # The two have asked.
    work.may_go_on.set()

    assert [4, 8, 12] == await asyncio.gather(*asked)
    assert [[2], [4, 6]] == work.transactions


async def test_who_asks_a_moment_later_shares_the_first(database: Shaky) -> None:
    work = Doubling()
    group = GroupCommit(database, work)
    first = asyncio.create_task(group.write(2))
    for _ in range(3):
        await asyncio.sleep(0)  # The first has asked, and its turn has come.

    assert [4, 8] == [*await asyncio.gather(first, group.write(4))]
    assert [[2, 4]] == work.transactions


async def test_the_fault_of_one_is_no_others(database: Shaky) -> None:
    work = Doubling()
    group = GroupCommit(database, work)

    answers = await asyncio.gather(*map(group.write, (2, 3, 4)), return_exceptions=True)

    assert ["4", "odd: [3]", "8"] == list(map(str, answers))
    assert [[2, 3, 4], [2], [3], [4]] == work.transactions
    assert 20 == await group.write(10)


async def test_a_store_that_is_away_is_away_for_all(database: Shaky) -> None:
    work = Doubling()
    group = GroupCommit(database, work)
    database.is_away = True

    answers = await asyncio.gather(*map(group.write, (2, 4)), return_exceptions=True)

    assert [StoreUnavailable, StoreUnavailable] == list(map(type, answers))
    await database.missed_at_least(1)
    assert database.missed.locked()  # It was asked once.
    database.is_away = False
    assert 4 == await group.write(2)


async def test_who_gave_up_keeps_nobody_else_from_an_answer(database: Shaky) -> None:
    work = Doubling()
    work.may_go_on.clear()
    group = GroupCommit(database, work)
    given_up, stays = (asyncio.create_task(group.write(number)) for number in (2, 4))
    while not work.transactions:
        await asyncio.sleep(0.001)
    given_up.cancel()
    work.may_go_on.set()

    assert 8 == await asyncio.wait_for(stays, 20)
    assert 12 == await asyncio.wait_for(group.write(6), 20)
