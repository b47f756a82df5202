"""Messages of the journal, and webhook data on recipients who were left out."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.core.decision.delivery_reason import DeliveryReason
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Kind, State
from gateway.core.moments import in_utc
from gateway.documents.delivery_reasons import (
    DeliveryReasonDocument,
    delivery_reason_document,
)
from gateway.documents.fields import IdText, JsonSchema, PersonText, TimeText


class DeliveryDocument(TypedDict):
    """One recipient of a message, and the outcome."""

    recipient: Annotated[str, JsonSchema(description="As the client wrote it.")]
    persons: list[PersonText]
    state: State
    by: By
    reply: Annotated[str, JsonSchema(description="What the relay said last.")]
    note: Annotated[str, JsonSchema(description="Why it failed, for people; else empty.")]
    would: Annotated[str, JsonSchema(description="In observe mode: the state it would have.")]
    why: NotRequired[
        Annotated[
            DeliveryReasonDocument,
            JsonSchema(description="Step by step, where it is asked for and known."),
        ]
    ]


class DeliveryReportDocument(TypedDict):
    """What another server reports about one recipient (RFC 3464, 2.3)."""

    recipient: str
    action: str
    status: str
    diagnostic: str
    kind: BounceKind
    reason: Annotated[str | None, JsonSchema(description="Why, as docs/bounces.md lists them.")]


class TransactionFields(TypedDict):
    """What a message shown and a message sent to a webhook have in common."""

    sender: Annotated[str, JsonSchema(description="Of the envelope; empty: the null sender.")]
    subject: str
    message_id: str
    kind: Kind
    rule: Annotated[str, JsonSchema(description="Which rule said what kind it is.")]
    listener: str


class MessageDocument(TransactionFields):
    """A message of the journal with its deliveries."""

    id: IdText
    at: TimeText
    login: str | None
    client: Annotated[str, JsonSchema(description="The peer's IP address.")]
    relay: str
    size: Annotated[int, JsonSchema(description="Octets of content as received.")]
    attempt_of: Annotated[
        IdText | None,
        JsonSchema(description="The first attempt, where the client tried again."),
    ]
    deliveries: list[DeliveryDocument]
    reports: NotRequired[
        Annotated[
            list[DeliveryReportDocument],
            JsonSchema(description="What other servers reported; only of a message shown alone."),
        ]
    ]


class SendFailedData(TransactionFields):
    """A webhook's data on a recipient who was left out because of a suppression."""

    message: Annotated[
        IdText, JsonSchema(description="The journal's id: gateway messages show ID.")
    ]
    attempt_of: Annotated[
        IdText | None,
        JsonSchema(description="The first attempt, where the client tried again."),
    ]
    recipient: str
    persons: list[PersonText]
    note: Annotated[
        str,
        JsonSchema(
            description="Why, and how to lift it, in the language of [suppression] language."
        ),
    ]


def message_document(
    message: Message,
    reports: Sequence[KeptBounce] = (),
    reasons: Mapping[tuple[int, int], DeliveryReason] | None = None,
) -> MessageDocument:
    """Return a message of the journal, with its bounces if requested.

    Also with the reasons of its deliveries, by message and position.
    """
    document: MessageDocument = {
        "id": ids.show(message.id),
        "at": in_utc(message.at),
        "sender": message.sender,
        "subject": message.subject,
        "message_id": message.message_id,
        "kind": message.kind,
        "rule": message.rule,
        "listener": message.listener,
        "login": message.login,
        "client": message.client,
        "relay": message.relay,
        "size": message.size,
        "attempt_of": None if message.attempt_of is None else ids.show(message.attempt_of),
        "deliveries": [delivery_document(delivery) for delivery in message.deliveries],
    }
    for position, delivery in enumerate(document["deliveries"]):
        if reasons and (reason := reasons.get((message.id, position))):
            delivery["why"] = delivery_reason_document(reason)
    if reports:
        document["reports"] = [
            {
                "recipient": report.recipient,
                "action": report.action,
                "status": report.status,
                "diagnostic": report.diagnostic,
                "kind": report.kind,
                "reason": report.reason or None,
            }
            for report in reports
        ]
    return document


def delivery_document(delivery: Delivery) -> DeliveryDocument:
    """Return the delivery to one recipient."""
    return {
        "recipient": delivery.recipient,
        "persons": [str(person) for person in delivery.persons],
        "state": delivery.state,
        "by": delivery.by,
        "reply": delivery.reply,
        "note": delivery.note,
        "would": delivery.would,
    }


def send_failed_data(message: Message, delivery: Delivery) -> SendFailedData:
    """Return a webhook's data on a recipient who was left out."""
    return {
        "message": ids.show(message.id),
        "sender": message.sender,
        "subject": message.subject,
        "message_id": message.message_id,
        "kind": message.kind,
        "rule": message.rule,
        "listener": message.listener,
        "attempt_of": None if message.attempt_of is None else ids.show(message.attempt_of),
        "recipient": delivery.recipient,
        "persons": [str(person) for person in delivery.persons],
        "note": delivery.note,
    }
