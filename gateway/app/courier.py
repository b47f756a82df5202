"""Carries what the outbox holds to the relays."""

from gateway import logs
from gateway.app import common
from gateway.config import Settings
from gateway.core.address import domain_of
from gateway.core.outbox import OutboxRow, Result
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.pool import Pool
from gateway.delivery.send import send
from gateway.delivery.settings import RelaySettings, choose

log = logs.get("outbox")

_CONNECTIONS = 1  #: To each relay: the place the proxy leaves free.


class Courier:
    """Delivers rows, each through the relay its message went by, else the one that fits."""

    def __init__(self, settings: Settings) -> None:
        self._relays = common.relays(settings)
        notifier = settings.notices.sender
        self._instead_of_null = notifier or f"postmaster@{common.host_name()}"
        self._pools: dict[str, Pool] = {}

    async def deliver(self, row: OutboxRow) -> Result:
        """Hand a row to its relay and say what became of it."""
        pool = self._pool(self._relay(row))
        return await send(pool, row, instead_of_null=self._instead_of_null)

    def _relay(self, row: OutboxRow) -> RelaySettings:
        named = next((relay for relay in self._relays if relay.name == row.relay), None)
        return named or choose(
            self._relays, listener="", login=None, sender_domain=domain_of(row.sender)
        )

    def _pool(self, relay: RelaySettings) -> Pool:
        if relay.name not in self._pools:
            self._pools[relay.name] = Pool(
                relay, connections=_CONNECTIONS, per_minute=None, observe=_observe
            )
        return self._pools[relay.name]

    def close(self) -> None:
        """Say goodbye to the relays."""
        for pool in self._pools.values():
            pool.close()


def _observe(relay: RelaySettings, seen: RelayConnection | RelayLost | RelayRefuses) -> None:
    if not isinstance(seen, RelayConnection):
        log.warning("relay_unusable", relay=relay.name, reason=str(seen))
