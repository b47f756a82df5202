"""Restricts the public host name to unsubscribe links."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.problems import problem

_NAMING = (b"host", b"x-forwarded-host", b"forwarded")
_FORWARDED_HOST = re.compile(r"\bhost\s*=\s*\"?([^\s\",;]+)", re.IGNORECASE)  # RFC 7239, 5.3
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def name_of(url: str) -> str:
    """Return the host of a URL or `Host` field, normalised; empty if there is none."""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
    with suppress(ValueError):
        return str(ip_address(host))
    return host.rstrip(".").lower()


def _names_in(header: bytes, value: bytes) -> Iterator[str]:
    """Yield the host names a request says it was sent to."""
    text = value.decode("latin-1")
    texts = _FORWARDED_HOST.findall(text) if header == b"forwarded" else text.split(",")
    return (name_of(text.strip()) for text in texts)


@dataclass(frozen=True, slots=True)
class PublicPaths:
    """A public host name, if any, and the paths available under it."""

    name: str = ""
    paths: tuple[str, ...] = ()


class PublicName:
    """Wraps an application: a request under the public name reaches only some paths.

    Names of this machine itself aren't used from outside, and reach everything.
    """

    def __init__(self, app: ASGIApp, public: Callable[[], PublicPaths]) -> None:
        self._app = app
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            public = self._public()
            is_public = public.name not in ("", *_LOOPBACK) and any(
                public.name in _names_in(header, value)
                for header, value in scope["headers"]
                if header in _NAMING
            )
            if is_public and not scope["path"].startswith(public.paths):
                await problem(404)(scope, receive, send)
                return
        await self._app(scope, receive, send)
