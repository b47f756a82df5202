"""Bounces that suppress nobody by themselves, for somebody to decide on."""

from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.api.console.access import LOOKS, WORKS, FormFields, Works, text_for
from gateway.api.console.acts import change_store
from gateway.api.console.form_text import typed_text
from gateway.api.console.rendering import render, see_other
from gateway.api.json_response import read_id
from gateway.api.problems import Problem
from gateway.api.using import services
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.kinds import Scope
from gateway.core.mail.address import lookup_form
from gateway.store.bounces import bounces
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import suppression
from gateway.store.views.today import LATELY

router = APIRouter(prefix="/bounces")
_MOST = 200


@router.get("", dependencies=[LOOKS])
async def list_undecided(request: Request) -> Response:
    """List bounces of the last week that wait for a decision, newest first."""
    using = services(request)
    rows = await using.database.read(
        bounces.list_bounces, undecided=True, since=using.clock() - LATELY, limit=_MOST
    )
    return await render(request, "bounces.html", {"bounces": rows})


@router.get("/{mail}/{position}", dependencies=[WORKS])
async def ask(request: Request, mail: str, position: int) -> Response:
    """Show a bounce, and ask whether to suppress the address."""
    return await render(request, "bounce.html", await _values(request, mail, position))


@router.post("/{mail}/{position}")
async def suppress(
    request: Request, user: Works, mail: str, position: int, fields: FormFields
) -> Response:
    """Suppress the address, as `gateway suppress add` does."""
    values = await _values(request, mail, position)
    reason = typed_text(fields, "reason")
    scope = Scope.ALL if fields.get("scope") == "all" else Scope.BULK
    if not reason:
        problem = text_for(request, "Say why: it is kept with who did it.")
        return await render(request, "bounce.html", {**values, "problem": problem}, status=422)
    using, number = services(request), services(request).new_id()
    now, address = using.clock(), values["address"]

    def add(connection: StoreTransaction) -> bool:
        _, is_new = suppression.add_once(
            connection,
            id=number,
            ref_or_address=address,
            scope=scope,
            remark=reason,
            public=False,
            by=user.name,
            since=now,
            until=None,
        )
        return is_new

    is_new = await change_store(
        *(request, user, "address.suppress"), add, about=lambda done: [mail] if done else []
    )
    sentence = text_for(request, "Suppressed from the next message on.")
    if not is_new:
        sentence = text_for(
            request, "It was suppressed for this reason already; nothing was changed."
        )
    return await see_other(request, "/console/bounces", sentence)


async def _values(request: Request, mail: str, position: int) -> dict[str, Any]:
    number, using = read_id(mail), services(request)

    def load(connection: StoreTransaction) -> KeptBounce | None:
        return bounces.at_position(connection, number, position)

    bounce = await using.database.read(load) if 0 <= position < 2**31 else None
    address = "" if bounce is None else bounce.address or lookup_form(bounce.recipient)
    if bounce is None or "@" not in address:
        raise Problem(404, text_for(request, "Nothing of that kind came back."))
    return {"bounce": bounce, "address": using.lookup(address), "problem": ""}
