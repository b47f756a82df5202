"""How the gateway sends its own mail: through its sender's relay, signed, next to the proxy's.

Reports and notices have no sender (RFC 3464, 2); a relay that refuses those (`null_sender`) gets an
address of ours. A few connections to each relay, and a share of its rate, are reserved for such
mail.
"""

from dataclasses import dataclass

from gateway import logs
from gateway.core.mail.address import domain_of
from gateway.core.sending.outbox import AttemptResult, OutboxRow, OutboxState
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.dkim_signer import DkimSigner
from gateway.delivery.pool import PROXY_SHARE, Pool
from gateway.delivery.settings import RelaySettings, choose
from gateway.delivery.submission import submit
from gateway.metrics import Metrics, RelayHealth

log = logs.get("sender")

#: For triggered mails, so that a relay's slow handling of one doesn't delay others.
_FEWEST_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMailSettings:
    """How the gateway's own mail is sent, and through which relays."""

    relays: tuple[RelaySettings, ...]  #: The one that takes everything else comes last.
    sender: str  #: The sender address at relays that refuse the null sender.
    signer: DkimSigner


class OwnMailSender:
    """Takes the gateway's own mail to its relay, over connections the proxy leaves free."""

    def __init__(self, settings: OwnMailSettings, metrics: Metrics) -> None:
        self._metrics = metrics
        self._settings = settings
        self._pools = self._pools_of(settings)

    async def deliver(self, row: OutboxRow) -> AttemptResult:
        """Send a row of the outbox once."""
        relays = self._settings.relays
        row_relay = next((relay for relay in relays if relay.name == row.relay), None)
        pool = self._pools[(row_relay or self._choose_relay(row.sender)).name]
        sender = row.sender or ("" if pool.settings.null_sender else self._settings.sender)
        # Returned mail is forwarded unchanged.
        content = row.body if row.type == "bounce" else self._settings.signer.sign(row.body)
        return await submit(pool, sender=sender, recipient=row.recipient, content=content)

    @property
    def at_once(self) -> int:
        """How many triggered mails to send at once: the fewest connections of a relay, at least 4.

        After a crash, nobody knows whether a mail being sent has left. And with a rate limit, more
        would only wait until their lease expires.
        """
        connections = min(
            1 if relay.messages_per_minute else relay.own_mail_connections
            for relay in self._settings.relays
        )
        return max(_FEWEST_AT_ONCE, connections)

    def relay_of(self, sender: str) -> str:
        """Return the name of the relay for mail from a sender."""
        return self._choose_relay(sender).name

    async def submit(self, *, sender: str, recipient: str, content: bytes) -> AttemptResult:
        """Send any mail once."""
        pool = self._pools[self.relay_of(sender)]
        signed = self._settings.signer.sign(content)
        return await submit(pool, sender=sender, recipient=recipient, content=signed)

    def count(self, kind: str, state: OutboxState) -> None:
        """Count the result of an attempt."""
        self._metrics.outbox(kind, state).inc()

    async def sweep(self) -> None:
        """Close connections that have been idle for too long."""
        for pool in self._pools.values():
            pool.sweep()

    def apply(self, settings: OwnMailSettings) -> None:
        """Use new settings from the next mail on."""
        self.close()
        self._settings, self._pools = settings, self._pools_of(settings)

    def close(self) -> None:
        """Close idle connections."""
        for pool in self._pools.values():
            pool.close()

    def _pools_of(self, settings: OwnMailSettings) -> dict[str, Pool]:
        pools = {}
        for relay in settings.relays:
            pace = relay.messages_per_minute
            pools[relay.name] = Pool(
                relay,
                connections=relay.own_mail_connections,
                per_minute=pace * (1 - PROXY_SHARE) if pace else None,
                observe=self.note_relay,
            )
        return pools

    def note_relay(
        self, relay: RelaySettings, outcome: RelayConnection | RelayLost | RelayRefuses
    ) -> None:
        """Count whether a relay could be reached; log why not."""
        if isinstance(outcome, RelayConnection):
            self._metrics.set_relay_health(relay.name, RelayHealth.UP)
            return
        self._metrics.set_relay_health(relay.name, RelayHealth.DOWN)
        log.error("relay_unusable", relay=relay.name, reason=str(outcome))

    def _choose_relay(self, sender: str) -> RelaySettings:
        domain = domain_of(sender)
        return choose(self._settings.relays, listener="", login=None, sender_domain=domain)
