"""Bounces, and what webhooks report about them."""

from typing import TYPE_CHECKING, Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.kinds import Scope
from gateway.core.moments import in_utc
from gateway.core.people.people import SuppressionSource
from gateway.core.sending.event import Event, EventType
from gateway.documents.fields import IdText, JsonSchema, TimeText

if TYPE_CHECKING:
    from gateway.documents.campaigns import OptedOutData
    from gateway.store.bounces.unsubscribes import KeptUnsubscribe


class BounceDocument(TypedDict):
    """What came back of one recipient."""

    inbox: IdText
    at: TimeText
    kind: BounceKind
    message: IdText | None
    proof: Proof | None
    address: str | None
    recipient: str
    reason: str | None
    hard: bool
    action: str
    status: str
    diagnostic: str
    suppression: IdText | None


class _AddressEventFields(TypedDict):
    address: str
    message: Annotated[IdText | None, JsonSchema(description="The message that came back.")]
    reason: Annotated[str | None, JsonSchema(description="Why, as docs/bounces.md lists them.")]
    hard: Annotated[bool, JsonSchema(description="Whether the address itself is wrong or gone.")]
    status: Annotated[
        str,
        JsonSchema(description="The enhanced status code (RFC 3463); empty where none was told."),
    ]
    suppressed: Annotated[
        Scope | None,
        JsonSchema(description="Which mail the address no longer gets because of this."),
    ]


class AddressBouncedData(_AddressEventFields):
    """What a webhook is told about mail that came back."""

    kind: Annotated[str, JsonSchema(enum=[BounceKind.BOUNCE.value])]


class AddressComplainedData(_AddressEventFields):
    """What a webhook is told about a complaint, or who unsubscribed through the mail program."""

    kind: Annotated[str, JsonSchema(enum=[BounceKind.COMPLAINT.value, BounceKind.OPT_OUT.value])]


def bounce_document(kept: KeptBounce) -> BounceDocument:
    """Return the bounce of one recipient."""
    return {
        "inbox": ids.show(kept.inbox),
        "at": in_utc(kept.at),
        "kind": kept.kind,
        "message": None if kept.message is None else ids.show(kept.message),
        "proof": kept.proof,
        "address": kept.address or None,
        "recipient": kept.recipient,
        "reason": kept.reason or None,
        "hard": kept.hard,
        "action": kept.action,
        "status": kept.status,
        "diagnostic": kept.diagnostic,
        "suppression": None if kept.suppression is None else ids.show(kept.suppression),
    }


def address_event_data(
    kept: KeptBounce, suppressed: Scope | None
) -> AddressBouncedData | AddressComplainedData:
    """Return a webhook's data on it; `suppressed`: which mail the address no longer gets."""
    data: AddressBouncedData = {
        "address": kept.address,
        "message": None if kept.message is None else ids.show(kept.message),
        "kind": kept.kind,
        "reason": kept.reason or None,
        "hard": kept.hard,
        "status": kept.status,
        "suppressed": suppressed,
    }
    return data


def unsubscribed_event(kept: "KeptUnsubscribe", number: int) -> Event:
    """Return the event of an unsubscription, by link or mail; `number`: the event's id."""
    data: OptedOutData = {
        "address": kept.address,
        "at": in_utc(kept.at),
        "source": SuppressionSource.UNSUBSCRIBE.value,
        "campaign": None,
        "title": None,
        "reason": kept.choice or None,
        "topic": kept.topic or None,
    }
    return Event(id=number, type=EventType.OPTED_OUT, person=kept.person, data=data)
