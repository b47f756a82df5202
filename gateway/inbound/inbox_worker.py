"""Takes what listeners have put into the inbox, as soon as it is there."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from gateway import logs
from gateway.core.replies.inbox import InboxRow
from gateway.inbound.bounce_keeping import JournalBehind
from gateway.inbound.importer import TEMPORARY
from gateway.inbound.verdict import Verdict
from gateway.runtime import processes
from gateway.runtime.periodic import repeat
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.replies import inbox

log = logs.get("inbound")

_LOOK = timedelta(seconds=0.2)
_AWAY = timedelta(seconds=2)
#: After a crash mails wait so long. Who takes longer does no harm: a mail is settled only once.
_LEASE = timedelta(seconds=15)
_AT_ONCE = 4  #: So many are claimed together; other machines want some too.


class TakesWaitingMail(Protocol):
    """What takes the mails of the inbox."""

    async def take_waiting(self, row: InboxRow) -> Verdict:
        """Take a mail of the inbox."""


class InboxWorker:
    """Hands mails to the importer until `stopping` is set; `holder` names this process.

    What it has claimed and not begun when it stops, or something is away, is given back. Those of a
    process that `is_gone` are taken at once.
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
        self._stopping = stopping
        self._clock = clock
        self._is_gone = is_gone

    async def run(self) -> None:
        """Take mails as they come; while something is away they wait."""

        async def take() -> timedelta:
            return timedelta(0) if await self.take_some() else _LOOK

        def failed(error: Exception) -> None:
            if not isinstance(error, TEMPORARY):
                raise error
            if not isinstance(error, JournalBehind):
                log.error("inbox_put_off", reason=str(error))

        await repeat(take, stopping=self._stopping, failed=failed, after_failure=_AWAY)

    async def take_some(self) -> bool:
        """Claim some mails and take them; whether there may be more.

        Of bounces that may be about mail of this moment, which are given back, `JournalBehind` is
        raised at last.
        """
        now, is_gone = self._clock(), self._is_gone
        if not await self._database.read(lambda c: inbox.has_waiting(c, now, is_gone)):
            return False
        # A power cut ends the claim and its holder alike: to make it durable would be in vain.
        waiting = await self._database.write(
            lambda c: inbox.claim(c, self._holder, now, _LEASE, _AT_ONCE, is_gone=is_gone),
            durable=False,
        )
        has_more = bool(waiting)
        quicker: list[InboxRow] = []  # than the journal
        try:
            while waiting and not self._stopping.is_set():
                row = waiting.pop(0)
                try:
                    await self._importer.take_waiting(row)
                except JournalBehind:
                    quicker.append(row)
                    log.info("bounce_put_off", origin=row.origin)
        finally:
            if waiting or quicker:
                numbers = [row.id for row in (*waiting, *quicker)]
                # Where the store is away their lease runs out.
                with contextlib.suppress(StoreUnavailable):
                    await self._database.write(lambda c: inbox.give_back(c, self._holder, numbers))
        if quicker:
            raise JournalBehind("bounces may be about mail of this moment")
        return has_more
