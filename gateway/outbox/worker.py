"""The worker of the outbox: it sends what is due, and nothing twice."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway import logs
from gateway.core import ids
from gateway.core.sending.outbox import (
    OutboxRow,
    OutboxState,
    Result,
    Settlement,
    Unknown,
    settlement,
)
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.journal import held_reports
from gateway.store.sending import outbox

log = logs.get("outbox")


_ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")


class Deliver(Protocol):
    """Sends one row, once, and tells what became of it.

    What it raises counts as `Unknown`: nobody can say how far it came.
    """

    async def __call__(self, row: OutboxRow) -> Result: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLimits:
    """How much the worker does at once, and how long it waits."""

    concurrency: int = 4
    poll: timedelta = timedelta(seconds=1)
    away: timedelta = timedelta(seconds=5)  #: Between tries while the store is away.
    attempt: timedelta = timedelta(minutes=4)  #: One delivery; shorter than the lease.
    lease: timedelta = timedelta(minutes=5)


class OutboxWorker:
    """Sends rows until `stopping` is set, then finishes those in hand.

    `holder` names this process among all that share the store. `clock` returns aware times,
    `jitter` random numbers from 0 to 1. `count` hears a row's type and the state an attempt
    left it in. With an `endpoint` it sends the webhooks to that address, else mail; `compose`
    writes the reports that tell of several messages.
    """

    def __init__(
        self,
        database: Database,
        deliver: Deliver,
        *,
        holder: str,
        stopping: asyncio.Event,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        count: Callable[[str, OutboxState], None],
        limits: OutboxLimits | None = None,
        endpoint: str = "",
        compose: held_reports.Compose | None = None,
    ) -> None:
        self._database = database
        self._deliver = deliver
        self._holder = holder
        self._stopping = stopping
        self._clock = clock
        self._jitter = jitter
        self._count = count
        self._limits = limits or OutboxLimits()
        self._endpoint = endpoint
        self._compose = compose
        self._busy = 0
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look for work now: something was put in."""
        self._news.set()

    async def run(self) -> None:
        """Send what is due, as long as the process lives."""

        def is_done(_: asyncio.Task[None]) -> None:
            self._busy -= 1
            self.wake()

        async def wake_to_stop() -> None:
            await self._stopping.wait()
            self.wake()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wake_to_stop())
            while not self._stopping.is_set():
                rows = await self.claim()
                for row in rows:
                    self._busy += 1
                    tasks.create_task(self._send(row)).add_done_callback(is_done)
                if not rows:
                    await self._pause(self._limits.poll)

    async def send_due(self, only: str) -> None:
        """Send each row of one type that is due, one after the other, once."""
        now, lease = self._clock(), self._limits.lease
        while rows := await self._database.write(
            lambda connection: outbox.claim(connection, self._holder, now, lease, 1, only=only)
        ):
            for row in rows:
                await self._send(row)

    async def _pause(self, duration: timedelta) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(duration.total_seconds()):
                await self._news.wait()
        self._news.clear()

    async def claim(self) -> list[OutboxRow]:
        """Claim as many due rows as there is room for; none while the store is away."""
        room = self._limits.concurrency - self._busy
        if room == 0:
            return []
        now, endpoint, lease = self._clock(), self._endpoint, self._limits.lease

        def claim(connection: StoreTransaction) -> tuple[list[OutboxRow], list[OutboxRow]]:
            left = outbox.recover(connection, now, endpoint)
            rows = outbox.claim(connection, self._holder, now, lease, room, endpoint=endpoint)
            if self._compose is not None:
                completed = (held_reports.complete(connection, row, compose) for row in rows)
                rows = [row for row in completed if row is not None]
            return left, rows

        def compose(row: OutboxRow, held: held_reports.Held) -> bytes:
            assert self._compose is not None
            try:
                return self._compose(row, held)
            except Exception:  # one row's fault must not stop the others
                log.exception("outbox_fault", entry=ids.show(row.id), type=row.type)
                return b""

        try:
            if not await self._database.read(
                lambda connection: outbox.has_work(connection, now, endpoint)
            ):
                return []
            left, rows = await self._database.write(claim)
        except StoreUnavailable as error:
            log.error("outbox_store_away", reason=str(error))
            await self._pause(self._limits.away)
            return []
        for row in left:
            self._tell(row, Settlement(state=row.state, error=row.error))
        return rows

    async def _send(self, row: OutboxRow) -> None:
        """Send a row and keep the result: the network is used between two transactions."""
        result: Result
        try:
            async with asyncio.timeout(self._limits.attempt.total_seconds()):
                result = await self._deliver(row)
        except TimeoutError:
            result = Unknown(f"no end after {self._limits.attempt}")
        except Exception as error:  # one row's fault must not stop the others
            log.exception("outbox_fault", entry=ids.show(row.id), type=row.type)
            result = Unknown(f"the gateway failed: {type(error).__name__}")
        settled = settlement(result, row.attempts, self._clock(), self._jitter(), row.type)

        # Written down again and again until the lease is over: then another process has the row.
        give_up_at = self._clock() + self._limits.lease
        while True:
            try:
                is_kept = await self._database.write(
                    lambda connection: outbox.settle(connection, row.id, self._holder, settled)
                )
                break
            except StoreUnavailable as error:
                if self._stopping.is_set() or self._clock() >= give_up_at:
                    log.error("outbox_result_lost", entry=ids.show(row.id), state=settled.state)
                    return
                log.error("outbox_store_away", reason=str(error))
            await asyncio.sleep(self._limits.away.total_seconds())
        if is_kept:
            self._tell(row, settled)

    def _tell(self, row: OutboxRow, settled: Settlement) -> None:
        self._count(row.type, settled.state)
        fields = {
            "entry": ids.show(row.id),
            "type": row.type,
            "message": None if row.message is None else ids.show(row.message),
            "attempts": row.attempts,
            "reason": _ADDRESS.sub(lambda address: logs.masked(address[0]), settled.error),
        }
        match settled.state:
            case OutboxState.SENT:
                log.info("outbox_sent", **fields)
            case OutboxState.QUEUED:
                log.warning("outbox_put_off", next_at=settled.next_at, **fields)
            case OutboxState.UNKNOWN:
                log.error("outbox_unknown", **fields)
            case _:
                log.error("outbox_given_up", **fields)
