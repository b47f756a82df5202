"""What would happen to a message arriving now, and why."""

from dataclasses import dataclass

from gateway.core.decision.classify import Classification, Tried
from gateway.core.kinds import State
from gateway.core.mail.link_signatures import UnsubscribeReport
from gateway.core.people.people import PersonRef, Suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedMail:
    """A message to explain the decision for, as it would arrive."""

    content: bytes
    sender: str
    recipients: tuple[str, ...]
    listener: str | None = None  #: None: the first one in the config.
    login: str | None = None
    language: str = ""  #: The notes' language; empty: the reader's own.


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would happen to a recipient if the person left one group."""

    person: PersonRef
    group: str
    outcome: State


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedDelivery:
    """What would happen to one recipient."""

    recipient: str
    outcome: State  #: relayed or send_failed
    would: State | None  #: The outcome without observe mode or an override.
    suppressions: tuple[Suppression, ...]  #: Those that count for this kind of mail.
    persons: tuple[PersonRef, ...]
    note: str
    what_if: tuple[WhatIf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole decision."""

    classification: Classification
    recipients: int  #: How many the transaction has.
    tried: tuple[Tried, ...]
    refusal: str  #: The reply to the whole message, e.g. during a pause; empty: none.
    relay: str
    deliveries: tuple[ExplainedDelivery, ...]
    unsubscribe: UnsubscribeReport
