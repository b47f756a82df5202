"""The HTTP proxy to use for a URL, from the process's environment.

    HTTPS_PROXY=http://proxy.example:3128 NO_PROXY=example.org,10.0.0.0/8

Each library reads these variables in its own way; here they mean the same for all calls.
"""

import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit


def proxy_for(url: str) -> str | None:
    """Return the address of the proxy for a URL; None if it is called directly.

    It is in `HTTPS_PROXY` or `HTTP_PROXY`, or else in `ALL_PROXY`. `NO_PROXY` lists what is called
    directly: names including subdomains, addresses and networks, `*` for everything. This machine
    always is.
    """
    from urllib.request import getproxies, proxy_bypass  # most commands make no calls

    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    excepted = proxies.get("no", "")
    if not proxy or _is_here(host) or _is_in_network(host, excepted) or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_here(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _is_in_network(host: str, excepted: str) -> bool:
    for name in excepted.split(","):
        with suppress(ValueError):
            if ipaddress.ip_address(host) in ipaddress.ip_network(name.strip(), strict=False):
                return True
    return False
