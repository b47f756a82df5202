"""Rate limits for clients, where no login is needed."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, IPv6Network

from fastapi import Request

from gateway.core.networks import Network, is_in, read_ip

_BURST = 120.0  #: Requests at once.
_PER_SECOND = 2.0  #: After that.
_MOST_CLIENTS = 10_000
_SIX_PREFIX = 64  #: A provider's customer has that many bits of IPv6 prefix.


class ClientRates:
    """Counts requests by client in token buckets; forgets the longest silent first."""

    def __init__(
        self, proxies: Callable[[], Iterable[Network]], monotonic: Callable[[], float]
    ) -> None:
        """`proxies` returns the servers trusted to say where a request comes from."""
        self._proxies = proxies
        self._monotonic = monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str, cost: float) -> bool:
        """Whether a client may make one more request; refused requests cost nothing."""
        now = self._monotonic()
        left, at = self._left.pop(client, (_BURST, now))
        left = min(_BURST, left + (now - at) * _PER_SECOND)
        is_allowed = left >= cost
        self._left[client] = (left - cost if is_allowed else left, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return is_allowed

    def client(self, request: Request) -> str:
        """Return the client: for IPv6 its network; behind a trusted proxy, the last it names."""
        peer = request.client.host if request.client else ""
        # Each proxy appends the address it saw; anything before that may be forged.
        forwarded_for = request.headers.get("x-forwarded-for", "").split(",")
        while forwarded_for and is_in(peer, self._proxies()):
            peer = forwarded_for.pop().strip() or peer
        address = read_ip(peer)
        if address is None:
            return peer[:50]
        if isinstance(address, IPv6Address):
            return str(IPv6Network((address, _SIX_PREFIX), strict=False))
        return str(address)
