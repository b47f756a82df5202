"""For `gateway check`: does a relay point back at the gateway itself?"""

import socket
from collections.abc import Iterator
from ipaddress import ip_address

from gateway.config import Settings
from gateway.config.smtp import ListenerConfig, RelayConfig


def own_listener(settings: Settings, relay: RelayConfig, *, offline: bool) -> ListenerConfig | None:
    """Return the listener that mail for a relay would come back to; `offline` asks no DNS."""
    candidates = [
        listener for listener in settings.smtp.listeners if listener.bind.port == relay.port
    ]
    if not candidates or (offline and not (relay.host == "localhost" or _is_literal(relay.host))):
        return None
    addresses = list(_addresses(relay.host))
    for listener in candidates:
        bind = listener.bind.host
        if _is_literal(bind) and ip_address(bind).is_unspecified:
            is_at = any(map(can_be_bound, addresses))
        else:
            is_at = any(address in addresses for address in _addresses(bind))
        if is_at:
            return listener
    return None


def _is_literal(host: str) -> bool:
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
    """Whether this host has an address: only then can it be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
