"""What all transactions in a worker share."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from gateway import logs
from gateway.core import ids
from gateway.core.decision.classify import Classification
from gateway.core.kinds import By, Kind, State
from gateway.core.mail.address import lookup_form
from gateway.core.mail.reply import Reply
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.pool import PROXY_SHARE, Pool
from gateway.delivery.replies import is_our_fault
from gateway.delivery.settings import RelaySettings
from gateway.metrics import Metrics, RelayHealth
from gateway.smtp_proxy.decider import Decider
from gateway.smtp_proxy.journaling.journal_client import JournalClient
from gateway.smtp_proxy.journaling.language_choice import LanguageChoice
from gateway.smtp_proxy.journaling.retries import Retries
from gateway.smtp_proxy.policy import Policy

log = logs.get("smtp_proxy")
_message_done = logs.unit("smtp_proxy", "message_done")
_message_unknown = partial(log.error, "message_done")


_TIMED = 50  #: Commits a second whose duration is measured; more would add nothing.


class ProxyServices:
    """One per worker; a reload gives it a new policy, decider and pools."""

    #: It runs its writes by `spawn`, so the role adds it before its listeners open.
    journal_client: JournalClient

    def __init__(
        self,
        policy: Policy,
        decider: Decider,
        wording: LanguageChoice,
        retries: Retries,
        *,
        worker: int,
        shares: int,
        metrics: Metrics,
    ) -> None:
        self.policy = policy
        self.decider = decider
        self.wording = wording
        self.retries = retries
        #: The last offer of each relay; replaced, never modified.
        self.offers: dict[str, dict[str, str]] = {}
        self.feed_time: datetime | None = None  #: The time of the CRM's last feed.
        self.metrics = metrics
        self.monotonic = time.monotonic  #: A clock for durations, in seconds.
        self._ids = ids.IdSource(worker)
        self._shares = shares
        self._pools: dict[str, Pool] = {}
        self._ill: set[str] = set()  # relays that last refused us or could not be reached
        self._reasons: dict[str, str] = {}  # why relays could not be used when last tried
        self._tasks: set[asyncio.Task[None]] = set()
        self._fresh_offers = asyncio.Event()
        self._date = (0, "")  # by the second since 1970
        self._ended: Counter[tuple[Kind, State, By]] = Counter()
        self._messages: Counter[tuple[str, Kind, str]] = Counter()
        self._commits: list[tuple[float, int]] = []
        self._replies: Counter[tuple[str, int]] = Counter()

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def date(self, moment: datetime) -> str:
        """Format a time for header fields, in the local zone (RFC 5322, 3.3)."""
        second = int(moment.timestamp())
        if self._date[0] != second:
            local_time = self.policy.local_time(moment.replace(microsecond=0))
            self._date = (second, format_datetime(local_time))
        return self._date[1]

    def new_id(self, at: datetime) -> int:
        """Return an id for something at that moment."""
        return self._ids.next(ids.milliseconds_of(at))

    def lookup(self, address: str) -> str:
        """Return the lookup form of an address."""
        return lookup_form(address, plus_addresses=self.policy.plus_addresses)

    def feed_as_of(self) -> datetime | None:
        """Return when the CRM last sent its people."""
        return self.feed_time

    # Relays

    def pool(self, relay: RelaySettings) -> Pool:
        """Return this worker's pool for a relay."""
        pool = self._pools.get(relay.name)
        if pool is None or pool.settings is not relay:
            # Some connections, and a share of the rate, are left for the sender role.
            left = relay.max_connections - relay.own_mail_connections
            places = max(1, left // self._shares)
            pace = relay.messages_per_minute
            pool = self._pools[relay.name] = Pool(
                relay,
                connections=places,
                per_minute=pace * PROXY_SHARE / self._shares if pace else None,
                observe=self.note_relay,
            )
        return pool

    @property
    def is_crowded(self) -> bool:
        """Whether anybody is waiting for a connection to a relay."""
        return any(pool.is_crowded for pool in self._pools.values())

    def apply(self, policy: Policy) -> None:
        """Use a new policy from the next transaction on; old connections end by themselves."""
        self.policy = policy
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def sweep(self) -> None:
        """Close relay connections idle for too long, and count."""
        for pool in self._pools.values():
            pool.sweep()
        self.count()

    def note_relay(
        self, relay: RelaySettings, finding: RelayConnection | RelayLost | RelayRefuses
    ) -> None:
        """Store what a relay offers in its greeting, or that it can't be used."""
        if isinstance(finding, RelayConnection):
            self._reasons.pop(relay.name, None)
            self.metrics.set_relay_health(relay.name, RelayHealth.UP)
            if self.offers.get(relay.name) != finding.extensions:
                self.offers = {**self.offers, relay.name: finding.extensions}
                self._fresh_offers.set()
            return
        refuses = isinstance(finding, RelayRefuses) and is_our_fault(
            finding.reply, relay.our_fault, stage=finding.stage
        )
        health = RelayHealth.OUR_FAULT if refuses else RelayHealth.DOWN
        self.metrics.set_relay_health(relay.name, health)
        self._ill.add(relay.name)
        reason = str(finding)
        # Once, or every try during an outage would repeat it.
        if self._reasons.get(relay.name) != reason:
            self._reasons[relay.name] = reason
            log.error("relay_unusable", relay=relay.name, reason=reason)

    def note_verdict(self, relay: RelaySettings, reply: Reply) -> None:
        """Count a relay's verdict, and raise an alarm if it is about us."""
        self._replies[relay.name, reply.code] += 1
        if reply.positive and relay.name in self._ill:
            self._ill.discard(relay.name)
            self.metrics.set_relay_health(relay.name, RelayHealth.UP)
        elif not reply.positive and is_our_fault(reply, relay.our_fault):
            self._ill.add(relay.name)
            self.metrics.set_relay_health(relay.name, RelayHealth.OUR_FAULT)
            log.error("relay_refuses_gateway", relay=relay.name, reply=reply.text)

    async def wait_for_new_offers(self) -> None:
        """Wait until a relay's offer changes."""
        await self._fresh_offers.wait()
        self._fresh_offers.clear()

    # The end of a message

    def message_ended(
        self,
        message: str,
        *,
        listener: str,
        classification: Classification,
        size: int,
        ends: Iterable[tuple[State, By]],
    ) -> None:
        """Log and count a message that has ended; `message` is its id as shown to people."""
        kind = classification.kind
        counts: dict[str, int] = {}
        for state, by in ends:
            name = str(state)
            counts[name] = counts.get(name, 0) + 1
            self._ended[kind, state, by] += 1
        self._messages[listener, kind, classification.rule] += 1
        write = _message_unknown if State.UNKNOWN in counts else _message_done
        write(
            message=message,
            listener=listener,
            kind=str(kind),
            rule=classification.rule,
            size=size,
            **counts,
        )

    def note_commit(self, seconds: float, messages: int) -> None:
        """Count a group the journal has made durable; also called from the journal's threads."""
        self._commits.append((seconds, messages))

    def count(self) -> None:
        """Add what was counted since the last time to the metrics."""
        for kind_state_by, number in self._ended.items():
            self.metrics.deliveries(*kind_state_by).inc(number)
        for listener_kind_rule, number in self._messages.items():
            self.metrics.messages(*listener_kind_rule).inc(number)
        for relay_code, number in self._replies.items():
            self.metrics.replies(*relay_code).inc(number)
        commits, self._commits = self._commits, []
        for seconds, _ in commits[:_TIMED]:
            self.metrics.commit_seconds.observe(seconds)
        self.metrics.committed.inc(sum(messages for _, messages in commits))
        for counter in (self._ended, self._messages, self._replies):
            counter.clear()

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run something that nobody need wait for; `settle` waits for it at the end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settle(self, seconds: float) -> None:
        """Give background work a little time, then cancel it."""
        tasks = tuple(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
        self.count()
        for pool in self._pools.values():
            pool.close()
