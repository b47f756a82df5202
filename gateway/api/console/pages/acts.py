"""What was done in the console, and by whom."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import Looks
from gateway.api.console.rendering import render
from gateway.api.replies import Cursor, before, id_cursor
from gateway.api.using import services
from gateway.store.console import console_acts

router = APIRouter(prefix="/acts")
_AT_ONCE = 100


@router.get("")
async def list_acts(
    request: Request,
    user: Looks,  # noqa: ARG001
    who: Annotated[str, Query()] = "",
    cursor: Cursor = None,
) -> Response:
    """List acts, the newest first."""
    number = before(cursor)
    rows = await services(request).database.read(
        lambda connection: console_acts.listed(
            connection, user=who or None, before=number, limit=_AT_ONCE + 1
        )
    )
    following = id_cursor(rows[_AT_ONCE - 1]) if len(rows) > _AT_ONCE else ""
    return await render(request, "acts.html", {"acts": rows[:_AT_ONCE], "following": following})
