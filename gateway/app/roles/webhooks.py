"""The webhooks of the `sender` role: a dispatcher, and an outbox worker for each address."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

from gateway import logs
from gateway.app import common
from gateway.app.common import now
from gateway.app.endpoints import endpoints
from gateway.config import Settings
from gateway.core import ids
from gateway.core.sending.outbox import OutboxState
from gateway.outbox.dispatcher import Dispatcher, put_off
from gateway.outbox.webhook import CONCURRENCY, Endpoint, WebhookDelivery
from gateway.outbox.worker import OutboxLimits, OutboxWorker
from gateway.runtime import processes
from gateway.runtime.periodic import every
from gateway.store.engine.database import Database
from gateway.store.sending import outbox

log = logs.get("webhooks")

_LIMITS = OutboxLimits(concurrency=CONCURRENCY)
#: How soon webhooks are given up after their address left the settings.
GIVEN_UP_WITHIN = timedelta(seconds=10)


class Webhooks:
    """Sends each configured endpoint the events it wants, until `stopping` is set."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        holder: str,
        stopping: asyncio.Event,
        count: Callable[[str, OutboxState], None],
    ) -> None:
        self._endpoints = endpoints(settings)
        self._database = database
        self._holder = holder
        self._stopping = stopping
        self._count = count
        self._running: dict[str, _Running] = {}
        self._tasks: asyncio.TaskGroup | None = None  # of `run`

    def apply(self, settings: Settings) -> None:
        """Use new settings from now on; BadCertificate if they can't be used."""
        self._endpoints = endpoints(settings)
        if self._tasks is not None:
            self._follow_settings(self._tasks)

    async def run(self) -> None:
        """Run for the life of the process."""
        dispatcher = Dispatcher(
            self._database,
            lambda: {endpoint.url: endpoint.events for endpoint in self._endpoints},
            holder=self._holder,
            stopping=self._stopping,
            clock=now,
            new_id=common.ids_of(self._database).next,
            handed_on=self._wake,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatcher.run())
            self._tasks = tasks
            self._follow_settings(tasks)
            await every(
                GIVEN_UP_WITHIN, self._give_up_others, stopping=self._stopping, failed=put_off
            )
            self._tasks = None
            self._stop(list(self._running))

    def _follow_settings(self, tasks: asyncio.TaskGroup) -> None:
        """Run a worker for each current endpoint, and no others."""
        endpoints_by_url = {endpoint.url: endpoint for endpoint in self._endpoints}
        old = [
            url
            for url, running in self._running.items()
            if running.endpoint is not endpoints_by_url.get(url)
        ]
        self._stop(old)
        for url, endpoint in endpoints_by_url.items():
            if url not in self._running:
                self._running[url] = _Running(self, endpoint)
                tasks.create_task(self._running[url].run())

    async def _give_up_others(self) -> None:
        """Give up webhooks whose address is no longer in the settings, and log them as errors.

        This is repeated: what a worker was sending when its address was removed comes later.
        """
        urls = [endpoint.url for endpoint in self._endpoints]
        given_up = await self._database.write(
            lambda connection: outbox.give_up_others(connection, urls, now(), processes.has_ended)
        )
        for row in given_up:
            self._count(row.type, row.state)
            log.error("webhook_given_up", entry=ids.show(row.id), reason=row.error)

    def _wake(self) -> None:
        for running in self._running.values():
            running.worker.wake()

    def _stop(self, urls: list[str]) -> None:
        for url in urls:
            self._running.pop(url).stopping.set()

    def worker(
        self, endpoint: Endpoint, delivery: WebhookDelivery, stopping: asyncio.Event
    ) -> OutboxWorker:
        """Return the worker for an endpoint."""
        return OutboxWorker(
            self._database,
            delivery.deliver,
            holder=self._holder,
            stopping=stopping,
            clock=now,
            jitter=random.random,
            count=self._count,
            limits=_LIMITS,
            endpoint=endpoint.url,
        )


class _Running:
    """The running worker of an endpoint."""

    def __init__(self, webhooks: Webhooks, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.stopping = asyncio.Event()
        self._delivery = WebhookDelivery(endpoint, clock=now)
        self.worker = webhooks.worker(endpoint, self._delivery, self.stopping)

    async def run(self) -> None:
        try:
            await self.worker.run()
        finally:
            await self._delivery.close()
