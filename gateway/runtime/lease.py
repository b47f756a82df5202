"""A job that one process of all machines does at a time."""

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
    """The right to a job for a time: taken, renewed, given back; over with its holder's process.

    What is done once in a while takes it for that while and lets it run out (`take`); what is done
    all the time holds it for a block (`held`, or `held_by_thread`).
    """

    database: Database
    name: str  #: The job's: `mailchimp`, `trigger:birthday`.
    holder: str  #: This process and its part (`processes.holder`).
    term: timedelta  #: How long a holder may say nothing; so long nobody does it after a crash.
    clock: Callable[[], datetime]
    is_gone: IsGone = processes.has_ended

    def take_in(self, connection: StoreTransaction) -> bool:
        """Take it, or renew it; False: another process has it."""
        return leases.take(
            connection, self.name, self.holder, self.clock(), self.term, is_gone=self.is_gone
        )

    async def take(self) -> bool:
        """Take it, or renew it, in a transaction of its own; False: another process has it."""
        return await self.database.write(self.take_in)

    @asynccontextmanager
    async def held(self, lost: asyncio.Event, *, renew: timedelta) -> AsyncIterator[bool]:
        """Hold it for the block, renewed all the while; yield False where another process has it.

        `lost` is set when it is lost, or nobody can say: the block is to end soon. Raises
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
            """Whatever ended the renewing but the block's own end: nobody can say whose it is."""
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
        """Hold it for the block; yield None where another process has it.

        What is yielded is to be called between any two steps: it renews the lease once `renew` has
        passed, and says False when another process has taken it over.
        """
        with self.database.writing() as connection:
            is_ours = self.take_in(connection)
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
            with self.database.writing() as connection:
                self._drop(connection)

    def _drop(self, connection: StoreTransaction) -> None:
        leases.drop(connection, self.name, self.holder)
