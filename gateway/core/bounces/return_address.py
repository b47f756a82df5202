"""The gateway's own envelope senders (VERP): mail that comes back to one is a bounce for certain.

`bounces@example.org` becomes `bounces+TOKEN@example.org` (variable envelope return path). The token
names the message and, if the transaction has a single recipient, the recipient by its position.
Nobody can make one without having seen the mail, which exposes backscatter (reports on mail that
others sent in our name).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.core.signing import SigningKeys

_PURPOSE = "return-address"
_ALL = 0xFFFF  #: Instead of a position: the whole message.


@dataclass(frozen=True, slots=True)
class ReturnedTo:
    """What a return address names."""

    message: int  #: The journal's id.
    #: The recipient's position in the envelope, from 0; None: any recipient.
    position: int | None = None


def return_address(base: str, to: ReturnedTo, keys: SigningKeys) -> str:
    """Return the envelope sender for a message; `base` is `[bounces] address`."""
    position = _ALL if to.position is None else to.position
    payload = to.message.to_bytes(8) + position.to_bytes(2)
    local, _, domain = base.rpartition("@")
    return f"{local}+{keys.sign(_PURPOSE, payload)}@{domain}"


def returned_to(base: str, addresses: Iterable[str], keys: SigningKeys) -> ReturnedTo | None:
    """Return what the first of the addresses made by `return_address` names; None if none was.

    The delimiter may have been changed to another (`-`, `=`), and the whole address upper-cased.
    """
    for token in tokens_in(base, addresses):
        payload = keys.verify(_PURPOSE, token)
        if payload is not None and len(payload) == 10:
            position = int.from_bytes(payload[8:])
            return ReturnedTo(int.from_bytes(payload[:8]), None if position == _ALL else position)
    return None


def tokens_in(base: str, addresses: Iterable[str]) -> Iterator[str]:
    """Yield the TOKEN of every address of the form `bounces+TOKEN@example.org`."""
    local, _, domain = base.rpartition("@")
    form = re.compile(rf"{re.escape(local)}[+=-]([a-z2-7]+)@{re.escape(domain)}", re.IGNORECASE)
    for address in addresses:
        match = form.fullmatch(address.strip())
        if match:
            yield match[1]
