"""The outbox worker, which sends what is due, and nothing twice."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway import logs
from gateway.core import ids
from gateway.core.sending.outbox import (
    AttemptResult,
    OutboxRow,
    OutboxState,
    settlement,
)
from gateway.runtime import processes
from gateway.runtime.attempts import attempt, keep
from gateway.runtime.queue_worker import QueueWorker
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.journal import held_reports
from gateway.store.sending import outbox

log = logs.get("outbox")


_ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")


class Deliver(Protocol):
    """Sends a row once, and returns the result.

    An exception counts as `Unknown`: nobody can say how far it got.
    """

    async def __call__(self, row: OutboxRow) -> AttemptResult: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLimits:
    """How much the worker does at once, and how long it waits."""

    concurrency: int = 4
    poll: timedelta = timedelta(seconds=1)
    away: timedelta = timedelta(seconds=5)  #: Between retries while the store is away.
    attempt: timedelta = timedelta(minutes=4)  #: For one delivery; shorter than the lease.
    lease: timedelta = timedelta(minutes=5)


class OutboxWorker:
    """Sends rows until `stopping` is set, then finishes those in progress.

    `holder` names this process among all that share the store. `clock` returns aware times,
    `jitter` random numbers from 0 to 1. `count` is called with a row's type and its state after an
    attempt. With an `endpoint` it sends the webhooks to that address, otherwise mail; `compose`
    writes the reports on several messages.
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
        self._worker = QueueWorker(
            self._claim,
            self._send,
            at_once=lambda: self._limits.concurrency,
            stopping=stopping,
            put_off=self._put_off,
            poll=self._limits.poll,
            away=self._limits.away,
        )

    def wake(self) -> None:
        """Look for work now: something was queued."""
        self._worker.wake()

    async def run(self) -> None:
        """Send what is due, for the life of the process."""
        await self._worker.run()

    async def send_due(self, only: str) -> None:
        """Send each due row of one type once, one after another."""

        async def claim(room: int) -> list[OutboxRow]:
            now, lease = self._clock(), self._limits.lease
            return await self._database.write(
                outbox.claim, self._holder, now, lease, room, only=only
            )

        worker = QueueWorker(
            claim, self._send, at_once=lambda: 1, stopping=self._stopping, put_off=self._put_off
        )
        await worker.work_off()

    def _put_off(self, error: Exception) -> None:
        if not isinstance(error, StoreUnavailable):
            raise error
        log.error("outbox_store_away", reason=str(error))

    async def _claim(self, room: int) -> list[OutboxRow]:
        """Claim as many due rows as there is room for, and settle abandoned ones."""
        now, endpoint, lease = self._clock(), self._endpoint, self._limits.lease

        def claim(connection: StoreTransaction) -> tuple[list[OutboxRow], list[OutboxRow]]:
            left = outbox.recover(connection, now, processes.has_ended, endpoint)
            rows = outbox.claim(connection, self._holder, now, lease, room, endpoint=endpoint)
            if self._compose is not None:
                completed = (held_reports.complete(connection, row, compose) for row in rows)
                rows = [row for row in completed if row is not None]
            return left, rows

        def compose(row: OutboxRow, held: held_reports.HeldFailures) -> bytes:
            assert self._compose is not None
            try:
                return self._compose(row, held)
            except Exception:  # one row's fault must not stop the others
                log.exception("outbox_fault", entry=ids.show(row.id), type=row.type)
                return b""

        if not await self._database.read(outbox.has_work, now, processes.has_ended, endpoint):
            return []
        left, rows = await self._database.write(claim)
        for row in left:
            self._tell(row, row.state, row.error)
        return rows

    async def _send(self, row: OutboxRow) -> None:
        """Send a row and record the result: the network is used between two transactions."""
        result = await attempt(
            self._deliver(row),
            self._limits.attempt,
            failed=lambda: log.exception("outbox_fault", entry=ids.show(row.id), type=row.type),
        )
        settled = settlement(result, row.attempts, self._clock(), self._jitter(), row.type)
        is_kept = await keep(
            lambda: self._database.write(outbox.settle, row.id, self._holder, settled),
            lease=self._limits.lease,
            away=self._limits.away,
            clock=self._clock,
            stopping=self._stopping,
            put_off=lambda error: log.error("outbox_store_away", reason=str(error)),
        )
        if is_kept is None:
            log.error("outbox_result_lost", entry=ids.show(row.id), state=settled.state)
        elif is_kept:
            self._tell(row, settled.state, settled.error, settled.next_at)

    def _tell(
        self, row: OutboxRow, state: OutboxState, error: str, next_at: datetime | None = None
    ) -> None:
        self._count(row.type, state)
        fields = {
            "entry": ids.show(row.id),
            "type": row.type,
            "message": None if row.message is None else ids.show(row.message),
            "attempts": row.attempts,
            "reason": _ADDRESS.sub(lambda address: logs.domain_for_log(address[0]), error),
        }
        match state:
            case OutboxState.SENT:
                log.info("outbox_sent", **fields)
            case OutboxState.QUEUED:
                log.warning("outbox_put_off", next_at=next_at, **fields)
            case OutboxState.UNKNOWN:
                log.error("outbox_unknown", **fields)
            case _:
                log.error("outbox_given_up", **fields)
