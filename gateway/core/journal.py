"""The record of one message: what was tried, what was decided for each recipient, and why."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.kinds import By, Kind, State
from gateway.core.people import PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One recipient of a message."""

    recipient: str  #: As the CRM wrote it.
    address: str  #: In lookup form.
    state: State
    by: By
    reply: str = ""
    note: str = ""  #: Why it failed, in the gateway's language; empty where nothing did.
    would: str = ""  #: In observe mode: the state it would have had.
    persons: tuple[PersonRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One transaction that reached RCPT."""

    id: int
    at: datetime
    listener: str
    sender: str
    login: str | None = None
    client: str = ""  #: The peer's IP address.
    subject: str = ""
    message_id: str = ""
    kind: Kind = Kind.INDIVIDUAL
    rule: str = ""
    relay: str = ""
    size: int = 0  #: Octets of content as received.
    fingerprint: int = 0
    burst_key: int | None = None
    #: Where it is found bulk and was not known to be: what later transactions of it are sought by.
    bulk_identities: tuple[int, ...] = ()
    attempt_of: int | None = None
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownBulk:
    """That a message was found bulk: by the first transaction that was, and by which rule."""

    message: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one delivery of a message ended."""

    message: int
    position: int  #: Of the recipient, from 0.
    state: State
    by: By
    reply: str


def fingerprint(sender: str, recipients: Sequence[str], message_id: str) -> int:
    """Return a 63-bit mark by which a retry of the same transaction is known."""
    text = "\0".join((sender, *sorted(recipients), "", message_id))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A transaction the client may try again, and what it would then hear.

    `state` is `pending` while the relay's verdict may still come, `verdict` when it came too late
    for the client, `open` when nothing is known or the relay said no for now, and `sent` when the
    relay has the message and a notice about it.
    """

    fingerprint: int
    message: int
    state: str
    content_hash: str = ""
    verdict: str = ""
