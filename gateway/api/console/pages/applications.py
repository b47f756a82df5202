"""Applications: list, details, and status changes, which first show who would be mailed."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from gateway.api import paths  # noqa: F401  # Routes with {reference:id} need it.
from gateway.api.console.access import LOOKS, FormFields, Looks, Works, language_of, text_for
from gateway.api.console.acts import change_store
from gateway.api.console.rendering import render, see_other
from gateway.api.console.sentences import retell
from gateway.api.json_response import Cursor, PlainText, on_page, unwrap_cursor, wrap_cursor
from gateway.api.problems import Problem
from gateway.api.routes.applications import MOST, NameWords, why_nothing_was_done
from gateway.api.services import ApplicationNews, EventRefused
from gateway.api.threads import in_thread
from gateway.api.using import services
from gateway.core.languages import AcceptedLanguages
from gateway.core.people.people import Status
from gateway.store.console.console_acts import about_application
from gateway.store.engine.database import StoreTransaction
from gateway.store.views import application_list
from gateway.store.views.application_list import ListedApplication, PastTransition

if TYPE_CHECKING:
    from gateway.documents.triggers.triggers import ChangeResultDocument

router = APIRouter(prefix="/applications")
_AT_ONCE = 50
_StatusId = Annotated[PlainText, Query(max_length=200)]


@router.get("", dependencies=[LOOKS])
async def list_applications(
    request: Request, q: NameWords = "", status: _StatusId = "", cursor: Cursor = None
) -> Response:
    """List applications that contain each of the words."""
    after = unwrap_cursor(cursor, 1)[0] if cursor else ""

    def load(connection: StoreTransaction) -> tuple[list[ListedApplication], list[Status]]:
        rows = application_list.list_applications(
            connection, words=q, status=status, after=after, limit=_AT_ONCE + 1
        )
        return rows, application_list.statuses_of_applications(connection)

    rows, statuses = await services(request).database.read(load)
    shown_rows, following = on_page(
        rows, _AT_ONCE, lambda row: wrap_cursor([row.known_application.application.reference])
    )
    return await render(
        request,
        "applications.html",
        {
            "rows": shown_rows,
            "statuses": statuses,
            "following": following,
            "q": q,
            "status": status,
        },
    )


@router.post("/status")
async def change_status(request: Request, user: Works, form: FormFields) -> Response:
    """Change the status of applications; if that sends mail, first show to whom, and ask."""
    using = services(request)
    references = tuple(text for text in form.getlist("reference") if isinstance(text, str))
    status, by = (str(form.get(name, "")).strip() for name in ("status", "by"))
    status_form = StatusForm(references=references, status=status, by=by or user.name)
    if not references or len(references) > MOST:
        raise Problem(
            422, text_for(request, "Choose the applications first, {most} at most.", most=MOST)
        )
    if not status:
        raise Problem(422, text_for(request, "Choose the status first."))
    happened = ApplicationNews(
        references=references,
        status=status,
        by=status_form.by,
        languages=AcceptedLanguages((language_of(request),)),
        signed_in=user.name,
        token=str(form.get("token", "")),
    )
    apply = await in_thread(using.applications.open)
    try:
        answer = await change_store(
            *(request, user, "application.status"),
            lambda connection: apply(connection, happened),
            about=_changed_parts,
        )
    except EventRefused as error:
        return await _asking(request, status_form, {"problem": str(error)}, status=422)
    why = why_nothing_was_done(answer)
    if answer["outcome"] in ("unconfirmed", "stale"):
        is_stale = answer["outcome"] == "stale"
        return await _asking(request, status_form, {"answer": answer, "is_stale": is_stale})
    if why is not None:
        return await _asking(
            request, status_form, {"answer": answer, "problem": why[1]}, status=why[0]
        )
    page = f"/{quote(references[0], safe='')}" if len(references) == 1 else ""
    return await see_other(request, f"/console/applications{page}", _what_was_done(request, answer))


def _changed_parts(answer: "ChangeResultDocument") -> list[str]:
    """Return what was changed, in the form acts use."""
    if why_nothing_was_done(answer) is not None:
        return []
    return [about_application(change["reference"]) for change in answer["applications"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusForm:
    """The requested change: which applications get which status, in whose name."""

    references: tuple[str, ...]
    status: str
    by: str  #: The acting member of the CRM's staff.


async def _asking(
    request: Request, status_form: StatusForm, more: dict[str, Any], *, status: int = 200
) -> Response:
    """Show the mail a change would send, or why it can't be made, with the form as filled in."""
    statuses = await services(request).database.read(application_list.statuses_of_applications)
    status_names = {status.crm_id: status.name or status.crm_id for status in statuses}
    values = {"answer": None, "problem": "", "is_stale": False, **more}
    return await render(
        request,
        "application_status.html",
        {
            **values,
            "asked": status_form,
            "status_names": status_names,
            "in_words": lambda text: retell(language_of(request), text),
        },
        status=status,
    )


def _what_was_done(request: Request, answer: Any) -> str:
    changed = sum(change["changed"] for change in answer["applications"])
    if not changed:
        return text_for(request, "Nothing changes: it has that status already.")
    if any(change["undone"] for change in answer["applications"]):
        return text_for(request, "Taken back in time: nobody is mailed.")
    return text_for(
        request,
        "Changed: {changed}. Mails: {mails}.",
        changed=changed,
        mails=len(answer["mails"]),
    )


@router.get("/{reference:id}")
async def show_application(request: Request, user: Looks, reference: PlainText) -> Response:
    """Show an application, what was done to it, and the form to change its status."""
    using = services(request)

    def load(
        connection: StoreTransaction,
    ) -> tuple[ListedApplication | None, list[Status], list[PastTransition]]:
        return (
            application_list.by_reference(connection, reference),
            application_list.statuses_of_applications(connection),
            list(application_list.past_transitions(connection, reference)),
        )

    listed, statuses, past = await using.database.read(load)
    if listed is None:
        raise Problem(404, text_for(request, "There is no such application."))
    window = await in_thread(using.trigger_changes.undo_period)
    waits_until: datetime | None = None
    last = past[0] if past else None
    is_last_change = last is not None and last.before and last.event == "status_changed"
    if last is not None and is_last_change and using.clock() - last.at < window:
        waits_until = last.at + window
    return await render(
        request,
        "application.html",
        {
            "listed": listed,
            "statuses": statuses,
            "status_names": {status.crm_id: status.name or status.crm_id for status in statuses},
            "past": past,
            "back_to": last.before if last is not None and is_last_change else "",
            "waits_until": waits_until,
            "acting": user.name,
        },
    )
