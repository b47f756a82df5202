"""Events that others may want to be notified of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.people.people import PersonRef


class EventType(StrEnum):
    """The types of event a webhook can report; each has its own JSON schema."""

    #: A recipient was left out because of a suppression: nothing was sent to them.
    SEND_FAILED = "message.send_failed"
    #: A forwarded reply is in a person's history, with its documents.
    REPLY_IMPORTED = "reply.imported"
    #: A mail wasn't filed and waits for a person's decision.
    REPLY_NEEDS_ATTENTION = "reply.needs_attention"
    #: A campaign member opened it, clicked, bounced, left …; reported once even if Mailchimp
    #: repeats it.
    CAMPAIGN_ACTIVITY = "campaign.activity"
    #: Somebody unsubscribed, or Mailchimp can't reach the address: it gets no more mailings.
    OPTED_OUT = "person.opted_out"
    #: Mail bounced; `suppressed` says which mail the address no longer gets, if any.
    ADDRESS_BOUNCED = "address.bounced"
    #: Somebody reported mail as spam, or unsubscribed through the mail program.
    ADDRESS_COMPLAINED = "address.complained"
    #: The relay accepted a triggered mail; whether it arrives isn't known yet.
    TRIGGER_SENT = "trigger.sent"
    #: A run of a trigger ended; with the number of mails sent, skipped, failed ….
    TRIGGER_RUN_FINISHED = "trigger.run_finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    id: int
    type: EventType
    person: PersonRef | None = None  #: Events about the same person are reported in order.
    data: Mapping[str, object]  #: JSON values; times as ISO 8601 in UTC.


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """The report of one event to everybody subscribed to its type."""

    id: str  #: The same every time it is sent.
    type: EventType
    at: str  #: ISO 8601 in UTC.
    person: str  #: `candidate:17`; empty if it is about nobody known.
    lane: str  #: Events in one lane are sent in order: a person, or an address; empty: any order.
    data: Mapping[str, object]
