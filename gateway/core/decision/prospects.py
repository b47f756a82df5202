"""What would happen to mail to a person now, address by address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.core.decision.decide import blocking
from gateway.core.kinds import Kind
from gateway.core.people.people import Standing, Suppression


@dataclass(frozen=True, slots=True)
class MailProspect:
    """What blocks mail to an address now; empty if it would be relayed."""

    address: str  #: In lookup form.
    standing: Standing
    #: What blocks bulk mail, including suppressions of another person.
    mailing: tuple[Suppression, ...]
    personal: tuple[Suppression, ...]


def prospects(
    addresses: Iterable[str], standings: Mapping[str, Standing]
) -> tuple[MailProspect, ...]:
    """Return what a mailing, and mail to this person alone, would meet at each address."""
    by_address = {address: standings.get(address, Standing()) for address in addresses}
    return tuple(
        MailProspect(
            address,
            standing,
            blocking(Kind.BULK, standing),
            blocking(Kind.INDIVIDUAL, standing),
        )
        for address, standing in by_address.items()
    )
