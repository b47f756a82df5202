"""The API as it is served: uvicorn on a port of 127.0.0.1, a store behind it, and tokens."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from fastapi import FastAPI

from gateway.api.application import application
from gateway.api.console.terms import ConsoleTerms
from gateway.api.health import Health
from gateway.api.public import unsubscribe
from gateway.api.public.client_rates import ClientRates
from gateway.api.server import serve
from gateway.api.services import ApiServices
from gateway.app.roles.api import console_terms, services
from gateway.app.roles.role_context import RoleContext
from gateway.app.roles.unsubscribing import StoreUnsubscribeAdapter, public_paths
from gateway.config import Settings
from gateway.core.token import Token, TokenRole, TokenScope
from gateway.store.api import tokens
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database
from tests.rig.new_ids import RowIds
from tests.rig.prepared import copy_prepared
from tests.rig.process import LOOPBACK

IDS = RowIds(7)
EVERYTHING = tuple(TokenScope)


@dataclass(slots=True)
class FixedSettings:
    """What the API takes from the life of its process."""

    settings: Settings
    config: Path | None = None


@dataclass(slots=True)
class Served:
    """An API that answers."""

    database: Database
    settings: Settings
    app: FastAPI
    blobs: Blobs
    port: int = 0
    counted: list[tuple[str, str, int]] = field(default_factory=list)
    _tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    def token(
        self,
        *scopes: TokenScope,
        roles: Collection[TokenRole] = frozenset(TokenRole),
        source: str = "crm",
        name: str = "tester",
        fresh: bool = False,
    ) -> str:
        """Return a token's secret; the same for the same wishes unless it is to be fresh."""
        wish = (*sorted(scopes or EVERYTHING), *sorted(roles), source, name)
        if wish in self._tokens and not fresh:
            return self._tokens[wish]
        secret = "gw_" + secrets.token_urlsafe(32)
        made = Token(
            id=IDS.next(),
            name=name,
            source=source,
            scopes=frozenset(scopes or EVERYTHING),
            roles=frozenset(roles),
        )
        with self.database.writing() as connection:
            tokens.add(connection, made, secret)
        self._tokens[wish] = secret
        return secret

    async def ask(
        self, method: str, path: str, *, token: str | None = "", **options: Any
    ) -> httpx.Response:
        """Send a request with a token that may do everything, another one, or none."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["authorization"] = f"Bearer {token or self.token()}"
        async with httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{self.port}", trust_env=False, timeout=60, verify=False
        ) as client:
            return await client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **params: Any) -> Any:
        """Return the document at a path."""
        answer = await self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def feed(
        self, kind: str, *lines: str, status: int = 200, token: str = "", **params: Any
    ) -> Any:
        """Upsert records, a line of JSON each."""
        body = "".join(f"{line}\n" for line in lines).encode()
        answer = await self.ask("POST", f"/feed/{kind}", content=body, params=params, token=token)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def raw(self, *pieces: bytes, pause: float = 0.0, patience: float = 20.0) -> bytes:
        """Send octets as they are and return all that comes until the connection ends."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)
            async with asyncio.timeout(patience):
                return await _all_of(reader)
        finally:
            writer.transport.abort()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    """Read until the connection ends, be it by a reset."""
    read = b""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            read += piece
    return read


async def _well() -> Health:
    return Health(store=True, relays={"relay": "up"}, roles={}, feeds={"crm": 5})


async def _metrics() -> bytes:
    return b"gateway_x 1.0\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """What an application takes from the test that has it."""

    settings: Settings
    services: ApiServices
    terms: Callable[[], ConsoleTerms]
    unsubscribing: StoreUnsubscribeAdapter
    rates_clock: Callable[[], float]
    counted: list[tuple[str, str, int]] = field(default_factory=list)


class _Current:
    """Stands for something that every test has its own of."""

    def __init__(self, get: Callable[[], object]) -> None:
        self._get = get

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get(), name)


class _Serving:
    """An application that serves one test after the other, each with a store of its own.

    To build its routes took four fifths of the processor time of a test of the API. What it counts
    by time, as attempts to sign in, was long ago for the next test.
    """

    def __init__(self, bound: _Bound) -> None:
        self._bound = bound
        self._ago = 0.0
        self.app = application(
            health=_well,
            metrics=_metrics,
            metrics_type="text/plain",
            services=cast(ApiServices, _Current(lambda: self._bound.services)),
            console_terms=self._terms,
            routers=[
                unsubscribe.router(
                    cast(StoreUnsubscribeAdapter, _Current(lambda: self._bound.unsubscribing)),
                    ClientRates(
                        lambda: self._bound.settings.api.proxies,
                        lambda: self._ago + self._bound.rates_clock(),
                    ),
                )
            ],
            count=lambda route, method, status: self._bound.counted.append((route, method, status)),
            public=lambda: public_paths(self._bound.settings),
            monotonic=lambda: self._ago + time.monotonic(),
        )

    def _terms(self) -> ConsoleTerms:
        return self._bound.terms()

    def take(self, bound: _Bound) -> None:
        """Serve another test."""
        self._bound = bound
        self._ago += _LONG


_LONG = 1e9  #: Seconds after which nothing counts any more.
_RESTING: list[_Serving] = []  #: Applications that no test has just now.


@contextlib.asynccontextmanager
async def served(
    store_url: str,
    folder: Path,
    changes: Sequence[tuple[str, Any]] = (),
    rates_clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Served]:
    """Serve the API of an empty store."""
    settings = Settings.model_validate(
        {
            "store": {
                "url": store_url,
                "blobs": f"file://{folder}/blobs",
                "outage": str(folder / "outage"),
            },
            "keys": {"file": str(folder / "gateway.keys")},
            "console": {"users": str(folder / "console-users")},
            **dict(changes),
        }
    )
    copy_prepared(store_url)
    database = Database(store_url)
    database.prepare()
    context = cast(RoleContext, FixedSettings(settings))
    using = services(context, database)
    bound = _Bound(
        settings=settings,
        services=using,
        terms=console_terms(context),
        unsubscribing=StoreUnsubscribeAdapter(lambda: settings, database),
        rates_clock=rates_clock,
    )
    if _RESTING:
        serving = _RESTING.pop()
        serving.take(bound)
    else:
        serving = _Serving(bound)
    # As roles get theirs, by number: so it tells that it is TCP, and asyncio sets TCP_NODELAY.
    # Otherwise answers wait 40 ms for a delayed acknowledgement of their first half.
    made = socket.create_server((LOOPBACK, 0), backlog=200)
    listening = socket.socket(fileno=made.detach())
    stopping, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(serve(serving.app, [listening], ready=ready.set, stopping=stopping))
    try:
        await ready.wait()
        port = listening.getsockname()[1]
        yield Served(database, settings, serving.app, using.blobs, port, bound.counted)
    finally:
        stopping.set()
        async with asyncio.timeout(30):
            await task
        _RESTING.append(serving)
        await using.inbox.close()
        database.close()
