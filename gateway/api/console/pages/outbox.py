"""The gateway's own outgoing mail and webhooks, which can be sent again or given up."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import LOOKS, Runs, text_for
from gateway.api.console.acts import change_store
from gateway.api.console.rendering import render, see_other
from gateway.api.json_response import Cursor, id_before, id_cursor, on_page, read_id
from gateway.api.using import services
from gateway.core import ids
from gateway.core.queue import QueueEvent
from gateway.core.sending.outbox import OUTBOX_LIFE, OutboxState
from gateway.store.sending import outbox
from gateway.store.triggers import status_mail

router = APIRouter(prefix="/outbox")
_AT_ONCE = 50


@router.get("", dependencies=[LOOKS])
async def list_entries(
    request: Request, state: Annotated[str, Query()] = "", cursor: Cursor = None
) -> Response:
    """List what was sent or waits to be sent, newest first."""
    number = id_before(cursor)
    outbox_state = OutboxState(state) if state in set(OutboxState) else None
    entries = await services(request).database.read(
        lambda connection: status_mail.merge_newest_first(
            outbox.list_outbox(connection, state=outbox_state, before=number, limit=_AT_ONCE + 1),
            status_mail.list_waiting_mail(
                connection, state=outbox_state, before=number, limit=_AT_ONCE + 1
            ),
            _AT_ONCE + 1,
        )
    )
    shown_entries, following = on_page(entries, _AT_ONCE, id_cursor)
    values = {"entries": shown_entries, "following": following, "states": list(OutboxState)}
    return await render(request, "outbox.html", values)


@router.get("/{number}", dependencies=[LOOKS])
async def show_entry(request: Request, number: str) -> Response:
    """Show an entry and its possible actions."""
    entry_id = read_id(number)
    entry = await services(request).database.read(status_mail.entry, entry_id)
    life = OUTBOX_LIFE.after
    values = {
        "entry": entry,
        "can_retry": life(entry.state, QueueEvent.RETRIED) is not None and not entry.about,
        "can_cancel": life(entry.state, QueueEvent.CANCELLED) is not None,
    }
    return await render(request, "outbox_entry.html", values)


@router.post("/{number}/retry")
async def retry(request: Request, user: Runs, number: str) -> Response:
    """Send an entry again, as `gateway outbox retry` does."""
    entry_id, using = read_id(number), services(request)
    await change_store(
        *(request, user, "outbox.retry"),
        lambda connection: outbox.retry(connection, entry_id, using.clock()),
        about=ids.show(entry_id),
    )
    return await see_other(request, "/console/outbox", text_for(request, "It is sent again."))


@router.post("/{number}/cancel")
async def cancel(request: Request, user: Runs, number: str) -> Response:
    """Give up an entry, as `gateway outbox cancel` does."""
    entry_id, using = read_id(number), services(request)
    await change_store(
        *(request, user, "outbox.cancel"),
        lambda connection: status_mail.cancel_entry(connection, entry_id, using.clock()),
        about=ids.show(entry_id),
    )
    return await see_other(request, "/console/outbox", text_for(request, "It is given up."))
