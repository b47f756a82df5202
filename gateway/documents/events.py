"""Webhook payloads: the envelope of an event, and the next events to send."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Generic, TypeVar

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.journal.message import Message
from gateway.core.kinds import State
from gateway.core.moments import in_utc
from gateway.core.sending.event import EventType, WebhookEvent
from gateway.documents.fields import JsonSchema, TimeText
from gateway.documents.messages import send_failed_data
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import messages
from gateway.store.sending import events

TypeT = TypeVar("TypeT")
PersonT = TypeVar("PersonT")
DataT = TypeVar("DataT")


class EventDocument(TypedDict, Generic[TypeT, PersonT, DataT]):
    """The payload of a webhook."""

    id: Annotated[str, JsonSchema(description="The same however often it is sent.")]
    type: TypeT
    at: TimeText
    person: Annotated[PersonT, JsonSchema(description="Whose events come in order.")]
    data: DataT


def event_document(
    webhook_event: WebhookEvent,
) -> EventDocument[EventType, str | None, Mapping[str, object]]:
    """Return the payload of an event."""
    return {
        "id": webhook_event.id,
        "type": webhook_event.type,
        "at": webhook_event.at,
        "person": webhook_event.person or None,
        "data": webhook_event.data,
    }


_OF_ADDRESS = (EventType.ADDRESS_BOUNCED, EventType.ADDRESS_COMPLAINED)


def oldest_webhook_events(
    connection: StoreTransaction, limit: int
) -> Mapping[int, Sequence[WebhookEvent]]:
    """Return up to `limit` of the oldest events, by number, with their payloads."""
    oldest_events = events.oldest(connection, limit)
    failed = [event.id for event in oldest_events if event.type is EventType.SEND_FAILED]
    left_out = {
        message.id: send_failed_webhook_events(message)
        for message in messages.by_ids(connection, failed)
    }
    webhook_events: dict[int, tuple[WebhookEvent, ...]] = {}
    for event in oldest_events:
        if event.type is EventType.SEND_FAILED:
            webhook_events[event.id] = left_out.get(event.id, ())
            continue
        webhook_event = WebhookEvent(
            id=ids.show(event.id),
            type=event.type,
            at=in_utc(ids.moment_of(event.id)),
            person=event.person,
            # Events about an address of nobody known, or of several people, still keep their order.
            lane=event.person or (str(event.data["address"]) if event.type in _OF_ADDRESS else ""),
            data=event.data,
        )
        webhook_events[event.id] = (webhook_event,)
    return webhook_events


def send_failed_webhook_events(message: Message) -> tuple[WebhookEvent, ...]:
    """Return the payloads for a message, one for each recipient who was left out."""
    return tuple(
        WebhookEvent(
            id=f"{ids.show(message.id)}-{position}",
            type=EventType.SEND_FAILED,
            at=in_utc(message.at),
            person=str(next(iter(delivery.persons), "")),
            lane=str(next(iter(delivery.persons), delivery.address)),
            data=send_failed_data(message, delivery),
        )
        for position, delivery in enumerate(message.deliveries)
        if delivery.state is State.SEND_FAILED
    )
