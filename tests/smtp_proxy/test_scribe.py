"""What a passage tells of itself, in the journal or beside it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway.core.decision.journal import Message
from gateway.core.kinds import State
from gateway.smtp_proxy.journaling import journal_client as module
from gateway.smtp_proxy.journaling.journal_client import JournalClient, take_records_in
from gateway.smtp_proxy.journaling.local_record import LocalRecord
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.journal.journal import JournalWriter
from gateway.store.journal.message_lookup import MessageLookup
from tests.rig.process import wait_until
from tests.store.feeding import NOW
from tests.store.journaling import ANN, attempt, ended, going, marks, message, notice, states

US, GONE = "1", "2"
WORKER = 3
SENDING, RELAYED = ["sending by relay: "], ["relayed by relay: 250 ok"]
LEFT = ["unknown by gateway: the gateway was stopped before the relay's answer was recorded"]


class Desk:
    """A scribe with a store that can be taken away."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.journal = JournalWriter(database, WORKER, committed=lambda *_: None)
        self.local = LocalRecord(folder, US)
        self.tasks: set[asyncio.Task[None]] = set()
        self.journal_client = JournalClient(self.journal, self.local, self._spawn)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.get_running_loop().create_task(work))

    @contextmanager
    def away(self) -> Iterator[None]:
        """Have every transaction fail for the block."""

        def fail(*_: object) -> None:
            raise StoreUnavailable("away")

        event.listen(self.database.engine, "begin", fail)
        try:
            yield
        finally:
            event.remove(self.database.engine, "begin", fail)

    async def begin(self, one: Message, *, may_be_local: bool = True, owes: bool = False) -> bool:
        drafts = (notice(one),) if owes else ()
        return await self.journal_client.begin(one, drafts, may_be_local=may_be_local)

    def finish(self, one: Message, **fields: Any) -> "asyncio.Future[None] | None":
        return self.journal_client.finish(one.id, tuple(ended(one)), **fields)

    async def told(self) -> None:
        """Wait until everything that was written is in the store."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.journal.finish(0, (), told=told)
        await told

    async def all_written(self) -> None:
        await asyncio.gather(*self.tasks)

    async def take_in(self) -> None:
        await self.all_written()
        await take_records_in(self.database, self.local, WORKER, lambda process: process != GONE)

    async def shows(self, one: Message, wanted: list[str]) -> None:
        await wait_until(
            lambda: states(self.database, one) == wanted, f"the journal to say {wanted}"
        )


@pytest.fixture
async def desk(store_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database(store_url)
    database.prepare()
    desk = Desk(database, tmp_path / "outage")
    yield desk
    await desk.all_written()
    await desk.journal.close()
    database.close()


async def test_a_message_and_its_outcome_are_in_the_journal(desk: Desk) -> None:
    began = await desk.begin(message())
    before = states(desk.database, message())
    desk.finish(message())

    await desk.shows(message(), RELAYED)
    assert (True, SENDING, True) == (began, before, desk.local.empty)


async def test_P10_what_may_not_be_local_is_refused_while_the_store_is_away(desk: Desk) -> None:
    with desk.away():
        began = [
            await desk.begin(message(0), may_be_local=False),
            await desk.begin(message(1), owes=True),
        ]

    assert ([False, False], True) == (began, desk.local.empty)


async def test_what_passed_while_the_store_was_away_is_in_the_journal_afterwards(
    desk: Desk,
) -> None:
    one = message()
    with desk.away():
        began = await desk.begin(one)
        desk.finish(one)
        await desk.all_written()
    before = states(desk.database, one)
    await desk.take_in()

    assert (True, [], RELAYED) == (began, before, states(desk.database, one))
    assert desk.local.empty


async def test_an_outcome_follows_its_message_though_the_store_is_back(desk: Desk) -> None:
    one = message()
    with desk.away():
        await desk.begin(one)
    await desk.take_in()
    between = states(desk.database, one)
    desk.finish(one)
    await desk.take_in()

    assert (SENDING, RELAYED) == (between, states(desk.database, one))


async def test_a_refusal_that_nobody_waits_for_is_recorded_beside_the_store(desk: Desk) -> None:
    refused = replace(
        message(), deliveries=(replace(going(ANN), state=State.DEFERRED, reply="451 later"),)
    )
    with desk.away():
        desk.journal_client.note(refused)
        await wait_until(lambda: not desk.local.empty, "the local record")
    await desk.take_in()

    assert ["deferred by relay: 451 later"] == states(desk.database, refused)


async def test_K1_what_a_dead_process_recorded_is_taken_in_and_settled(desk: Desk) -> None:
    dead = LocalRecord(desk.folder, GONE)
    told, left = message(0), message(1)
    for one in (told, left):
        await dead.begin(one)
    await dead.finish(told.id, tuple(ended(told)))
    await desk.take_in()

    assert (RELAYED, LEFT) == (states(desk.database, told), states(desk.database, left))
    assert [] == list(desk.folder.glob("*"))


async def test_a_retry_is_known_though_the_first_attempt_was_recorded_locally(desk: Desk) -> None:
    one = message()
    with desk.away():
        await desk.begin(one)
        told = desk.finish(one, attempts=[attempt(one, "pending", content_hash="abc")])
    assert told is not None
    await asyncio.wait_for(told, 10)
    await desk.take_in()
    message_lookup = MessageLookup(desk.database)
    view = await message_lookup.look(marks(one), 0, NOW)
    message_lookup.close()

    assert [(one.id, "pending")] == [(found.message, found.state) for found in view.earlier]


async def test_what_has_ended_is_told_once_every_process_can_see_it(desk: Desk) -> None:
    one = message()
    with desk.away():
        later = desk.finish(message(1), attempts=[attempt(message(1))])
        assert later is not None
        await asyncio.wait((later,), timeout=0.2)
        told_too_early = later.done()
    await asyncio.wait_for(desk.journal_client.note(one, [attempt(one)]), 10)
    message_lookup = MessageLookup(desk.database)
    view = await message_lookup.look(marks(one), 0, NOW)
    message_lookup.close()

    assert not told_too_early
    assert [one.id] == [found.message for found in view.earlier]


async def test_nothing_is_recorded_where_neither_can_be_written(desk: Desk) -> None:
    desk.folder.write_text("in the way")
    with desk.away():
        began = await desk.begin(message())

    assert not began


async def test_K5_a_store_that_gives_no_answer_is_not_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    one, other = message(0), message(1)
    hanging = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(*_: object) -> None:
        asyncio.run_coroutine_threadsafe(hanging.wait(), loop).result(10)

    event.listen(desk.database.engine, "begin", hang)
    began = [await desk.begin(one), await desk.begin(other, may_be_local=False)]
    desk.finish(one)
    event.remove(desk.database.engine, "begin", hang)
    hanging.set()
    await desk.all_written()
    await desk.told()
    await desk.take_in()

    assert [True, False] == began
    assert RELAYED == states(desk.database, one)
