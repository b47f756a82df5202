"""Writes the journal, or the local record while the store is away."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from gateway import logs
from gateway.core import ids
from gateway.core.journal.attempt import Attempt
from gateway.core.journal.message import KnownBulk, Message, Outcome
from gateway.core.sending.outbox import OutboxDraft
from gateway.smtp_proxy.journaling.local_record import LocalRecord, NotRecorded
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.journal.journal import MessageJournal
from gateway.store.journal.workers import take_in

log = logs.get("smtp_proxy")

_REPORT_TRIES = 120
_REPORT_SECONDS = 5.0  #: Between tries to queue a report while the store is away.
_SEEN_SECONDS = 2.0
PATIENCE_SECONDS = 30.0  #: Longer than any one store transaction takes.

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class JournalClient:
    """Records what transactions report about themselves."""

    def __init__(self, journal: MessageJournal, local: LocalRecord, spawn: Spawn) -> None:
        self._journal = journal
        self._local = local
        self._spawn = spawn

    async def begin(
        self, message: Message, drafts: tuple[OutboxDraft, ...], *, may_be_local: bool
    ) -> bool:
        """Record a message durably; False if nothing may be sent.

        `may_be_local` allows the local record while the store is away; a message that owes a notice
        can't use it, because the notice would be lost.
        """
        try:
            await self._durable(message, drafts)
        except (StoreUnavailable, TimeoutError) as error:
            if may_be_local and not drafts:
                return await self._begin_locally(message)
            log.error("not_recorded", reason=str(error) or "the store gives no answer")
            if drafts:
                self._journal.finish(message.id, (), notices_go=False)
            return False
        return True

    def _durable(self, message: Message, drafts: tuple[OutboxDraft, ...]) -> Awaitable[None]:
        durable = self._journal.begin(message, drafts=drafts)
        return _patiently(durable) if self._journal.may_hang else durable

    async def _begin_locally(self, message: Message) -> bool:
        try:
            await self._local.begin(message)
        except NotRecorded as error:
            log.error("not_recorded", reason=str(error))
            return False
        return True

    def note(self, message: Message, attempts: Sequence[Attempt] = ()) -> "asyncio.Future[None]":
        """Record a message that has already ended; done when every process can see it.

        Cancelled if the store is away: no process will see it before it is back.
        """
        visible: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def written(done: "asyncio.Future[None]") -> None:
            if done.cancelled():
                return
            if done.exception() is None:
                self._journal.finish(0, (), visible=visible)
            else:
                visible.cancel()
                self._spawn(self._note_locally(message))

        self._journal.begin(message, attempts=attempts).add_done_callback(written)
        return visible

    async def _note_locally(self, message: Message) -> None:
        if await self._begin_locally(message):
            self._local.forget(message.id)

    def report(self, message: Message, drafts: tuple[OutboxDraft, ...]) -> None:
        """Record a message that has ended, with a report it owes; nobody waits for it."""

        async def write() -> None:
            for tries in range(_REPORT_TRIES):
                with contextlib.suppress(StoreUnavailable, TimeoutError):
                    await self._durable(message, drafts)
                    return
                if tries == 0:
                    await self._note_locally(message)
                await asyncio.sleep(_REPORT_SECONDS)
            log.error("report_lost", message=ids.show(message.id))

        self._spawn(write())

    def finish(
        self,
        message: int,
        outcomes: tuple[Outcome, ...],
        *,
        attempts: Sequence[Attempt] = (),
        notices_go: bool | None = None,
    ) -> "asyncio.Future[None] | None":
        """Record the outcome of a message; nobody waits for it.

        With `attempts`, return a future that is done when every process can see them: a retry may
        reach another one.
        """
        if self._local.holds(message) and outcomes:
            self._spawn(self.finish_locally(message, outcomes))
            outcomes = ()
            if not attempts:
                return None
        visible = asyncio.get_running_loop().create_future() if attempts else None
        self._journal.finish(
            message, outcomes, attempts=attempts, notices_go=notices_go, visible=visible
        )
        return visible

    async def finish_locally(self, message: int, outcomes: tuple[Outcome, ...]) -> None:
        """Record the outcome of a message that was begun in the local record."""
        try:
            await self._local.finish(message, outcomes)
        except NotRecorded as error:
            log.error("outcome_lost", message=ids.show(message), reason=str(error))
            self._local.forget(message)

    async def bulk(self, identities: tuple[int, ...], known_bulk: KnownBulk) -> None:
        """Let every process know that a message is bulk; does nothing while the store is away."""
        with contextlib.suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(_SEEN_SECONDS):
                await self._journal.remember_bulk(identities, known_bulk)


async def _patiently(durable: "asyncio.Future[None]") -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await durable


async def take_records_in(
    database: Database, local: LocalRecord, worker: int, is_gone: IsGone
) -> None:
    """Import the local record, and those of processes that are gone, into the store."""
    await _take_in(database, local, worker)
    for record in local.of_the_dead(is_gone):
        await _take_in(database, record, worker)
        record.remove()


async def _take_in(database: Database, local: LocalRecord, worker: int) -> None:
    if local.is_empty:
        return
    loop = asyncio.get_running_loop()
    recorded = await loop.run_in_executor(None, local.read)
    await database.write(
        lambda connection: take_in(
            connection, worker, recorded.messages, recorded.outcomes, left=recorded.left
        )
    )
    await loop.run_in_executor(None, local.drop, recorded.length)
    log.info("outage_taken_in", messages=len(recorded.messages))
