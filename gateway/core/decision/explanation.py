"""What would become of a message that comes in now, and why."""

from dataclasses import dataclass

from gateway.core.decision.classify import Classification, Tried
from gateway.core.kinds import State
from gateway.core.mail.link_signatures import UnsubscribeReport
from gateway.core.people.people import PersonRef, Suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedMail:
    """A message to explain the decision on, as it would come in."""

    content: bytes
    sender: str
    recipients: tuple[str, ...]
    listener: str | None = None  #: None: the first one of the config.
    login: str | None = None
    language: str = ""  #: Of the notes; empty: the reader's own.


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would become of a recipient, had the person left one group."""

    person: PersonRef
    group: str
    outcome: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What would become of one recipient."""

    recipient: str
    outcome: State  #: relayed or send_failed
    would: State | None  #: Without observe mode or override.
    suppressions: tuple[Suppression, ...]  #: Those that count for this kind of mail.
    persons: tuple[PersonRef, ...]
    note: str
    what_if: tuple[WhatIf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole decision."""

    classification: Classification
    recipients: int  #: How many the explained transaction has.
    tried: tuple[Tried, ...]
    refusal: str  #: Said to the whole message, as in a pause; empty: none.
    relay: str
    fates: tuple[Fate, ...]
    unsubscribe: UnsubscribeReport
