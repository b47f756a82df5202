"""What a transaction tells of itself, in the journal or beside it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway.core.journal.message import Message
from gateway.core.kinds import State
from gateway.smtp_proxy.journaling import journal_client as module
from gateway.smtp_proxy.journaling.journal_client import JournalClient, take_records_in
from gateway.smtp_proxy.journaling.local_record import LocalRecord
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.journal.journal import JournalWriter
from gateway.store.journal.message_lookup import MessageLookup
from tests.rig.process import wait_until
from tests.store.feeding import NOW
from tests.store.holders import seen_ended
from tests.store.journaling import ANN, attempt, ended, going, marks, message, notice, states

US, GONE = "here 1", "here 2"
WORKER = 3
SENDING, RELAYED = ["sending by relay: "], ["relayed by relay: 250 ok"]
LEFT = ["unknown by gateway: the gateway was stopped before the relay's answer was recorded"]


class JournalRig:
    """A journal client with a store that can be taken away."""

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

    async def begin(self, sent: Message, *, may_be_local: bool = True, owes: bool = False) -> bool:
        drafts = (notice(sent),) if owes else ()
        return await self.journal_client.begin(sent, drafts, may_be_local=may_be_local)

    def finish(self, sent: Message, **fields: Any) -> "asyncio.Future[None] | None":
        return self.journal_client.finish(sent.id, tuple(ended(sent)), **fields)

    async def everything_in_store(self) -> None:
        """Wait until everything that was written is in the store."""
        in_store: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.journal.finish(0, (), visible=in_store)
        await in_store

    async def all_written(self) -> None:
        await asyncio.gather(*self.tasks)

    async def take_in(self) -> None:
        await self.all_written()
        await take_records_in(self.database, self.local, WORKER, seen_ended(GONE))

    async def shows(self, sent: Message, wanted: list[str]) -> None:
        await wait_until(
            lambda: states(self.database, sent) == wanted, f"the journal to say {wanted}"
        )


@pytest.fixture
async def rig(store_url: str, tmp_path: Path) -> AsyncIterator[JournalRig]:
    database = Database(store_url)
    database.prepare()
    rig = JournalRig(database, tmp_path / "outage")
    yield rig
    await rig.all_written()
    await rig.journal.close()
    database.close()


async def test_a_message_and_its_outcome_are_in_the_journal(rig: JournalRig) -> None:
    began = await rig.begin(message())
    before = states(rig.database, message())
    rig.finish(message())

    await rig.shows(message(), RELAYED)
    assert (True, SENDING, True) == (began, before, rig.local.is_empty)


async def test_P10_what_may_not_be_local_is_refused_while_the_store_is_away(
    rig: JournalRig,
) -> None:
    with rig.away():
        began = [
            await rig.begin(message(0), may_be_local=False),
            await rig.begin(message(1), owes=True),
        ]

    assert ([False, False], True) == (began, rig.local.is_empty)


async def test_what_passed_while_the_store_was_away_is_in_the_journal_afterwards(
    rig: JournalRig,
) -> None:
    sent = message()
    with rig.away():
        began = await rig.begin(sent)
        rig.finish(sent)
        await rig.all_written()
    before = states(rig.database, sent)
    await rig.take_in()

    assert (True, [], RELAYED) == (began, before, states(rig.database, sent))
    assert rig.local.is_empty


async def test_an_outcome_follows_its_message_though_the_store_is_back(rig: JournalRig) -> None:
    sent = message()
    with rig.away():
        await rig.begin(sent)
    await rig.take_in()
    between = states(rig.database, sent)
    rig.finish(sent)
    await rig.take_in()

    assert (SENDING, RELAYED) == (between, states(rig.database, sent))


async def test_a_refusal_that_nobody_waits_for_is_recorded_beside_the_store(
    rig: JournalRig,
) -> None:
    refused = replace(
        message(), deliveries=(replace(going(ANN), state=State.DEFERRED, reply="451 later"),)
    )
    with rig.away():
        rig.journal_client.note(refused)
        await wait_until(lambda: not rig.local.is_empty, "the local record")
    await rig.take_in()

    assert ["deferred by relay: 451 later"] == states(rig.database, refused)


async def test_while_the_store_is_away_nobody_waits_for_other_processes_to_see_a_refusal(
    rig: JournalRig,
) -> None:
    with rig.away():
        seen = rig.journal_client.note(message())
        await asyncio.wait((seen,), timeout=10)
        await rig.all_written()

    assert seen.cancelled()


async def test_K1_what_a_dead_process_recorded_is_taken_in_and_settled(rig: JournalRig) -> None:
    dead = LocalRecord(rig.folder, GONE)
    finished, left = message(0), message(1)
    for sent in (finished, left):
        await dead.begin(sent)
    await dead.finish(finished.id, tuple(ended(finished)))
    await rig.take_in()

    assert (RELAYED, LEFT) == (states(rig.database, finished), states(rig.database, left))
    assert [] == list(rig.folder.glob("*"))


async def test_a_retry_is_known_though_the_first_attempt_was_recorded_locally(
    rig: JournalRig,
) -> None:
    sent = message()
    with rig.away():
        await rig.begin(sent)
        seen = rig.finish(sent, attempts=[attempt(sent, "pending", content_hash="abc")])
    assert seen is not None
    await asyncio.wait_for(seen, 10)
    await rig.take_in()
    message_lookup = MessageLookup(rig.database)
    view = await message_lookup.look_up(marks(sent), 0, NOW)
    message_lookup.close()

    assert [(sent.id, "pending")] == [(earlier.message, earlier.state) for earlier in view.earlier]


async def test_what_has_ended_is_told_once_every_process_can_see_it(rig: JournalRig) -> None:
    sent = message()
    with rig.away():
        later = rig.finish(message(1), attempts=[attempt(message(1))])
        assert later is not None
        await asyncio.wait((later,), timeout=0.2)
        told_too_early = later.done()
    await asyncio.wait_for(rig.journal_client.note(sent, [attempt(sent)]), 10)
    message_lookup = MessageLookup(rig.database)
    view = await message_lookup.look_up(marks(sent), 0, NOW)
    message_lookup.close()

    assert not told_too_early
    assert [sent.id] == [earlier.message for earlier in view.earlier]


async def test_nothing_is_recorded_where_neither_can_be_written(rig: JournalRig) -> None:
    rig.folder.write_text("in the way")
    with rig.away():
        began = await rig.begin(message())

    assert not began


async def test_K5_a_store_that_gives_no_answer_is_not_waited_for(
    rig: JournalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    sent, other = message(0), message(1)
    hanging = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(*_: object) -> None:
        asyncio.run_coroutine_threadsafe(hanging.wait(), loop).result(10)

    event.listen(rig.database.engine, "begin", hang)
    began = [await rig.begin(sent), await rig.begin(other, may_be_local=False)]
    rig.finish(sent)
    event.remove(rig.database.engine, "begin", hang)
    hanging.set()
    await rig.all_written()
    await rig.everything_in_store()
    await rig.take_in()

    assert [True, False] == began
    assert RELAYED == states(rig.database, sent)
