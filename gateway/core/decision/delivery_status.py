"""The part of a DSN that programs read: message/delivery-status (RFC 3464, RFC 6533).

A group of fields about the message, then one per recipient:

    Reporting-MTA: dns; gateway.example

    Original-Recipient: rfc822; Ann=1@Example.org
    Final-Recipient: rfc822; ann@example.org
    Action: failed
    Status: 5.7.1
    Diagnostic-Code: smtp; 550 5.7.1 Verzenden mislukt: …
"""

import re
from collections.abc import Iterable, Sequence

from gateway.core.decision.short_note import STATUS
from gateway.core.mail.mail_writer import field_lines, part

_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_NO_QCHAR = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x5b\x5d-\x7e]")


def status_part(groups: Iterable[Sequence[str]], *, is_international: bool) -> bytes:
    """Return the body part with the given groups of fields; `is_international`: per RFC 6533."""
    kind = "global-delivery-status" if is_international else "delivery-status"
    encoding = "8bit" if is_international else "7bit"
    fields = (f"Content-Type: message/{kind}", f"Content-Transfer-Encoding: {encoding}")
    return part(fields, b"\r\n".join(map(field_lines, groups)))


def recipient_group(
    mailbox: str, orcpt: str | None, reason: str, *, is_international: bool
) -> list[str]:
    """Return the fields about a recipient that was left out.

    `orcpt` is the ORCPT parameter as received; `reason` the first line of the note's short form.
    """
    fields = [
        f"Final-Recipient: {typed_address(mailbox, is_international=is_international)}",
        "Action: failed",
        f"Status: {STATUS}",
        f"Diagnostic-Code: smtp; 550 {STATUS} {reason}",
    ]
    if orcpt is not None:
        kind, _, address = orcpt.partition(";")
        fields.insert(0, f"Original-Recipient: {kind}; {decoded_xtext(address)}")
    return fields


def typed_address(address: str, *, is_international: bool) -> str:
    r"""Return the address with its type (RFC 3464, 2.1.2): `rfc822; ann@example.org`.

    A non-ASCII address is `utf-8; ü@example.org` in an international report, otherwise `utf-8;
    \x{FC}@example.org` (RFC 6533, 3).
    """
    if address.isascii():
        return f"rfc822; {address}"
    if is_international:
        return f"utf-8; {address}"
    return "utf-8; " + _NO_QCHAR.sub(lambda char: f"\\x{{{ord(char[0]):02X}}}", address)


def decoded_xtext(xtext: str) -> str:
    """Decode xtext (RFC 3461, 4), unless the result has more than printable ASCII."""
    text = _XTEXT.sub(lambda escape: chr(int(escape[1], 16)), xtext)
    return text if text.isascii() and text.isprintable() else xtext
