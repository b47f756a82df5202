"""What all passages of a worker share."""

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from gateway import logs
from gateway.core import ids
from gateway.core.address import lookup_form
from gateway.core.journal import Message
from gateway.core.kinds import State
from gateway.core.reply import Reply
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.pool import Pool
from gateway.delivery.replies import is_our_fault
from gateway.delivery.settings import RelaySettings
from gateway.metrics import Metrics, RelayHealth
from gateway.smtp_proxy.judge import Judge
from gateway.smtp_proxy.policy import Policy
from gateway.smtp_proxy.scribe import Scribe

log = logs.get("smtp_proxy")


class Services:
    """One per worker; a reload gives it a new policy and new pools."""

    def __init__(self, policy: Policy, *, worker: int, shares: int, metrics: Metrics) -> None:
        self.policy = policy
        self.judge: Judge
        self.scribe: Scribe
        self.offers: dict[str, dict[str, str]] = {}  #: What each relay offered last.
        self.feed_time: datetime | None = None  #: As of when the CRM's feed is.
        self.metrics = metrics
        self._ids = ids.IdSource(worker)
        self._shares = shares
        self._pools: dict[str, Pool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fresh_offers = asyncio.Event()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return a clock for durations, in seconds."""
        return time.monotonic()

    def new_id(self, at: datetime) -> int:
        """Return an id for something of that moment."""
        return self._ids.next(ids.milliseconds_of(at))

    def lookup(self, address: str) -> str:
        """Return the form an address is looked up by."""
        return lookup_form(address, plus_addresses=self.policy.plus_addresses)

    def feed_as_of(self) -> datetime | None:
        """Return when the CRM last told of its people."""
        return self.feed_time

    # Relays

    def pool(self, relay: RelaySettings) -> Pool:
        """Return this worker's connections to a relay."""
        pool = self._pools.get(relay.name)
        if pool is None or pool.settings is not relay:
            pool = self._pools[relay.name] = self._new_pool(relay)
        return pool

    def _new_pool(self, relay: RelaySettings) -> Pool:
        # One place in all stays free for the sender role.
        places = max(1, (relay.max_connections - 1) // self._shares)
        pace = relay.messages_per_minute
        return Pool(
            relay,
            connections=places,
            per_minute=pace / self._shares if pace else None,
            observe=self._relay_seen,
        )

    def apply(self, policy: Policy) -> None:
        """Go by a new policy from the next transaction on; old connections end by themselves."""
        self.policy = policy
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def sweep(self) -> None:
        """Close idle relay connections that are past their time."""
        for pool in self._pools.values():
            pool.sweep()

    def _relay_seen(
        self, relay: RelaySettings, seen: RelayConnection | RelayLost | RelayRefuses
    ) -> None:
        if isinstance(seen, RelayConnection):
            self.metrics.relay(relay.name, RelayHealth.UP)
            if self.offers.get(relay.name) != seen.extensions:
                self.offers[relay.name] = seen.extensions
                self._fresh_offers.set()
            return
        refuses = isinstance(seen, RelayRefuses) and is_our_fault(seen.reply, relay.our_fault)
        health = RelayHealth.OUR_FAULT if refuses else RelayHealth.DOWN
        self.metrics.relay(relay.name, health)
        log.error("relay_unusable", relay=relay.name, reason=str(seen))

    def relay_said(self, relay: RelaySettings, reply: Reply) -> None:
        """Count a relay's verdict, and raise the alarm where it is about us."""
        self.metrics.replies(relay.name, reply.code).inc()
        if not reply.positive and is_our_fault(reply, relay.our_fault):
            self.metrics.relay(relay.name, RelayHealth.OUR_FAULT)
            log.error("relay_refuses_gateway", relay=relay.name, reply=reply.text)

    async def fresh_offers(self) -> None:
        """Wait until a relay offers something else than before."""
        await self._fresh_offers.wait()
        self._fresh_offers.clear()

    # The end of a message

    def told(self, message: Message) -> None:
        """Log and count a message that has ended."""
        counts: dict[str, int] = {}
        for delivery in message.deliveries:
            counts[delivery.state.value] = counts.get(delivery.state.value, 0) + 1
            self.metrics.deliveries(message.kind, delivery.state, delivery.by).inc()
        self.metrics.messages(message.listener, message.kind, message.rule).inc()
        level = log.error if State.UNKNOWN in counts else log.info
        level(
            "message_done",
            message=ids.show(message.id),
            listener=message.listener,
            kind=message.kind,
            rule=message.rule,
            size=message.size,
            **counts,
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that nobody waits for; `settle` does, at the end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, seconds: float) -> None:
        """Give what nobody waits for a little time, then end it."""
        tasks = tuple(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
        for pool in self._pools.values():
            pool.close()
