"""For `/health` and `/metrics`: calls relays that had no mail recently."""

import asyncio
from collections.abc import Sequence

from gateway import metrics
from gateway.app.certificates import BadCertificate
from gateway.app.relays import relay_settings
from gateway.config.smtp import RelayConfig
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.replies import is_our_fault
from gateway.metrics import Metrics, RelayHealth

LATELY_SECONDS = 10.0  #: How long the last state of a relay remains valid.
_CALL_SECONDS = 5.0


class RelayWatch:
    """Keeps relays' states current on request, without sending mail."""

    def __init__(self) -> None:
        self._metrics = Metrics()
        self._replies: dict[str, float] = {}
        self._known_at: dict[str, float] = {}
        self._refused: set[str] = set()  # relays that refused the gateway when they were called

    async def call_silent(self, relays: Sequence[RelayConfig]) -> None:
        """Call the relays whose state is old, except those that refused mail as our fault.

        Only mail can show that such a relay accepts it again.
        """
        health_by_relay = await asyncio.to_thread(metrics.relay_health)
        replies = await asyncio.to_thread(metrics.relay_replies)
        now = asyncio.get_running_loop().time()
        for name, count in replies.items():
            if count > self._replies.get(name, 0.0):
                self._known_at[name] = now
        self._replies = replies
        silent = [
            relay
            for relay in relays
            if now - self._known_at.get(relay.name, float("-inf")) > LATELY_SECONDS
            and not (
                health_by_relay.get(relay.name) is RelayHealth.OUR_FAULT
                and relay.name not in self._refused
            )
        ]
        self._known_at |= {relay.name: now for relay in silent}
        for relay, health in zip(silent, await asyncio.gather(*map(call, silent)), strict=True):
            if health is RelayHealth.OUR_FAULT:
                self._refused.add(relay.name)
            else:
                self._refused.discard(relay.name)
            self._metrics.set_relay_health(relay.name, health)


async def call(relay: RelayConfig) -> RelayHealth:
    """Connect to a relay, without mail; no answer within 5 s means DOWN."""
    try:
        settings = await asyncio.to_thread(relay_settings, relay)
        async with asyncio.timeout(_CALL_SECONDS):
            connection = await RelayConnection.open(settings)
    except RelayRefuses as error:
        ours = is_our_fault(error.reply, settings.our_fault, stage=error.stage)
        return RelayHealth.OUR_FAULT if ours else RelayHealth.DOWN
    except (RelayLost, BadCertificate, TimeoutError):
        return RelayHealth.DOWN
    connection.quit()
    return RelayHealth.UP
