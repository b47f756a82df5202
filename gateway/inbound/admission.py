"""Who may forward mail to be filed, and what prevents a mail from being filed."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.mail.address import domain_of, lookup_form
from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Staff, role_key
from gateway.core.replies.inbox import AttentionReason
from gateway.inbound.reading.reading import ParsedHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a mail is not filed."""

    reason: AttentionReason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whose mail may be filed."""

    roles: frozenset[str]  #: By `role_key`.
    senders: frozenset[str] = frozenset()  #: Addresses in lookup form, or domains.

    def admits(self, address: str, staff: Sequence[Staff]) -> bool:
        """Whether mail from this sender (in lookup form) may be filed."""
        by_role = any(not self.roles.isdisjoint(map(role_key, m.roles)) for m in staff)
        return by_role or self.names(address)

    def names(self, address: str) -> bool:
        """Whether the settings allow a sender by address or domain."""
        return bool(self.senders.intersection((address, domain_of(address)))) and bool(address)


def sender_entries(texts: Sequence[str]) -> frozenset[str]:
    """Return addresses and domains (`example.org`, `@example.org`) in lookup form."""
    return frozenset(
        lookup_form(text) if text.strip().partition("@")[0] else domain_of(f"x{text.strip()}")
        for text in (text if "@" in text else f"@{text.strip()}" for text in texts)
    )


def objection(
    header: ParsedHeader,
    *,
    address: str,
    staff: Sequence[Staff],
    admission: Admission,
    application: KnownApplication | None,
) -> Objection | None:
    """Return what prevents a mail from being filed; `address` is its sender in lookup form."""
    if not (staff or admission.names(address)):
        reason = AttentionReason.NOT_ALLOWED if header.sender else AttentionReason.UNTRUSTED_ORIGIN
        return Objection(reason=reason, detail=header.distrust if not header.sender else "")
    if header.distrust:
        return Objection(reason=AttentionReason.UNTRUSTED_ORIGIN, detail=header.distrust)
    if not admission.admits(address, staff):
        roles = ", ".join(role for member in staff for role in member.roles)
        return Objection(reason=AttentionReason.NOT_ALLOWED, detail=roles)
    if header.reference is None:
        return Objection(reason=AttentionReason.NO_REFERENCE)
    if application is None:
        return Objection(reason=AttentionReason.UNKNOWN_REFERENCE, detail=header.reference)
    return None
