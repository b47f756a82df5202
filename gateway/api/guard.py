"""Runs before every route: limits, timeouts, safe headers, a log line and a count."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import logs
from gateway.api.problems import Problem, problem
from gateway.core import ids
from gateway.core.bounces.unsubscribe import PATH

log = logs.get("api")

MAX_BODY = 1024 * 1024
MAX_BULK = 1024 * 1024 * 1024  #: For the feed: a few million people.
MAX_FORM = 16_384  #: For unsubscribe links, used by strangers.
_BULK = ("/feed/", "/imports/", "/console/feed/upload")  #: Files are posted below these paths.
_CONSOLE = "/console/"  #: Refusals below this path are pages.
REFUSED = "gateway.refused"  #: Key in the scope for the `Problem` the console should show.
_PIECE_SECONDS = 20.0  #: For the next piece of a request or an answer.
_LEAST_RATE = 1024  #: Minimum octets a second of a request, after a while.
_AFTER_SECONDS = 30.0

#: Some clients write `Content-Encoding: UTF-8`, which does no harm.
_COMPRESSIONS = frozenset(("gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"))

_HARMLESS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
    b"cache-control": b"no-store",
}

CountAnswer = Callable[[str, str, int], None]  #: Called with an answer's route, method and status.


class RequestGuard:
    """Wraps an application."""

    def __init__(self, app: ASGIApp, count: CountAnswer) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        request = _GuardedRequest(scope, receive, send)
        try:
            await request.pass_on(self._app)
        finally:
            route = getattr(scope.get("route"), "path_format", "")
            if route:  # of a mounted application
                route = scope.get("root_path", "") + route
            method = scope["method"] if route else ""
            token = scope.get("state", {}).get("token")
            self._count(route, method, request.status)
            write = log.debug if route in ("/health", "/metrics") else log.info
            write(
                "request",
                route=route,
                method=method,
                status=request.status,
                seconds=round(time.monotonic() - began, 4),
                token=None if token is None else ids.show(token.id),
            )


@dataclass(slots=True)
class _GuardedRequest:
    """A request while it is received, and its answer while it is sent."""

    scope: Scope
    receive: Receive
    send: Send
    status: int = 0  #: Not answered yet.

    async def pass_on(self, app: ASGIApp) -> None:
        try:
            # Refuse what is ambiguous (RFC 9112, 6.3) or meaningless.
            names = [name for name, _ in self.scope["headers"]]
            if b"content-length" in names and b"transfer-encoding" in names:
                raise Problem(400, "both a length and a transfer coding")
            if any(names.count(name) > 1 for name in (b"host", b"authorization", b"content-type")):
                raise Problem(400, "a header occurs twice")
            if "\0" in self.scope["path"] or b"%00" in self.scope["query_string"]:
                raise Problem(400, "the address has a character that none can have (U+0000)")
            headers = self.scope["headers"]
            if coding := compression_of(headers):
                raise Problem(415, f"the body is compressed ({coding}): send it as it is")
            length_text = next(
                (value for header, value in headers if header == b"content-length"), b"0"
            )
            length = int(length_text) if length_text.isdigit() else 0
            most = MAX_BULK if is_bulk(self.scope) else _most_octets(self.scope)
            if length > most:
                raise _too_large(most)
            came = self._bulk() if is_bulk(self.scope) else await self._read_whole()
        except Problem as refused:
            cut = _cut_off(refused.status_code, refused.detail)
            if not self.scope["path"].startswith(_CONSOLE):
                answer = problem(cut.status_code, cut.detail, headers=cut.headers)
                await answer(self.scope, self.receive, self._send)
                return
            # Shown in the reader's language; nothing more of the request is read.
            self.scope, came = {**self.scope, REFUSED: cut}, _nothing
        try:
            await app(self.scope, came, self._send)
        except Exception:  # Already reported and logged.
            if not self.status:
                raise

    async def _read_whole(self) -> Receive:
        """Read a small body to its end before doing anything."""
        body = b"".join([piece async for piece in _pieces(self.receive, _most_octets(self.scope))])
        is_read = False

        async def again() -> Message:
            nonlocal is_read
            if is_read:
                return await self.receive()
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again

    def _bulk(self) -> Receive:
        pieces = _pieces(self.receive, MAX_BULK)

        async def next_piece() -> Message:
            piece = await anext(pieces, None)
            if piece is None:
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.request", "body": piece, "more_body": True}

        return next_piece

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(message["headers"])
            more = [(name, value) for name, value in _HARMLESS.items() if name not in headers]
            message = {**message, "headers": [*message["headers"], *more]}
        async with asyncio.timeout(_PIECE_SECONDS):
            await self.send(message)


def compression_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return how a body is compressed (RFC 9110, 8.4), which nothing here undoes; empty: not."""
    codings = b",".join(value for name, value in headers if name == b"content-encoding")
    names = (name.strip().lower() for name in codings.decode("latin-1").split(","))
    return next((name for name in names if name in _COMPRESSIONS), "")


async def _pieces(receive: Receive, most: int):  # type: ignore[no-untyped-def]
    """Yield a body in pieces; it may be neither too long nor too slow."""
    began, octets = time.monotonic(), 0
    while True:
        try:
            async with asyncio.timeout(_PIECE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise _cut_off(408, f"nothing came for {_PIECE_SECONDS:.0f} s") from None
        if message["type"] == "http.disconnect":
            raise _cut_off(400, "the request was cut off")
        piece = message.get("body", b"")
        octets += len(piece)
        if octets > most:
            raise _too_large(most)
        took = time.monotonic() - began
        if took > _AFTER_SECONDS and octets < _LEAST_RATE * took:
            raise _cut_off(408, "the request arrives too slowly")
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _too_large(most: int) -> Problem:
    return _cut_off(413, f"the request is too large: {most // 1000} kB at most")


def _cut_off(status: int, why: str) -> Problem:
    """Return the answer to a request whose remainder nobody reads."""
    return Problem(status, why, headers={"connection": "close"})


def _most_octets(scope: Scope) -> int:
    return MAX_FORM if scope["path"].startswith(PATH) else MAX_BODY


def is_bulk(scope: Scope) -> bool:
    """Whether this is a file upload, which may be large."""
    return bool(scope["method"] == "POST" and scope["path"].startswith(_BULK))
