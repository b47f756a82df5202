"""What can be asked over HTTP."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse

from gateway.api.health import Health
from gateway.api.recent import Recent

KEEP = timedelta(seconds=2)  #: For so long an answer serves everyone who asks.


def application(
    *,
    health: Callable[[], Awaitable[Health]],
    metrics: Callable[[], Awaitable[bytes]],
    metrics_type: str,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Build the API: `GET /health` answers 200 or 503, `GET /metrics` in Prometheus' format."""
    app = FastAPI(title="CRM mail gateway", openapi_url=None)
    recent_health = Recent(health, KEEP)
    recent_metrics = Recent(metrics, KEEP)

    @app.get("/health")
    async def get_health() -> JSONResponse:
        answer = await recent_health.get()
        return JSONResponse(answer.document(), 200 if answer.good else 503)

    @app.get("/metrics")
    async def get_metrics() -> Response:
        return Response(await recent_metrics.get(), headers={"content-type": metrics_type})

    for router in routers:
        app.include_router(router)
    return app
