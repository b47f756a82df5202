"""The console as a separate application, mounted at `/console`."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from gateway.api.console import oidc, sign_in
from gateway.api.console.access import (
    ConsoleAccess,
    StaleForm,
    checked_form,
    language_of,
    text_for,
)
from gateway.api.console.kept_form import START
from gateway.api.console.pages import (
    acts,
    applications,
    bounces,
    campaigns,
    feed,
    inbox,
    messages,
    outbox,
    people,
    replies,
    today,
    triggers,
)
from gateway.api.console.rendering import render, static_file
from gateway.api.console.sentences import retell
from gateway.api.console.terms import ConsoleTerms
from gateway.api.console.throttle import LoginThrottle
from gateway.api.console.upload_folder import remove_left_folders
from gateway.api.problems import Problem, known_fault
from gateway.api.public.client_rates import ClientRates
from gateway.api.services import ApiServices
from gateway.core.errors import GatewayError

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}

#: The pages, each a module with a router.
PAGES = (
    today,
    messages,
    people,
    replies,
    inbox,
    campaigns,
    triggers,
    applications,
    feed,
    outbox,
    bounces,
    acts,
)


def console(
    using: ApiServices,
    terms: Callable[[], ConsoleTerms],
    monotonic: Callable[[], float],
) -> FastAPI:
    """Build the console; `terms` returns the current terms."""
    remove_left_folders()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.services = using
    app.state.terms = terms
    rates = ClientRates(lambda: terms().proxies, monotonic)
    routes = APIRouter(dependencies=[Depends(checked_form)])
    routes.include_router(sign_in.router(LoginThrottle(monotonic), rates))
    routes.include_router(oidc.router(rates, monotonic))
    for page in PAGES:
        routes.include_router(page.router)
    app.include_router(routes)
    app.include_router(feed.uploads)

    app.add_api_route("/", lead_to_start)

    @app.get("/static/{name}")
    async def get_static(name: str) -> Response:
        content = static_file(name)
        if content is None:
            raise Problem(404)
        return Response(
            content,
            headers={"cache-control": "public, max-age=31536000, immutable"},
            media_type=_TYPES[name.rpartition(".")[2]],
        )

    for kind in (HTTPException, RequestValidationError, GatewayError, Exception):
        app.add_exception_handler(kind, _error_page)
    app.add_middleware(
        ConsoleAccess, using=using, terms=terms, refuse=_error_page, lead=sign_in.lead_to_login
    )
    return app


async def lead_to_start() -> Response:
    """Redirect to the first page."""
    return RedirectResponse(START, 303)


async def _error_page(request: Request, error: Exception) -> Response:
    """Show an error in a sentence; for a form that came too late, offer to send it again."""
    match error:
        case StaleForm(kept_form=kept_form) if kept_form is not None:
            return await render(request, "again.html", {"kept": kept_form}, status=403)
        case RequestValidationError():
            fields = ", ".join(sorted({str(fault["loc"][-1]) for fault in error.errors()}))
            why = text_for(
                request, "A value of the address or form can't be read: {fields}.", fields=fields
            )
            problem = Problem(422, why)
        case HTTPException():
            problem = Problem(error.status_code, str(error.detail), headers=error.headers)
        case _:
            problem = known_fault(error)
    title = HTTPStatus(problem.status_code).phrase
    detail = "" if problem.detail == title else retell(language_of(request), str(problem.detail))
    response = await render(
        request,
        "error.html",
        {"status": problem.status_code, "detail": detail, "language": language_of(request)},
        status=problem.status_code,
    )
    for name, value in (problem.headers or {}).items():
        response.headers[name] = value
    return response
