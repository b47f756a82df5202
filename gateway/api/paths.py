"""Slashes within ids: `/people/candidate:2026%2F17` is the person 2026/17.

Servers decode a path before routing, and a slash written as `%2F` then ends a segment like any
other (RFC 3986, 2.2: the two are not the same). Here it stays within its segment. A plain slash is
treated as part of the id if no longer route matches: `/people/candidate:2026/17` is the same
person, but `/people/candidate:17/history` is the history of the person 17.
"""

from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

#: Replaces `%2F` during routing: no text decoded from UTF-8 contains it.
_SLASH = "\udc2f"


class SlashesInParts:
    """Wraps an application whose routes have segments `{person:id}`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        written = scope.get("raw_path") or b""
        if b"%2f" not in written.lower():
            await self._app(scope, receive, send)
            return
        pieces = written.replace(b"%2f", b"%2F").split(b"%2F")
        path = _SLASH.join(unquote(piece.decode("latin-1")) for piece in pieces)
        inner = {**scope, "path": path}  # The server logs the path it knows.
        try:
            await self._app(inner, receive, send)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]


def with_slashes(part: str) -> str:
    """Return a path segment as it was meant, with its encoded slashes."""
    return part.replace(_SLASH, "/")


def quoted_path(path: str) -> str:
    """Return a path in the form it can be requested again, with slashes in ids as `%2F`."""
    return quote(path.replace(_SLASH, "\0"), safe="/:@!$&'()*+,;=~").replace("%00", "%2F")


class _IdConvertor(Convertor[str]):
    """An id, which may contain slashes; longer routes must precede one that ends in it."""

    regex = ".+"

    def convert(self, value: str) -> str:
        return with_slashes(value)

    def to_string(self, value: str) -> str:
        return quote(value, safe="")


register_url_convertor("id", _IdConvertor())
