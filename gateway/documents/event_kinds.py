"""The types of webhook events, each with its document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from gateway.core.sending.event import EventType
from gateway.documents.bounces import AddressBouncedData, AddressComplainedData
from gateway.documents.campaigns import CampaignActivityData, OptedOutData
from gateway.documents.events import EventDocument
from gateway.documents.fields import JsonSchema, PersonText
from gateway.documents.messages import SendFailedData
from gateway.documents.replies import FiledReplyDocument, MailToAttendDocument
from gateway.documents.triggers.triggers import RunFinishedData, TriggerSentData


@dataclass(frozen=True, slots=True)
class EventKind:
    """The meaning of a type of event, and its document."""

    title: str
    document: Any


_HOLDER = Annotated[
    PersonText, JsonSchema(description="Who has the address, if that is one person.")
]

EVENT_KINDS: Mapping[EventType, EventKind] = {
    EventType.SEND_FAILED: EventKind(
        "A recipient was left out because of a suppression",
        EventDocument[Literal["message.send_failed"], PersonText | None, SendFailedData],
    ),
    EventType.REPLY_IMPORTED: EventKind(
        "A forwarded reply was filed to a person's history",
        EventDocument[Literal["reply.imported"], PersonText, FiledReplyDocument],
    ),
    EventType.REPLY_NEEDS_ATTENTION: EventKind(
        "A mail could not be filed and waits for a person",
        EventDocument[Literal["reply.needs_attention"], None, MailToAttendDocument],
    ),
    EventType.CAMPAIGN_ACTIVITY: EventKind(
        "A member of a campaign did something",
        EventDocument[Literal["campaign.activity"], PersonText | None, CampaignActivityData],
    ),
    EventType.OPTED_OUT: EventKind(
        "A person unsubscribed, or an address can't be reached at Mailchimp",
        EventDocument[Literal["person.opted_out"], PersonText | None, OptedOutData],
    ),
    EventType.ADDRESS_BOUNCED: EventKind(
        "Mail to an address came back",
        EventDocument[Literal["address.bounced"], _HOLDER | None, AddressBouncedData],
    ),
    EventType.ADDRESS_COMPLAINED: EventKind(
        "Somebody reported mail as spam, or unsubscribed through the mail program",
        EventDocument[Literal["address.complained"], _HOLDER | None, AddressComplainedData],
    ),
    EventType.TRIGGER_SENT: EventKind(
        "A triggered mail left",
        EventDocument[Literal["trigger.sent"], PersonText, TriggerSentData],
    ),
    EventType.TRIGGER_RUN_FINISHED: EventKind(
        "A run of a trigger has ended",
        EventDocument[Literal["trigger.run_finished"], None, RunFinishedData],
    ),
}
