"""Events of applications: submitted, or given a status by staff; both send mail."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.bearer import READS, EventsToken
from gateway.api.idempotency import Key, in_one_step
from gateway.api.json_response import (
    JSON,
    Cursor,
    Limit,
    PlainText,
    StaffName,
    Using,
    octets,
    page,
    respond,
    unwrap_cursor,
    wrap_cursor,
)
from gateway.api.problems import Problem
from gateway.api.schemas import answers, items
from gateway.api.services import ApplicationNews
from gateway.api.threads import in_thread
from gateway.core.languages import accepted_languages
from gateway.core.token import Token
from gateway.documents.triggers.applications import (
    ListedApplicationDocument,
    WholeApplicationDocument,
    listed_application_document,
    whole_application_document,
)
from gateway.documents.triggers.triggers import ChangeResultDocument
from gateway.store.api.answers import StoredAnswer
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import applications
from gateway.store.views import application_list

router = APIRouter(prefix="/applications", tags=["applications"])

MOST = 1000  #: Applications in one request.

_Reference = Annotated[PlainText, Field(min_length=1, max_length=200)]
NameWords = Annotated[
    PlainText,
    Query(
        max_length=200,
        description="Words that begin the reference, or stand in the title, the programme, or the "
        "person's name or address.",
    ),
]
_StatusId = Annotated[PlainText, Field(min_length=1, max_length=200)]
_DryRun = Annotated[
    bool, Query(description="Change and mail nothing; only show what would happen.")
]
_ANSWERS = answers(
    ChangeResultDocument, "What was done, and the mail it sends; `warning` if there is any."
)


class Submission(BaseModel):
    """A submission by the candidate."""

    model_config = ConfigDict(extra="forbid")

    status: _StatusId | None = Field(None, description="The status it has now: crm_id or name.")
    dry_run: bool = False


class StatusChange(BaseModel):
    """A status that a member of staff has given to applications by hand."""

    model_config = ConfigDict(extra="forbid")

    references: list[_Reference] = Field(min_length=1, max_length=MOST)
    status: _StatusId = Field(description="The status they have now: crm_id or name.")
    by: StaffName = Field(
        min_length=1,
        max_length=200,
        description="Who did it: crm_id or address of a member of staff.",
    )
    confirmed: bool = Field(
        False, description="Staff have seen who is mailed; needed if any mail would be sent."
    )
    token: str | None = Field(
        None,
        max_length=200,
        description="Or the `token` of the preview they saw, at most ten minutes old; it counts "
        "only while exactly the same would happen.",
    )
    partial: bool = Field(False, description="Change those that can be, even if not all can.")
    dry_run: bool = False


@router.post("/{reference:id}/submitted", responses=_ANSWERS)
async def submitted(
    request: Request,
    using: Using,
    token: EventsToken,
    reference: PlainText,
    submission: Submission | None = None,
    *,
    dry_run: _DryRun = False,
    key: Key = None,
) -> Response:
    """Report that a candidate has submitted an application; it is acknowledged at once."""
    happened = ApplicationNews(
        references=(reference,),
        status=submission.status if submission else None,
        by=None,
        languages=accepted_languages(request.headers.get("accept-language", "")),
        dry_run=dry_run or (submission is not None and submission.dry_run),
    )
    return await _apply_news(request, using, token, key, happened)


@router.get("", responses=items(ListedApplicationDocument), dependencies=[READS])
async def list_applications(
    request: Request,
    using: Using,
    q: NameWords = "",
    status: Annotated[
        PlainText, Query(max_length=200, description="crm_id of the status they have.")
    ] = "",
    *,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List applications in order of reference; with `q`, those that contain each of its words."""
    after = unwrap_cursor(cursor, 1)[0] if cursor else ""
    rows = await using.database.read(
        application_list.list_applications, words=q, status=status, after=after, limit=limit + 1
    )
    return page(
        request,
        rows,
        limit,
        document=listed_application_document,
        cursor=lambda row: wrap_cursor([row.known_application.application.reference]),
    )


@router.get(
    "/{reference:id}",
    responses=answers(WholeApplicationDocument, "The application."),
    dependencies=[READS],
)
async def show_application(request: Request, using: Using, reference: PlainText) -> Response:
    """Show an application: whose it is, what it is for, its status and who is responsible."""
    application = await using.database.read(applications.find, reference)
    if application is None:
        raise Problem(404, "there is no such application")
    return respond(request, whole_application_document(application))


@router.post("/status", responses=_ANSWERS)
async def status_changed(
    request: Request,
    using: Using,
    token: EventsToken,
    change: StatusChange,
    *,
    dry_run: _DryRun = False,
    key: Key = None,
) -> Response:
    """Report that staff changed the status of applications; mail owed for it is sent at once.

    All are changed or none, unless `partial` is set. If a mail would be sent, nothing is done until
    it is `confirmed` or has a `token`: the answer is 409 with `warning`, `mails` and a `token`.
    """
    happened = ApplicationNews(
        references=tuple(change.references),
        status=change.status,
        by=change.by,
        languages=accepted_languages(request.headers.get("accept-language", "")),
        dry_run=dry_run or change.dry_run,
        is_partial=change.partial,
        is_confirmed=change.confirmed,
        token=change.token or "",
    )
    return await _apply_news(request, using, token, key, happened)


async def _apply_news(
    request: Request, using: Using, token: Token, key: str | None, happened: ApplicationNews
) -> Response:
    apply = await in_thread(using.applications.open)

    def work(connection: StoreTransaction) -> StoredAnswer:
        answer = apply(connection, happened)
        why = why_nothing_was_done(answer)
        if why is not None:
            raise Problem(*why, more=dict(answer))
        return StoredAnswer(status=200, type=JSON, body=octets(answer))

    return await in_one_step(using, request, token, key, work)


def why_nothing_was_done(answer: Mapping[str, Any]) -> tuple[int, str] | None:
    """Return the status and text of the problem; None if it was done, or was a dry run."""
    errors = [application["error"] for application in answer["applications"]]
    match answer["outcome"]:
        case "unconfirmed":
            return 409, f"{answer['warning']}: send it again with `confirmed` or this `token`"
        case "stale":
            return (
                409,
                "the token is for another change or state, or too old: ask for a new one",
            )
        case "incomplete":
            return 404, "nothing was changed: some references are of no application"
        case _ if all(errors):
            return 404, "there is no such application"
    return None
