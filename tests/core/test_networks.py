"""Clients by their address: which networks one is in, in whichever form it is written."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from gateway.core.networks import is_in, read_ip

NETWORKS = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"), ip_network("fe80::/10"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("fe80::1%eth0", True),
        ("198.51.100.7", False),
        ("::ffff:198.51.100.7", False),
        ("2001:db9::1", False),
        ("192.0.2", False),
        ("testclient", False),
        ("", False),
    ],
)
def test_a_client_is_in_a_network_by_its_address(host: str, expected: bool) -> None:
    assert expected is is_in(host, NETWORKS)


def test_a_client_of_ipv4_has_one_address() -> None:
    assert IPv4Address("192.0.2.7") == read_ip("192.0.2.7") == read_ip("::ffff:192.0.2.7")
    assert IPv6Address("2001:db8::1") == read_ip("2001:db8::1")
    assert read_ip("testclient") is None
