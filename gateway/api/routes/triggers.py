"""Mail on events: the triggers, what they would do, and what they did."""

from datetime import date
from operator import itemgetter
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.json_response import (
    MOST,
    Cursor,
    Limit,
    PlainText,
    Since,
    Using,
    as_it_is,
    id_before,
    page,
    respond,
    unknown_cursor,
    unwrap_cursor,
    whole_page,
    wrap_cursor,
)
from gateway.api.schemas import answers, items, list_schema
from gateway.api.threads import in_thread
from gateway.documents.triggers.trigger_edits import CalendarDocument, TriggerEditDocument
from gateway.documents.triggers.triggers import (
    DoneDocument,
    PreviewDocument,
    TriggerDocument,
    TriggerWithRunsDocument,
    UnusableTriggerDocument,
    WaitingDocument,
)

router = APIRouter(prefix="/triggers", tags=["triggers"], dependencies=[READS])

_Word = Annotated[PlainText, Query(min_length=1, max_length=200)]
_By = Annotated[
    PlainText | None,
    Query(max_length=200, description="Who would do it: staff, by crm_id or address."),
]
_On = Annotated[date | None, Query(description="As if it were this day; by default today.")]


@router.get(
    "", responses=items(TriggerDocument, {"unusable": list_schema(UnusableTriggerDocument)})
)
async def list_triggers(
    request: Request, using: Using, limit: Limit = MOST, cursor: Cursor = None
) -> Response:
    """List the triggers, on and off, and those whose files can't be used, with the reason."""
    listed, unusable = await in_thread(using.triggers.list_triggers)
    key, more = itemgetter("name"), {"unusable": unusable}
    return whole_page(request, listed, limit, cursor, document=as_it_is, key=key, more=more)


@router.get("/history", responses=items(DoneDocument))
async def list_history(
    request: Request, using: Using, *, since: Since, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List runs, and changes of applications with their mail, the newest first."""
    # A change mailed by several triggers is as many entries with the same id.
    last, shown_count = (None, 0) if cursor is None else _read_cursor(cursor)
    most, before_it = limit + 1 + shown_count, None if last is None else last + 1
    done = await in_thread(using.triggers.history, most, since=since, before=before_it)

    def cursor_behind(entry: DoneDocument) -> str:
        of_it = [run["id"] for run in done[: shown_count + limit]].count(entry["id"])
        return wrap_cursor([entry["id"], str(of_it)])

    return page(request, done[shown_count:], limit, document=as_it_is, cursor=cursor_behind)


@router.get("/waiting", responses=answers(WaitingDocument, "The fields that mail waits for."))
async def list_waiting(request: Request, using: Using) -> Response:
    """List the fields of the feed that can't be read and that mail waits for."""
    return respond(request, await in_thread(using.triggers.list_waiting_mail))


@router.get(
    "/calendar", responses=answers(CalendarDocument, "What date events will mail, day by day.")
)
async def show_calendar(
    request: Request, using: Using, days: Annotated[int, Query(ge=1, le=366)] = 14
) -> Response:
    """Show what date events will mail in the next days, as things stand now."""
    return respond(request, await in_thread(using.trigger_changes.calendar, days))


@router.get("/edits", responses=items(TriggerEditDocument))
async def list_edits(
    request: Request, using: Using, *, since: Since, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List changes to triggers and templates, and who made them, newest first."""
    last = id_before(cursor)
    edits = await in_thread(
        using.trigger_changes.edits, what=None, name=None, since=since, before=last, limit=limit + 1
    )
    return page(request, edits, limit, document=as_it_is, cursor=itemgetter("id"))


@router.get(
    "/preview", responses=answers(PreviewDocument, "Who would get what, and who would not.")
)
async def preview_change(
    request: Request, using: Using, *, reference: _Word, status: _Word, by: _By = None
) -> Response:
    """Show whom changing an application's status would mail; nothing is changed or sent."""
    preview = await in_thread(using.triggers.preview_change, reference, status, by)
    return respond(request, preview)


@router.get(
    "/{name}", responses=answers(TriggerWithRunsDocument, "The trigger with its last runs.")
)
async def show_trigger(request: Request, using: Using, name: PlainText) -> Response:
    """Show a trigger and what its last runs did."""
    return respond(request, await in_thread(using.triggers.by_name, name))


@router.get(
    "/{name}/preview", responses=answers(PreviewDocument, "Who would get what, and who would not.")
)
async def preview_trigger(
    request: Request, using: Using, name: PlainText, on: _On = None
) -> Response:
    """Show whom a date event would mail on a day, and whom not and why; nothing is sent."""
    return respond(request, await in_thread(using.triggers.preview, name, on))


def _read_cursor(cursor: str) -> tuple[int, int]:
    """Parse the id a page ended with, and how many of its entries were shown."""
    number, count = unwrap_cursor(cursor, 2)
    if not (count.isascii() and count.isdecimal() and len(count) <= len(str(MOST))):
        raise unknown_cursor()
    return id_before(number) or 0, int(count)
