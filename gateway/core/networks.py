"""Addresses of clients, and the networks that settings name."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def read_ip(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address in a text, without its zone; None if it is none, such as a name.

    An address of IPv4 in the form of IPv6, such as `::ffff:127.0.0.1`, is that of IPv4.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def is_in(host: str, networks: Iterable[Network]) -> bool:
    """Whether a client's address is in one of the networks."""
    address = read_ip(host)
    return address is not None and any(address in network for network in networks)
