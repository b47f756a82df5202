"""The record of one message: what was tried, what was decided for each recipient, and why."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.core.kinds import By, Kind, State
from gateway.core.mail.headers import Headers
from gateway.core.people.people import PersonRef
from gateway.core.quick_values import quick_value


@quick_value(kw_only=True)
class Delivery:
    """One recipient of a message."""

    recipient: str  #: As the CRM wrote it.
    address: str  #: In lookup form.
    state: State
    by: By
    reply: str = ""
    note: str = ""  #: Why it failed, in the reader's language; empty where nothing did.
    note_facts: str = ""  #: What the note is written from (`gateway.core.decision.note.kept`).
    would: str = ""  #: In observe mode: the state it would have had.
    persons: tuple[PersonRef, ...] = ()


@quick_value(kw_only=True)
class Message:
    """One transaction that reached RCPT."""

    id: int
    at: datetime
    listener: str
    login: str | None = None
    client: str = ""  #: The peer's IP address.
    sender: str
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


#: The fields of a message that are one value each: columns of the journal and keys of its records
#: by the same name. A further one is declared above as the last, with a default, set where the
#: transaction is recorded; its column and what writes and reads journals come from here. After the
#: first release a migration adds the column to stores that are there.
MESSAGE_VALUES = tuple(
    declared.name
    for declared in fields(Message)
    if declared.name not in ("id", "at", "fingerprint", "bulk_identities", "deliveries")
)


@quick_value()
class KnownBulk:
    """That a message was found bulk: by the first transaction that was, and by which rule."""

    message: int
    rule: str


@quick_value(kw_only=True)
class Outcome:
    """How one delivery of a message ended."""

    message: int
    position: int  #: Of the recipient, from 0.
    state: State
    by: By
    reply: str


def fingerprint(sender: str, recipients: Sequence[str], message_id: str, subject: str = "") -> int:
    """Return a 63-bit mark by which a retry of the same transaction is recognised.

    Without a Message-ID, the subject is used instead.
    """
    named = message_id or f"\0{subject}"
    return _mark((sender, *sorted(recipients), "", named))


def likeness(sender: str, addresses: Iterable[str], author: str, subject: str) -> int:
    """Return a 63-bit mark that a retry shares though each try gets a new Message-ID.

    `addresses` are the recipients' in lookup form, `author` the text of From.
    """
    return _mark((sender, *sorted(set(addresses)), "", author, "\0", subject))


class RetryMarks:
    """The marks by which a retry of one transaction is known; the second is seldom asked for."""

    __slots__ = ("_addresses", "_headers", "_likeness", "_sender", "fingerprint", "has_id")

    def __init__(
        self, sender: str, recipients: Sequence[str], addresses: Sequence[str], headers: Headers
    ) -> None:
        """`recipients` are as the client wrote them, `addresses` the same in lookup form."""
        message_id = headers.text("message-id")
        subject = "" if message_id else headers.text("subject")
        self.fingerprint = fingerprint(sender, recipients, message_id, subject)
        self.has_id = bool(message_id)  #: Whether an equal fingerprint proves much.
        self._sender, self._addresses, self._headers = sender, addresses, headers
        self._likeness: int | None = None

    @property
    def likeness(self) -> int:
        """The mark that doesn't depend on the Message-ID."""
        if self._likeness is None:
            author, subject = self._headers.text("from"), self._headers.text("subject")
            self._likeness = likeness(self._sender, self._addresses, author, subject)
        return self._likeness


def _mark(parts: Iterable[str]) -> int:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


def dated(date: str, arrived: datetime) -> int:
    """Return the seconds since 1970 of a Date field; of the arrival where it tells none."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        moment = arrived
    if moment.tzinfo is None:  # `-0000`: UTC, with no word on where (RFC 5322, 3.3).
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


SAME_DATE = timedelta(minutes=15)  #: How far the Date fields of two tries may be apart.


def is_same_date(date: int, other: int) -> bool:
    """Whether two Date fields (seconds since 1970) can be of two tries to send one mail."""
    return abs(date - other) <= SAME_DATE.total_seconds()


@quick_value(kw_only=True)
class Attempt:
    """A transaction the client may try again, and what it would then hear.

    `fingerprint` is one of `fingerprint` or, with `dated`, of `likeness`; a transaction may be
    remembered by both.

    `state` is `sending` while the verdict may come in time, `pending` while it may still come
    after the client heard 451, `verdict` when the client may not have heard it, `open` when
    nothing is known or the relay said no for now, `sent` when the relay has the message and a
    notice about it, and `heard` where there is nothing to remember any more.
    """

    fingerprint: int
    message: int
    state: str
    content_hash: str = ""
    verdict: str = ""
    dated: int | None = None  #: Seconds since 1970: a retry's Date is near it.

    def is_first_of(self, content_hash: str, date: int) -> bool:
        """Whether a mail with an equal fingerprint, this hash and this Date is a retry of it."""
        near = self.dated is None or is_same_date(self.dated, date)
        return near and self.content_hash == content_hash
