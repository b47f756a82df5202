"""The `sender` role: what the gateway itself sends, and the chores of the store."""

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

from gateway import logs
from gateway.app.common import node, now, open_database
from gateway.app.courier import Courier
from gateway.app.life import Life
from gateway.config import Settings
from gateway.metrics import Metrics
from gateway.outbox.worker import Worker
from gateway.store import gate, messages
from gateway.store.database import Database, StoreUnavailable

TIDY_EVERY = timedelta(minutes=10)
TIDY_STEP = 500  #: Messages forgotten in one transaction: mail waits no longer than for that.
_REST = timedelta(milliseconds=200)  #: Between two steps, for the mail.

log = logs.get("sender")


async def run_sender(life: Life) -> None:
    """Do everything that is due until the life ends."""
    database = open_database(life.settings)
    metrics = Metrics()
    courier = Courier(life.settings)

    async def apply(settings: Settings) -> None:
        nonlocal courier
        fresh, former = Courier(settings), courier
        courier = fresh
        former.close()

    life.apply = apply
    outbox = Worker(
        database,
        lambda row: courier.deliver(row),
        holder=f"{node()}:{os.getpid()}",
        stopping=life.stopping,
        clock=now,
        jitter=random.random,
        count=lambda kind, state: metrics.outbox(kind, state).inc(),
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(outbox.run())
            tasks.create_task(_repeat(life, TIDY_EVERY, lambda: tidy(life, database)))
            life.ready()
    finally:
        courier.close()
        database.close()


async def tidy(life: Life, database: Database) -> None:
    """Forget messages older than `journal.keep`, and attempts no retry can refer to any more."""
    await database.write(lambda connection: gate.forget_attempts(connection, now()))
    oldest = now() - life.settings.journal.keep
    forgotten = TIDY_STEP
    while forgotten == TIDY_STEP and not life.stopping.is_set():
        forgotten = await database.write(
            lambda connection: messages.prune(connection, oldest, TIDY_STEP)
        )
        log.debug("journal_pruned", messages=forgotten)
        await _rest(life, _REST)


async def _repeat(life: Life, every: timedelta, chore: Callable[[], Awaitable[None]]) -> None:
    """Do a chore now and after each interval; while the store is away it waits for the next."""
    while not life.stopping.is_set():
        try:
            await chore()
        except StoreUnavailable as error:
            log.error("chore_put_off", reason=str(error))
        await _rest(life, every)


async def _rest(life: Life, duration: timedelta) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration.total_seconds()):
            await life.stopping.wait()
