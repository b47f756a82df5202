"""Unsubscribe links, for `List-Unsubscribe` (RFC 2369, 3.2) and for templates.

    List-Unsubscribe: <https://mail.example.org/u/TOKEN>,
     <mailto:bounces+TOKEN@example.org?subject=unsubscribe>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click

The token names one mail to one recipient and contains no address. It is signed for this purpose
only, so a return address can't be turned into one (RFC 8058, 3.1: "hard-to-forge component").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.core.bounces.return_address import tokens_in
from gateway.core.ids import moment_of
from gateway.core.signing import SigningKeys

PATH = "/u/"  #: Path of the links, below `[api] public_url`.
SAMPLE = "sample"  #: Used as the token in previews: the link does nothing.
#: The pair that a one-click POST must contain (RFC 8058, 3.2).
ONE_CLICK = ("List-Unsubscribe", "One-Click")
MAILTO_SUBJECT = "unsubscribe"

_PURPOSE = "unsubscribe"
_DELIVERY, _OCCURRENCE = b"d", b"o"


@dataclass(frozen=True, slots=True)
class NamedDelivery:
    """A delivery in the journal, named by the token of a CRM mail."""

    message: int
    position: int  #: The recipient's position in the envelope, from 0.

    @property
    def at(self) -> datetime:
        """When the mail arrived."""
        return moment_of(self.message)


@dataclass(frozen=True, slots=True)
class NamedOccurrence:
    """An occurrence in the ledger, named by the token of a triggered mail."""

    occurrence: int

    @property
    def at(self) -> datetime:
        """When the mail was due."""
        return moment_of(self.occurrence)


Named = NamedDelivery | NamedOccurrence


@dataclass(frozen=True, slots=True, repr=False)
class UnsubscribeLinks:
    """Makes unsubscribe links and reads their tokens."""

    keys: SigningKeys
    public_url: str = ""  #: `[api] public_url` without a trailing slash; empty: no https links.
    address: str = ""  #: `[bounces] address`; empty: no mailto links.

    def token(self, named_mail: Named) -> str:
        """Return the token of a mail: letters and digits."""
        if isinstance(named_mail, NamedDelivery):
            payload = _DELIVERY + named_mail.message.to_bytes(8) + named_mail.position.to_bytes(2)
        else:
            payload = _OCCURRENCE + named_mail.occurrence.to_bytes(8)
        return self.keys.sign(_PURPOSE, payload)

    def mail_of(self, token: str) -> Named | None:
        """Return the mail a token names, None if the gateway didn't make it."""
        payload = self.keys.verify(_PURPOSE, token)
        if payload is None:
            return None
        if payload[:1] == _DELIVERY and len(payload) == 11:
            return NamedDelivery(int.from_bytes(payload[1:9]), int.from_bytes(payload[9:]))
        if payload[:1] == _OCCURRENCE and len(payload) == 9:
            return NamedOccurrence(int.from_bytes(payload[1:]))
        return None

    def named_by(self, addresses: Iterable[str]) -> Named | None:
        """Return the mail named by the first of the addresses that is a mailto link's target."""
        if not self.address:
            return None
        tokens = tokens_in(self.address, addresses)
        return next(
            (named_mail for named_mail in map(self.mail_of, tokens) if named_mail is not None), None
        )

    def url(self, named_mail: Named | None) -> str:
        """Return the link for a mail, or for a preview; empty if there can be none."""
        token = SAMPLE if named_mail is None else self.token(named_mail)
        return f"{self.public_url}{PATH}{token}" if self.public_url else ""

    def fields(self, named_mail: Named) -> tuple[str, ...]:
        r"""Return the header fields for a mail, folded with CRLF; none if no link can be made.

        The single https address comes first (RFC 8058, 3.1: exactly one; programs use the first
        they support, RFC 2369, 3.2). `List-Unsubscribe-Post` is added only with it.
        """
        links = [f"<{self.url(named_mail)}>"] if self.public_url else []
        if self.address:
            local, _, domain = self.address.rpartition("@")
            tagged = f"{local}+{self.token(named_mail)}@{domain}"
            links.append(f"<mailto:{tagged}?subject={MAILTO_SUBJECT}>")
        if not links:
            return ()
        field = "List-Unsubscribe: " + ",\r\n ".join(links)
        if not self.public_url:
            return (field,)
        return (field, f"List-Unsubscribe-Post: {'='.join(ONE_CLICK)}")


def is_one_click(form: Mapping[str, str]) -> bool:
    """Whether a POST's fields are those of a one-click unsubscribe (RFC 8058, 3.2)."""
    key, value = ONE_CLICK
    return form.get(key, "").strip().casefold() == value.casefold()


def mask_address(address: str) -> str:
    """Mask an address for the page, which anybody with the link can see: `a…@example.net`."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else ""
