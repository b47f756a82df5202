"""What would become of mail to a person now, address by address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.core.decision.decide import blocking
from gateway.core.kinds import Kind
from gateway.core.people.people import Standing, Suppression


@dataclass(frozen=True, slots=True)
class MailProspect:
    """What keeps mail from an address now; empty where it would be relayed."""

    address: str  #: In lookup form.
    standing: Standing
    mailing: tuple[Suppression, ...]  #: What keeps bulk mail away, also that of another person.
    personal: tuple[Suppression, ...]


def prospects(
    addresses: Iterable[str], standings: Mapping[str, Standing]
) -> tuple[MailProspect, ...]:
    """Return what a mailing, and mail to this person alone, would meet at each address."""
    known = {address: standings.get(address, Standing()) for address in addresses}
    return tuple(
        MailProspect(
            address,
            standing,
            blocking(Kind.BULK, standing),
            blocking(Kind.INDIVIDUAL, standing),
        )
        for address, standing in known.items()
    )
