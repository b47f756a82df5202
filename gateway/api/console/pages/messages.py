"""The journal: lists, search, the details of a message, and failed deliveries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import LOOKS, WORKS, ConsoleUser, FormFields, Works, text_for
from gateway.api.console.acts import change_store
from gateway.api.console.form_text import typed_text
from gateway.api.console.message_filter import MessageFilter, read_filter
from gateway.api.console.rendering import render, see_other
from gateway.api.console.state_words import note_words, state_words
from gateway.api.json_response import Cursor, id_before, read_id
from gateway.api.problems import Problem
from gateway.api.using import services
from gateway.core import ids
from gateway.core.decision.delivery_reason import DeliveryReason
from gateway.core.decision.note import rewritten_note
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import State
from gateway.core.people.people import RefOrAddress
from gateway.store.bounces import bounces
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import messages
from gateway.store.journal.messages import FoundMessages, SomeDeliveries
from gateway.store.people import releases
from gateway.store.people.suppression import Standings
from gateway.store.views.delivery_reasons import reasons_of

router = APIRouter()
_AT_ONCE = 50
_FAILED_AT_ONCE = 20
_OF_ONE_MAILING = 5  #: Recipients shown for each message; a mailing may fail for thousands.


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDelivery:
    """A delivery of a message as displayed: with its note in the reader's language."""

    position: int
    delivery: Delivery
    reason: DeliveryReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMessage:
    """A message, some of its deliveries, and the number that match."""

    message: Message
    deliveries: tuple[ShownDelivery, ...]
    total: int
    tally: Mapping[State, int] = field(default_factory=dict)  #: Of all deliveries.


@router.get("/messages", dependencies=[LOOKS])
async def list_messages(request: Request, cursor: Cursor = None) -> Response:
    """List messages that match the filter, newest first."""
    message_filter = read_filter(request, services(request))
    values = await _page_of_messages(request, message_filter, cursor, _AT_ONCE, deliveries=1)
    return await render(
        request, "messages.html", values, status=422 if message_filter.problems else 200
    )


@router.get("/send-failed", dependencies=[LOOKS])
async def list_failed(request: Request, cursor: Cursor = None) -> Response:
    """List failed deliveries, each with the note, the exact reason, and the remedy."""
    message_filter = read_filter(request, services(request))
    message_filter.state = State.SEND_FAILED
    values = await _page_of_messages(
        request, message_filter, cursor, _FAILED_AT_ONCE, deliveries=_OF_ONE_MAILING
    )
    return await render(
        request, "send_failed.html", values, status=422 if message_filter.problems else 200
    )


@router.get("/messages/{number}", dependencies=[LOOKS])
async def show_message(
    request: Request, number: str, after: Annotated[int, Query(ge=0, le=10_000_000)] = 0
) -> Response:
    """Show a message with its deliveries, why they failed, and its bounces."""
    message_number = read_id(number)

    def load(connection: StoreTransaction, standings: Standings) -> dict[str, Any]:
        heads = messages.heads(connection, [message_number])
        parts = messages.some_deliveries(connection, [message_number], first=after, most=_AT_ONCE)
        shown_messages = _shown_messages(request, connection, standings, heads, parts=parts)
        reports = bounces.of_message(connection, message_number)
        return {
            "shown": shown_messages[0] if shown_messages else None,
            "reports": reports[:_AT_ONCE],
        }

    values = await _load(request, load)
    shown_message: ShownMessage | None = values["shown"]
    if shown_message is None:
        raise Problem(404, text_for(request, "The journal has no such message."))
    more = after + len(shown_message.deliveries)
    following = str(more) if more < shown_message.total else ""
    return await render(request, "message.html", {**values, "following": following})


@router.get("/messages/{number}/release", dependencies=[WORKS])
async def ask_to_release(
    request: Request, number: str, position: Annotated[int, Query(ge=0, le=10_000_000)] = 0
) -> Response:
    """Show what would be lifted, and ask for the reason."""
    return await render(request, "release.html", await _releasable(request, number, position))


@router.post("/messages/{number}/release")
async def release(request: Request, user: Works, number: str, fields: FormFields) -> Response:
    """Lift suppressions of a delivery's recipient, as `gateway suppress release` does."""
    position_text = typed_text(fields, "position")
    if not (position_text.isascii() and position_text.isdecimal() and len(position_text) < 8):
        raise Problem(422, text_for(request, "This form lacks whose mail it is about."))
    position = int(position_text)
    reason = typed_text(fields, "reason")
    values = await _releasable(request, number, position, status=409)
    if not reason:
        problem = text_for(request, "Say why: it is kept with who did it.")
        return await render(request, "release.html", {**values, "problem": problem}, status=422)
    entry: ShownDelivery = values["entry"]
    hits = entry.reason.hits if entry.reason else ()
    refs_or_addresses = {
        hit.suppression.person or entry.delivery.address
        for hit in hits
        if hit.is_ours and hit.holds_now
    }
    stays = any(hit.holds_now and not hit.is_ours for hit in hits)
    about = ids.show(values["message"].id)
    sentence = await _release(request, user, refs_or_addresses, reason, about=about, stays=stays)
    return await see_other(request, f"/console/messages/{number}", sentence)


