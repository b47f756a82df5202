"""`gateway check` for the API and webhooks."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.endpoints import endpoints
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.written import counted


def settings_for_http(settings: Settings) -> Iterator[Finding]:
    """Report what others could read in transit, and what can't be used."""
    if not _is_here(settings.api.bind.host):
        yield warning(
            "api",
            f"{settings.api.bind} can be reached from elsewhere in plain HTTP: put a web server "
            "with TLS in front and bind to 127.0.0.1",
        )
    if not settings.webhooks:
        return
    try:
        endpoints(settings)
    except GatewayError as problem:
        yield error("webhooks", str(problem))
        return
    open_ones = {
        host
        for url in settings.webhooks
        if (parts := urlsplit(url.url)).scheme == "http"
        and not _is_here(host := parts.hostname or "")
    }
    for host in sorted(open_ones):
        yield warning(
            "webhooks", f"{host} is called over plain HTTP, which others can read: use https"
        )
    yield good(
        "webhooks", f"{counted(len(settings.webhooks), 'address is', 'addresses are')} called"
    )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
