"""Which members a campaign reaches, which it leaves out, and why."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.decision.decide import suppressions_of_holders
from gateway.core.kinds import Scope
from gateway.core.mail.address import parse_path
from gateway.core.people.people import PersonRef, Standing, SuppressionSource

#: Preparing stops if at least this many, and more than one in five of those included, drop out.
LEAST = 10
ONE_IN = 5
#: The detail of members who are too late for a campaign that has not been sent yet.
SCHEDULE_AGAIN = "schedule it again to bring this person in"
_LOCAL = re.compile(r"[^\s@\".]+(\.[^\s@\".]+)*")
_DOMAIN = re.compile(r"[^\s@.\[\]]+(\.[^\s@.\[\]]+)+")


class LeftOutReason(StrEnum):
    """Why a member gets nothing."""

    OPT_OUT = "opt_out"  #: In the group "MailChimp opt-out".
    SUPPRESSED = "suppressed"  #: Out of bulk mail, of all mail, or by staff.
    INVALID_ADDRESS = "invalid_address"
    NO_ADDRESS = "no_address"
    DUPLICATE = "duplicate"  #: Another member has the same address.
    UNSUBSCRIBED = "unsubscribed"  #: At Mailchimp.
    CLEANED = "cleaned"  #: Mailchimp found that the address bounces.
    REFUSED = "refused"  #: Mailchimp refuses the address.
    UNREAD = "unread"  #: What the decision needs to know about the person could not be read.
    TOO_LATE = "too_late"  #: Joined, or got this address, after the segment was built.


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownContact:
    """An address as Mailchimp knows it; without a status it is not in the audience."""

    address: str  #: In lookup form.
    email: str = ""
    email_id: str = ""
    contact_id: str = ""
    status: str = ""
    merge_fields: str = ""  #: JSON, as `gateway.store` writes it.
    changed_at: datetime | None = None
    refusal: str = ""
    refused_until: datetime | None = None  #: None: for good.


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """What decides whether a member is included."""

    ref: PersonRef
    is_known: bool  #: The CRM still has the person.
    address: str  #: The primary one in lookup form; empty for none.
    has_unusable: bool  #: The CRM gives an address that can't be one.
    opted_out: bool  #: In the opt-out group.
    standing: Standing
    contact: KnownContact | None
    unread: str = ""  #: Fields that matter here and could not be read.


@dataclass(frozen=True, slots=True)
class MemberOut:
    """A member who is left out, and why."""

    reason: LeftOutReason
    detail: str = ""


def left_out(facts: MemberFacts, now: datetime) -> MemberOut | None:
    """Return why a member is left out; None: included, unless another has the same address."""
    if facts.opted_out:
        return MemberOut(LeftOutReason.OPT_OUT)
    if not facts.is_known:
        return MemberOut(LeftOutReason.NO_ADDRESS, "the CRM no longer lists this person")
    if not facts.address:
        return MemberOut(
            LeftOutReason.INVALID_ADDRESS if facts.has_unusable else LeftOutReason.NO_ADDRESS
        )
    if not is_mailable(facts.address):
        return MemberOut(LeftOutReason.INVALID_ADDRESS)
    if facts.unread:
        return MemberOut(LeftOutReason.UNREAD, f"can't be read: {facts.unread}")
    return what_suppresses(facts.standing, facts.ref) or kept_out(facts.contact, now)


def is_mailable(address: str) -> bool:
    """Whether an address (in lookup form) can belong to a person on the Internet."""
    local, _, domain = address.rpartition("@")
    return bool(
        _LOCAL.fullmatch(local)
        and len(local) <= 64
        and _DOMAIN.fullmatch(domain)
        and parse_path(f"<{address}>".encode())
    )


def what_suppresses(standing: Standing, ref: PersonRef) -> MemberOut | None:
    """Return what suppresses campaign mail to a person's address; None: nothing.

    If several people share the address, the strictest counts, as for all bulk mail.
    """
    suppressions = [*standing.own, *suppressions_of_holders(standing)]
    opt_outs = [
        suppression
        for suppression in suppressions
        if suppression.source is SuppressionSource.GROUP and suppression.scope is Scope.MAILCHIMP
    ]
    if not suppressions:
        return None
    suppression = (opt_outs or suppressions)[0]
    what = f"{suppression.source} {suppression.name}".strip()
    of_whom = f" of {suppression.person}" if suppression.person not in {None, ref} else ""
    reason = LeftOutReason.OPT_OUT if opt_outs else LeftOutReason.SUPPRESSED
    return MemberOut(reason, f"{what}{of_whom}")


def kept_out(contact: KnownContact | None, now: datetime) -> MemberOut | None:
    """Return what Mailchimp's data says against an address; a temporary refusal expires (M5)."""
    if contact is None:
        return None
    match contact.status:
        case "subscribed":
            return None
        case "unsubscribed" | "cleaned":
            return MemberOut(LeftOutReason(contact.status))
        case "":
            is_over = contact.refused_until is not None and contact.refused_until <= now
            refused = bool(contact.refusal) and not is_over
            return MemberOut(LeftOutReason.REFUSED, contact.refusal) if refused else None
        case "archived":
            return MemberOut(
                LeftOutReason.REFUSED, "archived at Mailchimp: unarchive the contact there"
            )
        case "pending":
            return MemberOut(LeftOutReason.REFUSED, "has not confirmed the subscription yet")
        case other:
            return MemberOut(LeftOutReason.REFUSED, f"is {other} at Mailchimp, not subscribed")


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedMembers:
    """Members who were included and no longer would be, not counting the opt-out group (M10)."""

    before: int  #: Members who were included.
    dropped: int

    @property
    def is_alarming(self) -> bool:
        """Whether more drop out than usual."""
        return self.dropped >= LEAST and self.dropped * ONE_IN > self.before
