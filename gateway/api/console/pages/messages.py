"""The journal: lists, a search, a message with all that is known of it, and what failed."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import ConsoleUser, Fields, Looks, Works, said
from gateway.api.console.acts import did
from gateway.api.console.message_filter import MessageFilter, read_filter
from gateway.api.console.rendering import render, see_other
from gateway.api.console.state_words import note_words, state_words
from gateway.api.problems import Problem
from gateway.api.replies import Cursor, before, id_cursor, read_id
from gateway.api.using import services
from gateway.core import ids
from gateway.core.decision.delivery_reason import DeliveryReason
from gateway.core.decision.journal import Message
from gateway.core.decision.note import retold_in
from gateway.core.kinds import State
from gateway.core.people.people import PersonRef
from gateway.store.bounces import bounces
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import messages
from gateway.store.people import releases
from gateway.store.views.delivery_reasons import reasons_of

router = APIRouter()
_AT_ONCE = 50
_FAILED_AT_ONCE = 20

Reasons = dict[tuple[int, int], DeliveryReason]


@router.get("/messages")
async def list_messages(request: Request, user: Looks, cursor: Cursor = None) -> Response:  # noqa: ARG001
    """List messages, the newest first, narrowed by what was asked for."""
    wanted = read_filter(request, services(request))
    shown = await _listed(request, wanted, cursor, _AT_ONCE, with_reasons=False)
    return await render(request, "messages.html", shown, status=422 if wanted.problems else 200)


@router.get("/send-failed")
async def list_failed(request: Request, user: Looks, cursor: Cursor = None) -> Response:  # noqa: ARG001
    """List what was kept from people, each with the note, why exactly, and the cure."""
    wanted = read_filter(request, services(request))
    wanted.state = State.SEND_FAILED
    shown = await _listed(request, wanted, cursor, _FAILED_AT_ONCE, with_reasons=True)
    return await render(request, "send_failed.html", shown, status=422 if wanted.problems else 200)


@router.get("/messages/{number}")
async def show_message(request: Request, user: Looks, number: str) -> Response:  # noqa: ARG001
    """Show a message with its deliveries, why they failed, and what came back."""
    message, reasons = await _one(request, number)
    reports = await services(request).database.read(
        lambda connection: bounces.of_message(connection, message.id)
    )
    values = {"message": message, "reasons": reasons, "reports": reports}
    return await render(request, "message.html", {**values, "states": state_words(request)})


@router.get("/messages/{number}/release")
async def ask_to_release(
    request: Request,
    user: Works,  # noqa: ARG001
    number: str,
    position: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Say what would be lifted, and ask for the reason."""
    return await render(request, "release.html", await _releasable(request, number, position))


@router.post("/messages/{number}/release")
async def release(request: Request, user: Works, number: str, fields: Fields) -> Response:
    """Lift what suppresses the recipient of a delivery, as `gateway suppress release` does."""
    given = str(fields.get("position", ""))
    position = int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else 0
    reason = str(fields.get("reason", "")).strip()
    values = await _releasable(request, number, position)
    if not reason:
        problem = said(request, "Say why: it is kept with who did it.")
        return await render(request, "release.html", {**values, "problem": problem}, status=422)
    address = values["delivery"].address
    whom = {
        hit.suppression.person or address
        for hit in values["reason"].hits
        if hit.is_ours and hit.holds_now
    }
    told = await _release(request, user, whom)
    about = f"{ids.show(values['message'].id)}: {reason}"
    await did(request, user, "message.release", about=about)
    return await see_other(request, f"/console/messages/{number}", told)


async def _release(request: Request, user: ConsoleUser, whom: Iterable[PersonRef | str]) -> str:
    """Lift what suppresses people or addresses themselves; return what to tell."""
    using = services(request)
    standings = using.standings()

    def lift(connection: StoreTransaction) -> list[releases.Released]:
        return [
            releases.release(
                connection,
                each,
                by=user.name,
                now=using.clock(),
                erased=standings.names_if_erased(connection, each),
            )
            for each in whom
        ]

    try:
        released = await using.database.write(lift)
    finally:
        standings.close()
    if any(each.refused for each in released):
        return said(
            request, "Lifted here; Mailchimp itself goes on refusing until the person asks there."
        )
    return said(request, "Lifted. The next mail goes.")


async def _releasable(request: Request, number: str, position: int) -> dict[str, Any]:
    """Return what is known of a delivery whose suppression can be lifted here; else 404."""
    message, reasons = await _one(request, number)
    reason = reasons.get((message.id, position))
    if reason is None or not reason.has_cure:
        raise Problem(404, said(request, "Nothing that is lifted here keeps this mail away now."))
    return {
        "message": message,
        "position": position,
        "delivery": message.deliveries[position],
        "reason": reason,
        "problem": "",
        "states": state_words(request),
    }


async def _one(request: Request, text: str) -> tuple[Message, Reasons]:
    number, using = read_id(text), services(request)

    def look(connection: StoreTransaction) -> Message | None:
        return messages.one(connection, number)

    message = await using.database.read(look)
    if message is None:
        raise Problem(404, said(request, "The journal has no such message."))
    told = retold_in(note_words(request), message, using.zone())
    return told, await _reasons(request, [told])


async def _listed(
    request: Request,
    wanted: MessageFilter,
    cursor: str | None,
    limit: int,
    *,
    with_reasons: bool,
) -> dict[str, Any]:
    """Return a page of messages, what follows it, and what may be missing from it."""
    number, using = before(cursor), services(request)
    rows: list[Message] = []
    missed = None
    if not wanted.problems:
        rows, missed = await using.database.read(
            lambda connection: (
                wanted.listed(connection, before=number, limit=limit + 1),
                wanted.missed_before(connection),
            )
        )
    words, zone = note_words(request), using.zone()
    shown = [retold_in(words, message, zone) for message in rows[:limit]]
    return {
        "messages": shown,
        "following": id_cursor(rows[limit - 1]) if len(rows) > limit else "",
        "reasons": await _reasons(request, shown) if with_reasons else {},
        "rules": [rule.name for rule in using.rules()],
        "missed": missed,
        "problems": wanted.problems,
        "states": state_words(request),
    }


async def _reasons(request: Request, shown: Sequence[Message]) -> Reasons:
    using = services(request)
    standings = using.standings()
    try:
        return await using.database.read(
            lambda connection: reasons_of(
                connection, standings, shown, rules=using.rules(), zone=using.zone()
            )
        )
    finally:
        standings.close()
