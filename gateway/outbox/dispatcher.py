"""Passes events on to their subscribers, as a row of the outbox for each."""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

import orjson

from gateway import logs
from gateway.core.sending.event import EventType
from gateway.core.sending.outbox import WEBHOOK, OutboxDraft
from gateway.documents.events import event_document, oldest_webhook_events
from gateway.runtime.lease import Lease
from gateway.runtime.periodic import repeat
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.sending import events, outbox

log = logs.get("webhooks")

TERM = timedelta(seconds=10)  #: How long the lease on dispatching lasts.
_AT_ONCE = 50  #: Events per transaction, which is as long as mail may have to wait.
_POLL = timedelta(milliseconds=200)
_IDLE = timedelta(seconds=5)  #: Between polls while nobody subscribes to events.
_AWAY = timedelta(seconds=5)

#: Which events each address subscribes to.
Subscriptions = Mapping[str, Collection[EventType]]


class Dispatcher:
    """Dispatches events until `stopping` is set; on each store, only one works at a time.

    `subscriptions` are the addresses and their events; `handed_on` is called when rows are in the
    outbox.
    """

    def __init__(
        self,
        database: Database,
        subscriptions: Callable[[], Subscriptions],
        *,
        holder: str,
        stopping: asyncio.Event,
        clock: Callable[[], datetime],
        new_id: Callable[[], int],
        handed_on: Callable[[], None],
    ) -> None:
        self._database = database
        self._subscriptions = subscriptions
        self._lease = Lease(
            database=database, name="webhooks", holder=holder, term=TERM, clock=clock
        )
        self._stopping = stopping
        self._clock = clock
        self._new_id = new_id
        self._handed_on = handed_on

    async def run(self) -> None:
        """Poll for events."""

        async def hand_on() -> timedelta:
            if await self.round():
                self._handed_on()
                return timedelta(0)
            return _POLL if self._subscriptions() else _IDLE

        await repeat(hand_on, stopping=self._stopping, failed=put_off, after_failure=_AWAY)

    async def round(self) -> int:
        """Dispatch the oldest events; return how many there were."""
        if not await self._database.read(events.has_any):
            return 0
        now, subscriptions = self._clock(), self._subscriptions()

        def hand_on(connection: StoreTransaction) -> int:
            if not self._lease.take_within(connection):
                return 0
            by_event = oldest_webhook_events(connection, _AT_ONCE)
            drafts = [
                OutboxDraft(
                    id=self._new_id(),
                    type=WEBHOOK,
                    key=f"webhook:{webhook_event.id}:{_mark(url)}",
                    recipient=url,
                    body=orjson.dumps(event_document(webhook_event)),
                    due=now,
                    lane=f"{webhook_event.lane} {_mark(url)}" if webhook_event.lane else "",
                )
                for webhook_events in by_event.values()
                for webhook_event in webhook_events
                for url, types in subscriptions.items()
                if webhook_event.type in types
            ]
            outbox.put_all(connection, drafts)
            events.forget(connection, by_event)
            return len(by_event)

        return await self._database.write(hand_on)


def put_off(error: Exception) -> None:
    """Note that the store is away, to retry later; reraise other errors."""
    if not isinstance(error, StoreUnavailable):
        raise error
    log.error("webhooks_store_away", reason=str(error))


def _mark(url: str) -> str:
    """Return a mark in place of an address that must not be shown."""
    return hashlib.blake2b(url.encode(), digest_size=12).hexdigest()
