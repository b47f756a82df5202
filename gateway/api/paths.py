"""Slashes within ids: `/people/candidate:2026%2F17` is the person 2026/17.

Servers decode a path before routes are looked for, and a slash that was written `%2F` then ends a
part of the path like any other (RFC 3986, 2.2: the two are not the same). Here it stays within
its part. A plain slash is taken for one of the id where no longer route fits:
`/people/candidate:2026/17` is the same person, but `/people/candidate:17/history` is the history of
the person 17.
"""

from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

#: Stands for `%2F` while a route is looked for: no text that was decoded from UTF-8 has it.
_SLASH = "\udc2f"


class SlashesInParts:
    """Wraps an application whose routes have parts `{person:id}`."""

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
        inner = {**scope, "path": path}  # The server writes its own log with the path it knows.
        try:
            await self._app(inner, receive, send)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]


def with_slashes(part: str) -> str:
    """Return a part of a path as it was meant, the slashes in it among the rest."""
    return part.replace(_SLASH, "/")


def written(path: str) -> str:
    """Return a path as it can be asked for again, its slashes within ids as `%2F`."""
    return quote(path.replace(_SLASH, "\0"), safe="/:@!$&'()*+,;=~").replace("%00", "%2F")


class _Id(Convertor[str]):
    """An id, which may have slashes in it; longer routes must stand before one that ends in it."""

    regex = ".+"

    def convert(self, value: str) -> str:
        return with_slashes(value)

    def to_string(self, value: str) -> str:
        return quote(value, safe="")


register_url_convertor("id", _Id())
