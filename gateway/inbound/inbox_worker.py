"""Takes what listeners have put into the inbox, as soon as it is there."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from gateway import logs
from gateway.core.replies.inbox import InboxRow
from gateway.inbound.importer import TEMPORARY
from gateway.inbound.verdict import Verdict
from gateway.runtime.periodic import repeat
from gateway.store.engine.database import Database
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
    """Hands mails to the importer until `stopping` is set; `holder` names this process."""

    def __init__(
        self,
        database: Database,
        importer: TakesWaitingMail,
        *,
        holder: str,
        stopping: asyncio.Event,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._importer = importer
        self._holder = holder
        self._stopping = stopping
        self._clock = clock

    async def run(self) -> None:
        """Take mails as they come; while something is away they wait."""

        async def take() -> timedelta:
            return timedelta(0) if await self.take_some() else _LOOK

        def failed(error: Exception) -> None:
            if not isinstance(error, TEMPORARY):
                raise error
            log.error("inbox_put_off", reason=str(error))

        await repeat(take, stopping=self._stopping, failed=failed, after_failure=_AWAY)

    async def take_some(self) -> bool:
        """Claim some mails and take them; whether there may be more."""
        now = self._clock()
        if not await self._database.read(lambda connection: inbox.has_waiting(connection, now)):
            return False
        rows = await self._database.write(
            lambda connection: inbox.claim(connection, self._holder, now, _LEASE, _AT_ONCE)
        )
        for row in rows:
            if self._stopping.is_set():
                return False
            await self._importer.take_waiting(row)
        return bool(rows)
