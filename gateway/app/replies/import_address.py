"""The address staff forward replies to."""

from dataclasses import dataclass

from gateway.config import Settings
from gateway.config.values import parse_address
from gateway.core.mail.typed.typed_address import name_and_address

#: What to do if the address is unknown.
MISSING = (
    "the address staff forward replies to is not known: set inbound.address (it follows from a "
    "mailbox whose username is an address, never from an import listener)"
)


@dataclass(frozen=True, slots=True)
class ImportAddress:
    """An address of the importer."""

    address: str
    told_by: str  #: The setting it comes from: `inbound.address`, or `mailbox replies`.


def import_addresses(settings: Settings) -> tuple[ImportAddress, ...]:
    """Return the addresses staff may forward replies to, the preferred one first; empty if unknown.

    If `inbound.address` is set, it is the only one; otherwise each mailbox has its login, if that
    is an address.
    """
    _, inbound_address = name_and_address(settings.inbound.address or "")
    if inbound_address:
        return (ImportAddress(inbound_address, "inbound.address"),)
    addresses: dict[str, ImportAddress] = {}
    for mailbox in settings.inbound.mailboxes:
        try:
            address = parse_address(mailbox.username)
        except ValueError:
            continue  # A login such as `OFFICE\\replies` isn't an address.
        addresses.setdefault(address, ImportAddress(address, f"mailbox {mailbox.name}"))
    return tuple(addresses.values())


def import_address(settings: Settings) -> str:
    """Return the address to tell staff; empty if unknown."""
    return next((place.address for place in import_addresses(settings)), "")
