"""Bounces, one recipient at a time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.core.bounces.reason import Reason
from gateway.core.ids import moment_of

_CLASS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_REPLY_CODE = re.compile(r"(?:\A|[\s;:])([245])\d\d(?=[\s-]|\Z)")
_GENERAL = re.compile(r"\s*[45]\.0\.0\b")
_UNKNOWN_FOR_NOW = re.compile(r"\b4\.1\.\d")
#: What must be encoded as xtext in a sender's own name for a recipient (RFC 3461, 4).
_ENCODED = re.compile(r"\+(?:2B|3D)")
_OF_DOMAIN = (Reason.HOST_UNKNOWN, Reason.NOT_ACCEPTING)
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']{1,64}@[\w.-]{0,254}\w")
_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,62}\.)+[^\W_][\w-]{0,62}")


class BounceKind(StrEnum):
    """What a returned mail says about a recipient."""

    BOUNCE = "bounce"  #: It was not delivered.
    DELAY = "delay"  #: It is still being tried.
    COMPLAINT = "complaint"  #: The recipient called it spam (RFC 5965: abuse, fraud, virus, other).
    NOT_SPAM = "not_spam"  #: The recipient took that back (RFC 5965: not-spam).
    OPT_OUT = "opt_out"  #: The recipient wants no more of it.
    FEEDBACK = "feedback"  #: A report without a complaint: on failed authentication (RFC 6591).
    DELIVERED = "delivered"  #: It arrived, or was passed on.


class Proof(StrEnum):
    """What proves that a bounce is about one of our messages."""

    TOKEN = "token"  # noqa: S105  #: It came to a return address of our own, or names it.
    TRACE = "trace"  #: It returns our Received line or our envelope id (RFC 3461).
    MESSAGE_ID = "message_id"  #: It names the Message-ID of a message to that recipient.


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What came back for one recipient."""

    kind: BounceKind
    recipient: str  #: As the reporting server names it.
    original_recipient: str = (
        ""  #: As the sender wrote it (RFC 3464, 2.3.1), if the report says so.
    )
    action: str = ""  #: RFC 3464, 2.3.3, in lower case.
    status: str = ""  #: RFC 3463, as it was written.
    diagnostic: str = ""  #: What the server said, on one line.
    reason: Reason = Reason.UNDEFINED
    #: Whether the report doesn't say who it is about: `recipient` is in the `To` or `Cc` of the
    #: returned mail, which may have gone to others as well (`Bcc`), or one of several suspects.
    is_presumed: bool = False

    @property
    def named_addresses(self) -> tuple[str, ...]:
        """The addresses that it may name the recipient by, the sender's own first.

        Some servers return that as they got it, encoded: `ann+2Bnews@example.org`.
        """
        original = self.original_recipient
        decoded = _ENCODED.sub(lambda code: chr(int(code[0][1:], 16)), original)
        return tuple(dict.fromkeys(filter(None, (original, decoded, self.recipient))))

    @property
    def is_hard(self) -> bool:
        """Whether the address itself is wrong or gone, for good.

        Anything a server says may be retried (4xx, 4.x.x) doesn't count, however it is worded: name
        servers and user directories fail for hours. The exception is "unknown" (4.1.x) that was
        retried until the mail expired: `failed`, `450 4.1.1 user unknown`.
        """
        if self.kind is not BounceKind.BOUNCE or not self.reason.is_hard:
            return False
        # Exim reports what it gave up on as 5.0.0, whatever the other server said: the code is in
        # `smtp; 451 4.3.0 …`.
        said = _CLASS.findall(self.diagnostic) or _REPLY_CODE.findall(self.diagnostic)
        is_general = bool(said) and _GENERAL.match(self.status) is not None
        status = self.diagnostic if is_general else self.status
        if self.action == "failed" and _UNKNOWN_FOR_NOW.search(status):
            return True
        classes = said if is_general else _CLASS.findall(self.status) or said
        return "4" not in classes[:1]


def told_of_sender(bounce: Bounce, senders: Iterable[str]) -> Bounce:
    """Return the bounce, marked as being about the sender or the sender's domain if it is.

    Servers check the sender, too: `550 No MX record for office.example`, `550 5.1.1
    <news@office.example>: no such user`. `senders` are addresses. If the text also names the
    recipient, its domain or anybody else, it is about them.
    """
    if not bounce.reason.is_hard:
        return bounce
    diagnostic = bounce.diagnostic.casefold()
    ours = {sender.casefold() for sender in senders}
    recipients = [address.casefold() for address in bounce.named_addresses]
    addresses = set(_ADDRESS.findall(diagnostic))
    if addresses and addresses <= ours.difference(recipients):
        return replace(bounce, reason=Reason.REJECTED)
    if bounce.reason not in _OF_DOMAIN:
        return bounce
    for recipient in recipients:
        diagnostic = diagnostic.replace(recipient, " ")
    domains = set(_DOMAIN.findall(diagnostic))
    our_domains = {sender.rpartition("@")[2] for sender in ours} & domains
    their_domains = {recipient.rpartition("@")[2] for recipient in recipients} & domains
    return replace(bounce, reason=Reason.REJECTED) if our_domains and not their_domains else bounce


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBounce:
    """What came back for one recipient, as stored."""

    inbox: int  #: The mail that reported it.
    position: int
    message: int | None  #: The journal id, if known.
    proof: Proof | None
    kind: BounceKind
    address: str  #: The message's recipient, in lookup form; empty if uncertain.
    recipient: str
    action: str
    status: str
    diagnostic: str
    reason: str  #: A `Reason`; empty for complaints.
    hard: bool
    suppression: int | None = None  #: The suppression it caused.

    @property
    def at(self) -> datetime:
        """When it came in."""
        return moment_of(self.inbox)
