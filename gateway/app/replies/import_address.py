"""Where staff forward replies to."""

from dataclasses import dataclass
from email.utils import parseaddr

from gateway.config import Settings
from gateway.config.values import parse_address

#: What to do where nobody could say the address.
MISSING = (
    "the address staff forward replies to is not known: set inbound.address (it follows from a "
    "mailbox whose username is an address, never from an import listener)"
)


@dataclass(frozen=True, slots=True)
class ImportAddress:
    """An address for the importer."""

    address: str
    told_by: str  #: The setting it follows from: `inbound.address`, or `mailbox replies`.


def import_addresses(settings: Settings) -> tuple[ImportAddress, ...]:
    """Return the addresses staff may forward replies to, the one to name first; empty: unknown.

    `inbound.address` is the only one where it is set; else each mailbox whose login is an address
    has that one.
    """
    _, given = parseaddr(settings.inbound.address or "")
    if given:
        return (ImportAddress(given, "inbound.address"),)
    known: dict[str, ImportAddress] = {}
    for mailbox in settings.inbound.mailboxes:
        try:
            address = parse_address(mailbox.username)
        except ValueError:
            continue  # A login such as `OFFICE\\replies` says nothing.
        known.setdefault(address, ImportAddress(address, f"mailbox {mailbox.name}"))
    return tuple(known.values())


def import_address(settings: Settings) -> str:
    """Return the address to name to staff; empty where it isn't known."""
    return next((place.address for place in import_addresses(settings)), "")
