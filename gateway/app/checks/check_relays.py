"""`gateway check` for relays: each is called without mail, and must not be the gateway itself."""

import socket
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address

from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.relays import relay_settings
from gateway.config import Settings
from gateway.config.smtp import ListenerConfig, RelayConfig
from gateway.core.errors import GatewayError
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses

_ANSWER_SECONDS = 10.0


async def call_relay(relay: RelayConfig) -> AsyncIterator[Finding]:
    """Check that a relay answers, and accepts mail from `<>`."""
    subject = f"relay {relay.name}"
    where = f"{relay.host}:{relay.port}"
    try:
        connection = await RelayConnection.open(relay_settings(relay))
        sender = await connection.command(b"MAIL FROM:<>\r\n", _ANSWER_SECONDS)
    except RelayRefuses as problem:
        yield error(
            subject, f"{where} refuses the gateway at {problem}: compare with its own settings"
        )
        return
    except RelayLost as problem:
        reason = str(problem).removeprefix(f"{relay.name}: ")
        yield error(subject, f"{where}: {reason}: is it running, and are host, port and tls right?")
        return
    except GatewayError as problem:
        yield error(subject, str(problem))
        return
    connection.quit()
    if relay.null_sender and not sender.positive:
        yield warning(subject, f"{where} refuses <> ({sender.text}): set null_sender = false")
        return
    yield good(subject, f"{where} answers and offers {' '.join(sorted(connection.extensions))}")


def own_listener(settings: Settings, relay: RelayConfig, *, offline: bool) -> ListenerConfig | None:
    """Return the listener mail for a relay would come back to; `offline` makes no DNS queries."""
    candidates = [
        listener for listener in settings.smtp.listeners if listener.bind.port == relay.port
    ]
    if not candidates or (offline and not (relay.host == "localhost" or is_literal(relay.host))):
        return None
    addresses = list(_addresses(relay.host))
    for listener in candidates:
        bind = listener.bind.host
        if is_literal(bind) and ip_address(bind).is_unspecified:
            is_at = any(map(can_be_bound, addresses))
        else:
            is_at = any(address in addresses for address in _addresses(bind))
        if is_at:
            return listener
    return None


def is_literal(host: str) -> bool:
    """Whether a host is an address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _addresses(host: str) -> Iterator[str]:
    try:
        sockets = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return
    yield from dict.fromkeys(str(address[0]) for *_, address in sockets)


def can_be_bound(address: str) -> bool:
    """Whether an address belongs to this host: only then can it be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
