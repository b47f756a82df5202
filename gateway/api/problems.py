"""Errors as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

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
    if error.status_code == 400 and not isinstance(error, Problem):
        # FastAPI says only that there was an error: the octets aren't UTF-8, whatever the charset.
        detail = "the body can't be read as JSON in UTF-8"
    return problem(error.status_code, detail, headers=error.headers, more=more)


def as_invalid(request: Request, error: Exception) -> Response:
    """Answer 422 with each invalid field, as `body.until`; 415 if the body isn't sent as JSON."""
    assert isinstance(error, RequestValidationError)
    given_type = request.headers.get("content-type", "")
    is_unread = any(
        fault["loc"] == ("body",) and fault["type"] != "missing" for fault in error.errors()
    )
    if is_unread and not _is_json(given_type):
        said = f"says {given_type!r}" if given_type else "is missing"
        return problem(415, f"Content-Type {said}: send JSON, as application/json")
    errors: list[FieldProblemDocument] = [
        {"at": ".".join(map(str, fault["loc"])), "text": _text(fault, request)}
        for fault in error.errors()
    ]
    return problem(422, "the request isn't valid", more={"errors": errors})


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _text(fault: Mapping[str, Any], request: Request) -> str:
    text = str(fault["msg"]).removeprefix("Value error, ")
    value = fault.get("input")
    if fault["loc"][0] != "query" or not isinstance(value, str) or " " not in value:
        return text
    has_plus = value.replace(" ", "+") in unquote(request.url.query)
    return f"{text} (a + within a query is a blank: write %2B)" if has_plus else text


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
