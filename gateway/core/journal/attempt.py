"""Recognising that a transaction is tried again: its fingerprints, and what is kept of each try."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.core.mail.headers import Headers
from gateway.core.quick_values import quick_value


def fingerprint(sender: str, recipients: Sequence[str], message_id: str, subject: str = "") -> int:
    """Return a 63-bit fingerprint that identifies retries of the same transaction.

    The subject is used if there is no Message-ID.
    """
    identifier = message_id or f"\0{subject}"
    return _mark((sender, *sorted(recipients), "", identifier))


def likeness(sender: str, addresses: Iterable[str], author: str, subject: str) -> int:
    """Return a 63-bit fingerprint that retries share even if each has a new Message-ID.

    `addresses` are the recipients in lookup form, `author` the text of From.
    """
    return _mark((sender, *sorted(set(addresses)), "", author, "\0", subject))


class RetryMarks:
    """The fingerprints that identify a retry of a transaction; the second is seldom needed."""

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
        """The fingerprint that ignores the Message-ID."""
        if self._likeness is None:
            author, subject = self._headers.text("from"), self._headers.text("subject")
            self._likeness = likeness(self._sender, self._addresses, author, subject)
        return self._likeness


def _mark(parts: Iterable[str]) -> int:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


def date_in_seconds(date: str, arrived: datetime) -> int:
    """Return a Date field as seconds since 1970, or the arrival time if it can't be read."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        moment = arrived
    if moment.tzinfo is None:  # `-0000`: UTC, with no indication of the place (RFC 5322, 3.3).
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


SAME_DATE = timedelta(minutes=15)  #: How far apart the Date fields of two tries may be.


def is_same_date(date: int, other: int) -> bool:
    """Whether two Date fields (seconds since 1970) can belong to two tries of one mail."""
    return abs(date - other) <= SAME_DATE.total_seconds()


@quick_value(kw_only=True)
class Attempt:
    """A transaction the client may retry, and the reply it would then get.

    `fingerprint` is the result of `fingerprint` or of `likeness`; a transaction may be remembered
    by both. `dated` is set for a likeness, and for a mail without a Message-ID.

    `state` is `sending` while the verdict may come in time, `pending` while it may still come after
    the client got 451, `verdict` if the client may not have received it, `open` if nothing is known
    or the relay refused for now, `sent` if the relay has the message and a notice about it goes to
    the sender, and `heard` once there is nothing left to remember.
    """

    fingerprint: int
    message: int
    state: str
    content_hash: str = ""
    verdict: str = ""
    dated: int | None = None  #: Seconds since 1970: a retry's Date is close to it.

    def is_first_of(self, content_hash: str, date: int) -> bool:
        """Whether a mail with an equal fingerprint, this hash and this Date is a retry of it."""
        near = self.dated is None or is_same_date(self.dated, date)
        return near and self.content_hash == content_hash
