"""What happened that others may want to be told about."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.people.people import PersonRef


class EventType(StrEnum):
    """What a webhook can be told about; each has a JSON schema of its own."""

    #: A recipient was left out because of a suppression: nothing was sent to them.
    SEND_FAILED = "message.send_failed"
    #: A forwarded reply is in a person's history, with its documents.
    REPLY_IMPORTED = "reply.imported"
    #: A mail wasn't filed and waits for a person, who decides.
    REPLY_NEEDS_ATTENTION = "reply.needs_attention"
    #: A member of a campaign opened it, clicked, bounced, left …; what Mailchimp says twice, once.
    CAMPAIGN_ACTIVITY = "campaign.activity"
    #: Somebody unsubscribed, or Mailchimp can't reach the address: no more mailings go there.
    OPTED_OUT = "person.opted_out"
    #: Mail came back; `suppressed` says which mail the address no longer gets, if any.
    ADDRESS_BOUNCED = "address.bounced"
    #: Somebody reported mail as spam, or unsubscribed through the mail program.
    ADDRESS_COMPLAINED = "address.complained"
    #: The relay took a triggered mail; whether it arrives, nobody knows yet.
    TRIGGER_SENT = "trigger.sent"
    #: A run of a trigger has ended, with how many of its mails were sent, skipped, failed ….
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