async def _release(
    request: Request,
    user: ConsoleUser,
    refs_or_addresses: Iterable[RefOrAddress],
    reason: str,
    *,
    about: str,
    stays: bool,
) -> str:
    """Lift suppressions of people or of addresses themselves; return the message to show.

    `stays`: something from the CRM still keeps mail away.
    """
    using = services(request)

    def lift(connection: StoreTransaction) -> list[releases.Released]:
        return [
            releases.release(
                connection,
                ref_or_address,
                by=user.name,
                now=using.clock(),
                remark=reason,
                erased=standings.names_if_erased(connection, ref_or_address),
            )
            for ref_or_address in refs_or_addresses
        ]

    with using.standings() as standings:
        released = await change_store(
            *(request, user, "message.release"),
            lift,
            about=lambda released: [about] if any(entry.is_any for entry in released) else [],
        )
    if not any(entry.is_any for entry in released):
        raise Problem(409, text_for(request, "It was lifted meanwhile."))
    if any(entry.refused for entry in released):
        return text_for(
            request, "Lifted here; Mailchimp itself goes on refusing until the person asks there."
        )
    if stays:
        return text_for(
            request, "Lifted. What the CRM says in groups and statuses still keeps mail away."
        )
    return text_for(request, "Lifted. The next mail goes.")


async def _releasable(
    request: Request, number: str, position: int, *, status: int = 404
) -> dict[str, Any]:
    """Return what is known about a delivery whose suppression can be lifted here; else `status`."""
    message_number = read_id(number)

    def load(connection: StoreTransaction, standings: Standings) -> dict[str, Any]:
        heads = messages.heads(connection, [message_number])
        parts = messages.some_deliveries(connection, [message_number], first=position, most=1)
        return {"shown": _shown_messages(request, connection, standings, heads, parts=parts)}

    values = await _load(request, load)
    for shown_message in values["shown"]:
        for entry in shown_message.deliveries:
            if entry.position == position and entry.reason and entry.reason.has_cure:
                return {**values, "message": shown_message.message, "entry": entry, "problem": ""}
    raise Problem(
        status, text_for(request, "Nothing that is lifted here keeps this mail away now.")
    )


async def _page_of_messages(
    request: Request,
    message_filter: MessageFilter,
    cursor: str | None,
    limit: int,
    *,
    deliveries: int,
) -> dict[str, Any]:
    """Return a page of messages, its successor, and what it may lack."""
    number = id_before(cursor)
    has_state = message_filter.state is State.SEND_FAILED

    def load(connection: StoreTransaction, standings: Standings) -> dict[str, Any]:
        matches = FoundMessages([])
        if not message_filter.problems:
            matches = message_filter.find(connection, before=number, limit=limit + 1)
        on_page, last = matches.ids[:limit], matches.looked_from
        if len(matches.ids) > limit:
            last = on_page[-1]
        heads = messages.heads(connection, on_page)
        parts = messages.some_deliveries(
            connection,
            on_page,
            state=message_filter.state if has_state else None,
            to=message_filter.to,
            group=message_filter.group if has_state else None,
            most=deliveries,
        )
        tallies = messages.tallies(connection, on_page)
        return {
            "messages": _shown_messages(
                request, connection, standings, heads, parts=parts, tallies=tallies
            ),
            "following": "" if last is None else ids.show(last),
            "looked_from": None
            if matches.looked_from is None
            else ids.moment_of(matches.looked_from),
            "missed": message_filter.missed_before(connection),
        }

    values = await _load(request, load)
    return {**values, "problems": message_filter.problems}


async def _load(
    request: Request, load: Callable[[StoreTransaction, Standings], dict[str, Any]]
) -> dict[str, Any]:
    """Query the store; return the result, and the names of states."""
    using = services(request)
    with using.standings() as standings:
        values = await using.database.read(load, standings)
    return {**values, "states": state_words(request)}


def _shown_messages(
    request: Request,
    connection: StoreTransaction,
    standings: Standings,
    heads: Sequence[Message],
    *,
    parts: Mapping[int, SomeDeliveries],
    tallies: Mapping[int, Mapping[State, int]] | None = None,
) -> list[ShownMessage]:
    """Return messages with some of their deliveries, with notes in the reader's language."""
    using, words = services(request), note_words(request)
    none = SomeDeliveries(0, ())
    entries = [
        (head, position, delivery)
        for head in heads
        for position, delivery in parts.get(head.id, none).deliveries
    ]
    zone = using.zone()
    reasons = reasons_of(connection, standings, entries, rules=using.rules(), zone=zone)
    shown_deliveries: dict[int, list[ShownDelivery]] = {}
    for head, position, delivery in entries:
        note = rewritten_note(words, head, delivery, zone)
        shown_deliveries.setdefault(head.id, []).append(
            ShownDelivery(
                position=position,
                delivery=replace(delivery, note=note),
                reason=reasons.get((head.id, position)),
            )
        )
    return [
        ShownMessage(
            message=head,
            deliveries=tuple(shown_deliveries.get(head.id, ())),
            total=parts.get(head.id, none).total,
            tally=(tallies or {}).get(head.id, {}),
        )
        for head in heads
    ]
