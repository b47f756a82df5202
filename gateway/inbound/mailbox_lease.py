"""Having a mailbox to oneself, of all importers on one store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from gateway.runtime import processes
from gateway.store.engine import leases
from gateway.store.engine.database import Database, StoreUnavailable

#: After a crash nobody looks into a mailbox for so long. Two at one would do no harm but work.
_LEASE = timedelta(seconds=15)
_RENEW_SECONDS = 4.0


class MailboxLease:
    """Who may look into a mailbox; `holder` names this process.

    `is_gone` tells of another's name whether its process surely ended: its lease is over then.
    """

    def __init__(
        self,
        database: Database,
        holder: str,
        clock: Callable[[], datetime],
        *,
        is_gone: leases.IsGone = processes.has_ended,
    ) -> None:
        self._database = database
        self._holder = holder
        self._clock = clock
        self._is_gone = is_gone

    @asynccontextmanager
    async def of(self, name: str, lost: asyncio.Event) -> AsyncIterator[bool]:
        """Hold a lease for the block, or yield False where others have it; `lost` is set with it.

        Raises `StoreUnavailable`.
        """
        if not await self._take(name):
            yield False
            return

        async def keep() -> None:
            while not lost.is_set():
                await asyncio.sleep(_RENEW_SECONDS)
                try:
                    has_it = await self._take(name)
                except StoreUnavailable:
                    has_it = False
                if not has_it:
                    lost.set()

        keeper = asyncio.create_task(keep())
        try:
            yield True
        finally:
            keeper.cancel()
            with contextlib.suppress(StoreUnavailable):
                await self._database.write(
                    lambda connection: leases.drop(connection, name, self._holder)
                )

    async def _take(self, name: str) -> bool:
        now = self._clock()
        return await self._database.write(
            lambda connection: leases.take(
                connection, name, self._holder, now, _LEASE, is_gone=self._is_gone
            )
        )
