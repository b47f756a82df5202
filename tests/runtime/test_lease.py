"""What a process holds that does a job all the time."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.runtime.lease import Lease
from gateway.store.engine.database import Database, StoreUnavailable
from tests.store.holders import nobody_is_gone

TERM = timedelta(seconds=30)
NOW = datetime(2026, 11, 29, 2, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    yield database
    database.close()


def lease(database: Database, clock: Callable[[], datetime], holder: str = "here 1") -> Lease:
    return Lease(
        database=database,
        name="mailbox",
        holder=holder,
        term=TERM,
        clock=clock,
        is_gone=nobody_is_gone,
    )


async def test_another_process_hears_that_it_is_held(database: Database) -> None:
    first, second = lease(database, lambda: NOW), lease(database, lambda: NOW, "here 2")
    async with (
        first.held(asyncio.Event(), renew=TERM) as is_first,
        second.held(asyncio.Event(), renew=TERM) as is_second,
    ):
        pass

    assert (True, False) == (is_first, is_second)
    assert await second.take()


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a fault of ours")])
async def test_it_is_lost_when_nobody_can_say_whose_it_is(
    database: Database, error: Exception
) -> None:
    moments = iter([NOW])

    def clock() -> datetime:
        """Tell the time once, for taking it; renewing fails."""
        for moment in moments:
            return moment
        raise error

    lost = asyncio.Event()
    async with lease(database, clock).held(lost, renew=timedelta()):
        await asyncio.wait_for(lost.wait(), 5)


async def test_it_is_not_lost_at_the_end_of_the_block(database: Database) -> None:
    lost = asyncio.Event()
    async with lease(database, lambda: NOW).held(lost, renew=TERM):
        pass
    await asyncio.sleep(0)

    assert not lost.is_set()


@pytest.mark.parametrize("is_thread", [True, False])
async def test_what_was_done_counts_even_if_it_cannot_be_given_back(
    database: Database, monkeypatch: pytest.MonkeyPatch, is_thread: bool
) -> None:
    """So that a campaign that was sent isn't reported as failed; the lease ends by itself."""
    held = lease(database, lambda: NOW)

    def away() -> None:
        raise StoreUnavailable("away")

    if is_thread:
        with held.held_by_thread(renew=TERM) as keep:
            assert keep is not None
            monkeypatch.setattr(database, "writing", away)
    else:
        async with held.held(asyncio.Event(), renew=TERM) as is_held:
            assert is_held
            monkeypatch.setattr(database, "writing", away)
    monkeypatch.undo()

    assert not await lease(database, lambda: NOW, "here 2").take()
    assert await lease(database, lambda: NOW + TERM, "here 2").take()
