"""Imports mails that listeners put into the inbox, as soon as they arrive."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway import logs
from gateway.core.replies.inbox import InboxRow
from gateway.inbound.bounce_keeping import JournalBehind
from gateway.inbound.importer import TEMPORARY
from gateway.inbound.verdict import ImportVerdict
from gateway.runtime import processes
from gateway.runtime.queue_worker import QueueWorker
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.replies import inbox

log = logs.get("inbound")

_LOOK = timedelta(seconds=0.2)
_AWAY = timedelta(seconds=2)
#: How long a mail waits if its worker crashes. A worker that takes longer does no harm: a mail is
#: settled only once.
_LEASE = timedelta(seconds=15)
_AT_ONCE = 4  #: How many are claimed together; some are left to other machines.


class TakesWaitingMail(Protocol):
    """Imports mails from the inbox."""

    async def take_waiting(self, row: InboxRow) -> ImportVerdict:
        """Import a mail from the inbox."""


class InboxWorker:
    """Passes mails to the importer until `stopping` is set; `holder` names this process.

    Mails that are claimed but not settled when it stops, or when something is away, are given back.
    Mails claimed by a process that `is_gone` are taken over at once. A mail about a message that
    isn't in the journal yet is left to other processes, and retried here after a moment; the other
    mails don't wait for it.
    """

    def __init__(
        self,
        database: Database,
        importer: TakesWaitingMail,
        *,
        holder: str,
        stopping: asyncio.Event,
        clock: Callable[[], datetime],
        is_gone: IsGone = processes.has_ended,
    ) -> None:
        self._database = database
        self._importer = importer
        self._holder = holder
        self._clock = clock
        self._is_gone = is_gone
        self._not_before: dict[int, datetime] = {}  # when a mail that was put off may be retried
        self._worker = QueueWorker(
            self._claim,
            self._take,
            give_back=self._give_back,
            at_once=lambda: 1,
            stopping=stopping,
            put_off=_put_off,
            poll=_LOOK,
            away=_AWAY,
        )

    async def run(self) -> None:
        """Import mails as they arrive; while the store or the blobs are away, they wait."""
        await self._worker.run()

    async def work_off(self) -> int:
        """Import the waiting mails; return how many there were."""
        return await self._worker.work_off()

    async def _claim(self, _: int) -> list[InboxRow]:
        """Claim several mails at a time: one claim takes as long as one mail."""
        now, is_gone = self._clock(), self._is_gone
        self._not_before = {
            number: moment for number, moment in self._not_before.items() if moment > now
        }
        but = tuple(self._not_before)
        if not await self._database.read(inbox.has_waiting, now, is_gone, but=but):
            return []
        # A power cut ends the claim together with the process that holds it, so making it durable
        # gains nothing.
        return await self._database.write_without_sync(
            inbox.claim, self._holder, now, _LEASE, _AT_ONCE, is_gone=is_gone, but=but
        )

    async def _take(self, row: InboxRow) -> None:
        try:
            await self._importer.take_waiting(row)
        except JournalBehind:
            log.info("bounce_put_off", origin=row.origin)
            self._not_before[row.id] = self._clock() + _AWAY
            await self._give_back([row])
        except Exception:
            # If the store is away, the lease expires instead.
            with contextlib.suppress(StoreUnavailable):
                await self._give_back([row])
            raise

    async def _give_back(self, rows: Sequence[InboxRow]) -> None:
        numbers = [row.id for row in rows]
        await self._database.write(inbox.give_back, self._holder, numbers)


def _put_off(error: Exception) -> None:
    if not isinstance(error, TEMPORARY):
        raise error
    log.error("inbox_put_off", reason=str(error))
