"""Who may import, and what keeps a mail from being filed."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.address import domain_of, lookup_form
from gateway.core.applications import KnownApplication
from gateway.core.inbox import Reason
from gateway.core.people import Staff
from gateway.inbound.reading import Face


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a mail is not filed."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Who may import."""

    roles: frozenset[str]
    senders: frozenset[str] = frozenset()  #: Addresses in lookup form, or domains.

    def admits(self, address: str, staff: Sequence[Staff]) -> bool:
        """Whether the sender (in lookup form) may import."""
        by_role = any(self.roles.intersection(one.roles) for one in staff)
        return by_role or self.names(address)

    def names(self, address: str) -> bool:
        """Whether a sender is allowed by address or domain."""
        return bool(self.senders.intersection((address, domain_of(address)))) and bool(address)


def sender_entries(texts: Sequence[str]) -> frozenset[str]:
    """Return addresses and domains (`example.org`, `@example.org`) in lookup form."""
    return frozenset(
        lookup_form(text) if text.strip().partition("@")[0] else domain_of(f"x{text.strip()}")
        for text in (each if "@" in each else f"@{each.strip()}" for each in texts)
    )


def objection(
    face: Face,
    *,
    address: str,
    staff: Sequence[Staff],
    admission: Admission,
    application: KnownApplication | None,
) -> Objection | None:
    """Return what keeps a mail from being filed; `address` is its sender in lookup form."""
    if not (staff or admission.names(address)):
        reason = Reason.NOT_ALLOWED if face.sender else Reason.UNTRUSTED_ORIGIN
        return Objection(reason=reason, detail=face.distrust if not face.sender else "")
    if face.distrust:
        return Objection(reason=Reason.UNTRUSTED_ORIGIN, detail=face.distrust)
    if not admission.admits(address, staff):
        return Objection(reason=Reason.NOT_ALLOWED, detail=_roles(staff))
    if face.reference is None:
        return Objection(reason=Reason.NO_REFERENCE)
    if application is None:
        return Objection(reason=Reason.UNKNOWN_REFERENCE, detail=face.reference)
    return None


def _roles(staff: Sequence[Staff]) -> str:
    return ", ".join(role for one in staff for role in one.roles)
