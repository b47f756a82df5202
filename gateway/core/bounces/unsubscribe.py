"""Links to unsubscribe, for `List-Unsubscribe` (RFC 2369, 3.2) and for templates.

    List-Unsubscribe: <https://mail.example.org/u/TOKEN>,
     <mailto:bounces+TOKEN@example.org?subject=unsubscribe>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click

The token names one mail to one recipient and contains no address. Its signature is for this purpose
only, so that nobody can make one from a return address (RFC 8058, 3.1: "hard-to-forge component").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.core.bounces.return_address import tokens_in
from gateway.core.ids import moment_of
from gateway.core.signing import SigningKeys

PATH = "/u/"  #: Of links, below `[api] public_url`.
SAMPLE = "sample"  #: In place of a token: the link of a preview, which does nothing.
ONE_CLICK = ("List-Unsubscribe", "One-Click")  #: The pair that a POST must have (RFC 8058, 3.2).
MAILTO_SUBJECT = "unsubscribe"

_PURPOSE = "unsubscribe"
_DELIVERY, _OCCURRENCE = b"d", b"o"


@dataclass(frozen=True, slots=True)
class NamedDelivery:
    """A token of the CRM's mail names a delivery of the journal."""

    message: int
    position: int  #: The recipient's in the envelope, from 0.

    @property
    def at(self) -> datetime:
        """When the mail came in."""
        return moment_of(self.message)


@dataclass(frozen=True, slots=True)
class NamedOccurrence:
    """A token of triggered mail names an occurrence of the ledger."""

    occurrence: int

    @property
    def at(self) -> datetime:
        """When the mail became due."""
        return moment_of(self.occurrence)


Named = NamedDelivery | NamedOccurrence


@dataclass(frozen=True, slots=True, repr=False)
class UnsubscribeLinks:
    """Makes links and reads their tokens."""

    keys: SigningKeys
    public_url: str = ""  #: `[api] public_url` without a slash at its end; empty: no https links.
    address: str = ""  #: `[bounces] address`; empty: no mailto links.

    def token(self, named: Named) -> str:
        """Return the token of a mail: letters and digits."""
        if isinstance(named, NamedDelivery):
            payload = _DELIVERY + named.message.to_bytes(8) + named.position.to_bytes(2)
        else:
            payload = _OCCURRENCE + named.occurrence.to_bytes(8)
        return self.keys.sign(_PURPOSE, payload)

    def named(self, token: str) -> Named | None:
        """Return which mail a token names, None for one the gateway didn't make."""
        payload = self.keys.verify(_PURPOSE, token)
        if payload is None:
            return None
        if payload[:1] == _DELIVERY and len(payload) == 11:
            return NamedDelivery(int.from_bytes(payload[1:9]), int.from_bytes(payload[9:]))
        if payload[:1] == _OCCURRENCE and len(payload) == 9:
            return NamedOccurrence(int.from_bytes(payload[1:]))
        return None

    def named_by(self, addresses: Iterable[str]) -> Named | None:
        """Return which mail the first of some addresses names that a mailto link leads to."""
        if not self.address:
            return None
        tokens = tokens_in(self.address, addresses)
        return next((named for named in map(self.named, tokens) if named is not None), None)

    def url(self, named: Named | None) -> str:
        """Return the link of a mail, or of a preview without a mail; empty where there is none."""
        token = SAMPLE if named is None else self.token(named)
        return f"{self.public_url}{PATH}{token}" if self.public_url else ""

    def fields(self, named: Named) -> tuple[str, ...]:
        r"""Return the header fields of a mail, folded with CRLF; none where no link can lead here.

        One https address comes first (RFC 8058, 3.1: exactly one; programs try the first that they
        can use, RFC 2369, 3.2). `List-Unsubscribe-Post` stands only beside it.
        """
        links = [f"<{self.url(named)}>"] if self.public_url else []
        if self.address:
            local, _, domain = self.address.rpartition("@")
            tagged = f"{local}+{self.token(named)}@{domain}"
            links.append(f"<mailto:{tagged}?subject={MAILTO_SUBJECT}>")
        if not links:
            return ()
        field = "List-Unsubscribe: " + ",\r\n ".join(links)
        if not self.public_url:
            return (field,)
        return (field, f"List-Unsubscribe-Post: {'='.join(ONE_CLICK)}")


def is_one_click(form: Mapping[str, str]) -> bool:
    """Whether the fields of a POST are those of one click (RFC 8058, 3.2), and no mere request."""
    key, value = ONE_CLICK
    return form.get(key, "").strip().casefold() == value.casefold()


def masked(address: str) -> str:
    """Return an address as the page shows it, to whoever has the link: `a…@example.net`."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else ""
