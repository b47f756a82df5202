"""Builds the HTTP API."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from gateway.api import problems
from gateway.api.bearer import valid_token
from gateway.api.console.console import console, lead_to_start
from gateway.api.console.terms import ConsoleTerms
from gateway.api.guard import CountAnswer, RequestGuard
from gateway.api.health import Health
from gateway.api.page import page
from gateway.api.paths import SlashesInParts
from gateway.api.problems import Problem
from gateway.api.public.public_name import PublicName, PublicPaths
from gateway.api.recent import RecentAnswer
from gateway.api.routes import (
    applications,
    bounces,
    campaign_actions,
    campaigns,
    explain,
    feed,
    history,
    imports,
    inbox,
    messages,
    outbox,
    people,
    privacy,
    suppressions,
    today,
    triggers,
)
from gateway.api.schemas import complete_description
from gateway.api.services import ApiServices

KEEP = timedelta(seconds=2)  #: How long an answer is reused for everybody.
_LOOPBACK = ("127.0.0.1", "::1")
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def _uncounted(_route: str, _method: str, _status: int) -> None:
    """Do nothing, when answers are not counted."""


def application(
    *,
    health: Callable[[], Awaitable[Health]],
    metrics: Callable[[], Awaitable[bytes]],
    metrics_type: str,
    services: ApiServices | None = None,
    console_terms: Callable[[], ConsoleTerms] | None = None,
    routers: Sequence[APIRouter] = (),
    count: CountAnswer = _uncounted,
    public: Callable[[], PublicPaths] = PublicPaths,
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Build the API; without `services` only health, metrics and the given routers, no console.

    `public` returns the host name that the open internet may use, and the paths it reaches by that
    name; `monotonic` returns the seconds by which the console counts attempts to sign in. Nothing
    is derived from the Host header, other origins are refused, and `/a/` isn't `/a`.
    """
    app = FastAPI(
        title="CRM mail gateway",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    problems.install(app)
    add_health(app, health, metrics, metrics_type)
    if services is not None:
        add_routes(app, services)
    if services is not None and console_terms is not None:
        app.add_api_route("/console", lead_to_start, include_in_schema=False)
        app.mount("/console", console(services, console_terms, monotonic))
    for router in routers:
        app.include_router(router, include_in_schema=False)
    app.add_middleware(SlashesInParts)
    app.add_middleware(PublicName, public=public)
    app.add_middleware(RequestGuard, count=count)
    return app


def add_health(
    app: FastAPI,
    health: Callable[[], Awaitable[Health]],
    metrics: Callable[[], Awaitable[bytes]],
    metrics_type: str,
) -> None:
    """Add `/health` and `/metrics`, each answer kept for `KEEP`."""
    recent_health = RecentAnswer(health, KEEP)
    recent_metrics = RecentAnswer(metrics, KEEP)

    @app.get("/health", include_in_schema=False)
    async def get_health(request: Request) -> JSONResponse:
        """Report the gateway's health; to strangers, only whether it works."""
        answer = await recent_health.get()
        document = answer.document()
        if not await _is_known(request):
            document = {"status": document["status"]}
        return JSONResponse(document, 200 if answer.is_good else 503)

    @app.get("/metrics", include_in_schema=False)
    async def get_metrics(request: Request) -> Response:
        if not await _is_known(request):
            asks = {"www-authenticate": "Bearer"}
            raise Problem(401, "a token is needed from anywhere but this host", headers=asks)
        return Response(await recent_metrics.get(), headers={"content-type": metrics_type})


async def _is_known(request: Request) -> bool:
    """Whether a request comes from this machine, without a proxy, or has a valid token."""
    peer = request.client.host if request.client else ""
    if peer in _LOOPBACK and not any(name in request.headers for name in _PASSED_ON):
        return True
    using: ApiServices | None = request.app.state.services
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if using is None or scheme.lower() != "bearer":
        return False
    return await valid_token(using, secret.strip()) is not None


def add_routes(app: FastAPI, services: ApiServices) -> None:
    """Add all routes that need the store, and the OpenAPI description of all routes."""
    app.include_router(feed.router(services.feed))
    app.include_router(feed.imports(services.feed))
    for part in (
        *(applications, suppressions, messages, bounces, privacy, people),
        *(history, inbox, outbox),
    ):
        app.include_router(part.router)
    for part in (campaigns, campaign_actions, triggers, explain, imports, today):
        app.include_router(part.router)

    @cache
    def description() -> dict[str, Any]:
        return complete_description(
            get_openapi(title=app.title, version=app.version, routes=app.routes, description=_ABOUT)
        )

    @app.get("/openapi.json", include_in_schema=False)
    def get_description() -> Any:  # In a thread, as the first time takes a while.
        return JSONResponse(description())

    @app.get("/docs", include_in_schema=False)
    async def get_page() -> Response:
        return page()


_ABOUT = """What the command line does, over HTTP; `docs/api.md` of the gateway has examples.

Problems are `application/problem+json`. A list has `items` and `next`, the `cursor` of the next
page. A request with an `Idempotency-Key` is done once, however often it is sent within a day.
Answers to GET have an `ETag` for `If-None-Match`."""
