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
    """What came back for one recipient."""

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
    """A webhook's data on mail that came back."""

    kind: Annotated[str, JsonSchema(enum=[BounceKind.BOUNCE.value])]


class AddressComplainedData(_AddressEventFields):
    """A webhook's data on a complaint, or on somebody who unsubscribed in the mail program."""

    kind: Annotated[str, JsonSchema(enum=[BounceKind.COMPLAINT.value, BounceKind.OPT_OUT.value])]


def bounce_document(bounce: KeptBounce) -> BounceDocument:
    """Return the bounce of one recipient."""
    return {
        "inbox": ids.show(bounce.inbox),
        "at": in_utc(bounce.at),
        "kind": bounce.kind,
        "message": None if bounce.message is None else ids.show(bounce.message),
        "proof": bounce.proof,
        "address": bounce.address or None,
        "recipient": bounce.recipient,
        "reason": bounce.reason or None,
        "hard": bounce.hard,
        "action": bounce.action,
        "status": bounce.status,
        "diagnostic": bounce.diagnostic,
        "suppression": None if bounce.suppression is None else ids.show(bounce.suppression),
    }


def address_event_data(
    bounce: KeptBounce, suppressed: Scope | None
) -> AddressBouncedData | AddressComplainedData:
    """Return a webhook's data on it; `suppressed`: which mail the address no longer gets."""
    data: AddressBouncedData = {
        "address": bounce.address,
        "message": None if bounce.message is None else ids.show(bounce.message),
        "kind": bounce.kind,
        "reason": bounce.reason or None,
        "hard": bounce.hard,
        "status": bounce.status,
        "suppressed": suppressed,
    }
    return data


def unsubscribed_event(unsubscription: "KeptUnsubscribe", number: int) -> Event:
    """Return the event of an unsubscription, by link or mail; `number`: the event's id."""
    data: OptedOutData = {
        "address": unsubscription.address,
        "at": in_utc(unsubscription.at),
        "source": SuppressionSource.UNSUBSCRIBE.value,
        "campaign": None,
        "title": None,
        "reason": unsubscription.choice or None,
        "topic": unsubscription.topic or None,
    }
    return Event(id=number, type=EventType.OPTED_OUT, person=unsubscription.person, data=data)
