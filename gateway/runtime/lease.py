"""A job that only one process on all machines does at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.runtime import processes
from gateway.store.engine import leases
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.engine.leases import IsGone


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to a job for a time: taken, renewed, given back; it ends with its holder's process.

    A periodic job takes it for one period and lets it expire (`take`); a continuous one holds it
    for a block (`held`, or `held_by_thread`).
    """

    database: Database
    name: str  #: The job's name: `mailchimp`, `trigger:birthday`.
    holder: str  #: This process and its part (`processes.holder`).
    #: How long a holder may be silent; if its machine crashes, nobody does the job for that long.
    term: timedelta
    clock: Callable[[], datetime]
    is_gone: IsGone = processes.has_ended

    def take_within(self, connection: StoreTransaction) -> bool:
        """Take or renew it; False: another process has it."""
        return leases.take(
            connection, self.name, self.holder, self.clock(), self.term, is_gone=self.is_gone
        )

    async def take(self) -> bool:
        """Take or renew it in a separate transaction; False: another process has it."""
        return await self.database.write(self.take_within)

    @asynccontextmanager
    async def held(self, lost: asyncio.Event, *, renew: timedelta) -> AsyncIterator[bool]:
        """Hold it for the block, renewing it meanwhile; yield False if another process has it.

        `lost` is set if it is lost, or that can't be ruled out: the block should end soon. Raise
        `StoreUnavailable`.
        """
        if not await self.take():
            yield False
            return

        async def keep() -> None:
            has_it = True
            with contextlib.suppress(StoreUnavailable):
                while has_it:
                    await asyncio.sleep(renew.total_seconds())
                    has_it = await self.take()

        def ended(keeper: "asyncio.Task[None]") -> None:
            """Treat an early end of the renewals as a loss: nobody knows whose it is."""
            if not keeper.cancelled():
                lost.set()

        keeper = asyncio.create_task(keep())
        keeper.add_done_callback(ended)
        try:
            yield True
        finally:
            keeper.cancel()
            with contextlib.suppress(StoreUnavailable):
                await self.database.write(self._drop)

    @contextmanager
    def held_by_thread(self, *, renew: timedelta) -> Iterator[Callable[[], bool] | None]:
        """Hold it for the block; yield None if another process has it.

        The yielded function must be called between steps: it renews the lease once `renew` has
        passed, and returns False if another process has taken it over.
        """
        with self.database.writing() as connection:
            is_ours = self.take_within(connection)
        if not is_ours:
            yield None
            return
        renewed_at = self.clock()

        def keep() -> bool:
            nonlocal renewed_at
            if self.clock() - renewed_at < renew:
                return True
            with self.database.writing() as connection:
                now = self.clock()
                if not leases.renew(connection, self.name, self.holder, now, self.term):
                    return False
            renewed_at = self.clock()
            return True

        try:
            yield keep
        finally:
            # What the block did counts, even if the store went away meanwhile: the lease expires.
            with (
                contextlib.suppress(StoreUnavailable),
                self.database.writing() as connection,
            ):
                self._drop(connection)

    def _drop(self, connection: StoreTransaction) -> None:
        leases.drop(connection, self.name, self.holder)
