"""Errors as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gateway import logs
from gateway.api.services import EventRefused, NotDone
from gateway.core.errors import FileUnusable, GatewayError
from gateway.documents.problems import FieldProblemDocument, ProblemDocument
from gateway.store.campaigns.campaigns import NoSuchCampaign
from gateway.store.engine.blobs import BlobMissing, BlobsUnavailable
from gateway.store.engine.database import RowRefused, StoreUnavailable
from gateway.store.replies import inbox
from gateway.store.sending import outbox

TYPE = "application/problem+json"
RETRY_SECONDS = "5"

log = logs.get("api")


class Problem(HTTPException):
    """Why a request failed; `more` are further members of the document."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.more = dict(more or {})


def problem(
    status: int,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """Return the response for a problem."""
    title = HTTPStatus(status).phrase
    document: ProblemDocument = {"type": "about:blank", "title": title, "status": status}
    if detail and detail != title:
        document["detail"] = detail
    body = orjson.dumps({**document, **(more or {})})
    return Response(body, status, dict(headers or {}), media_type=TYPE)


def install(app: FastAPI) -> None:
    """Have every error of an application answered as a problem."""
    app.add_exception_handler(HTTPException, as_problem)
    app.add_exception_handler(RequestValidationError, as_invalid)
    app.add_exception_handler(GatewayError, as_known_fault)
    app.add_exception_handler(Exception, as_known_fault)


def as_problem(request: Request, error: Exception) -> Response:
    """Answer with the status and text from a route."""
    assert isinstance(error, HTTPException)
    more = error.more if isinstance(error, Problem) else None
    detail = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"nothing is at {request.url.path}; /openapi.json has all paths"
    return problem(error.status_code, detail, headers=error.headers, more=more)


def as_invalid(_: Request, error: Exception) -> Response:
    """Answer 422 with each invalid field, as `body.until`."""
    assert isinstance(error, RequestValidationError)
    errors: list[FieldProblemDocument] = [
        {"at": ".".join(map(str, fault["loc"])), "text": fault["msg"].removeprefix("Value error, ")}
        for fault in error.errors()
    ]
    return problem(422, "the request isn't valid", more={"errors": errors})


def as_known_fault(_: Request, error: Exception) -> Response:
    """Answer with the meaning of one of the gateway's own errors to the client."""
    fault = known_fault(error)
    return problem(fault.status_code, fault.detail, headers=fault.headers, more=fault.more)


def known_fault(error: Exception) -> Problem:
    """Return the meaning of one of the gateway's own errors to the client; unknown ones are 500."""
    away = {"retry-after": RETRY_SECONDS}
    match error:
        case RowRefused():
            return Problem(422, "the store refuses a value of the request")
        case StoreUnavailable() | BlobsUnavailable():
            return Problem(503, "the store is away", headers=away)
        case FileUnusable():
            log.error("file_unusable", reason=str(error))
            return Problem(503, f"a file of the gateway can't be used: {error}", headers=away)
        case BlobMissing() | outbox.NoSuchRow() | inbox.NoSuchMail() | NoSuchCampaign():
            return Problem(404, "there is no such thing")
        case NotDone():
            again = error.again_after
            headers = {} if again is None else {"retry-after": str(again)}
            return Problem(error.status, str(error), headers=headers, more=error.more)
        case EventRefused():
            return Problem(422, str(error), more=error.more)
        case outbox.WrongOutboxState() | inbox.WrongInboxState():
            return Problem(409, str(error))
        case _:
            log.error("request_failed", exc_info=error)
            return Problem(500, "the gateway failed; its log says why")
