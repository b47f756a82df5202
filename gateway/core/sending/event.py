"""What happened that others may want to be told about."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.people.people import PersonRef


class EventType(StrEnum):
    """What a webhook can be told about; each has a JSON schema of its own."""

    SEND_FAILED = "message.send_failed"
    REPLY_IMPORTED = "reply.imported"
    REPLY_NEEDS_ATTENTION = "reply.needs_attention"
    CAMPAIGN_ACTIVITY = "campaign.activity"
    OPTED_OUT = "person.opted_out"
    ADDRESS_BOUNCED = "address.bounced"
    ADDRESS_COMPLAINED = "address.complained"
    TRIGGER_SENT = "trigger.sent"
    TRIGGER_RUN_FINISHED = "trigger.run_finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    id: int
    type: EventType
    person: PersonRef | None = None  #: Whose events are told in order.
    data: Mapping[str, object]  #: What JSON can say; times as ISO 8601 in UTC.


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """What is told about one thing that happened, to everyone who asked for its type."""

    id: str  #: The same however often it is told.
    type: EventType
    at: str  #: ISO 8601 in UTC.
    person: str  #: `candidate:17`; empty where it is about nobody who is known.
    lane: str  #: What is told one after the other: a person, or an address; empty: in any order.
    data: Mapping[str, object]
