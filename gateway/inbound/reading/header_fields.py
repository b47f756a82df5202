"""Strict parsing of header fields according to RFC 5322 and RFC 5321, by the library mail-parser.

It supports groups, comments, routes, quoted local parts and literals, takes no address out of a
name, and reports where a field violates the RFC. Such fields, and names as people write them, are
left to `core.replies.forwarded`, which reads what mail programs write: `Doe, John <j@x>; b@y`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gateway.core.mail.headers import decode_value
from gateway.core.replies.forwarded.mailboxes import (
    Mailbox,
    parse_agent,
    parse_mailbox,
    parse_mailboxes,
)

#: Where `parse_mailboxes` and the RFC may differ: comments, groups, routes, literals, quoted local
#: parts, spaces around `@`. A field without any of these is left to `parse_mailboxes`, in a sixth
#: of the time.
_STRUCTURE = re.compile(r'[():\[\\]|"[ \t]*[@.]|[@.][ \t]*"|[ \t]@|@[ \t]')
#: What most mails have: one address, perhaps with a plain name: `"Ann Roe" <ann.roe@example.org>`.
#: This is parsed in a fiftieth of the time.
_ADDRESS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_WORDS = "[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*"
_SIMPLE = re.compile(
    rf'(?:(?:"(?P<quoted>{_WORDS})"|(?P<words>{_WORDS})) )?<(?P<address>{_ADDRESS})>'
    rf"|(?P<bare>{_ADDRESS})"
)
_LONGEST_SIMPLE = 200
_ID = re.compile(r"\bid (\S+)")
_MOST_HOPS = 100  #: RFC 5321, 6.3.
_LONGEST_HOP = 2_000


class AddressField(NamedTuple):
    """The content of an address field."""

    mailboxes: tuple[Mailbox, ...]
    is_sound: bool  #: Whether all of it follows RFC 5322, so that nothing was left out.


def read_address_field(value: bytes) -> AddressField:
    """Parse an unfolded address field, in UTF-8 or else Latin-1.

    Encoded words in quotes are also decoded: many programs write names like that, and all show them
    decoded.
    """
    try:
        value = value.decode().encode()
    except UnicodeDecodeError:
        value = value.decode("latin-1").encode()
    simple = _SIMPLE.fullmatch(value.decode()) if len(value) <= _LONGEST_SIMPLE else None
    if simple is not None:
        name = simple["quoted"] or simple["words"] or ""
        return AddressField((Mailbox(name, simple["address"] or simple["bare"]),), is_sound=True)
    import mailparser  # 1.5 MB, and a tenth of the time in which this process starts

    parsed: Any = mailparser.parse_from_bytes(b"From: " + value + b"\r\n\r\n")
    mailboxes = []
    for phrase, address in parsed.from_:
        name = str(phrase)
        name = decode_value(name.encode("utf-8", "replace")) if "=?" in name else name
        mailboxes.append(Mailbox(name, str(address)))
    return AddressField(tuple(mailboxes), not parsed.address_header_defects)


def mailboxes_in(text: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes of an address field whose encoded words were decoded and quoted."""
    spoken = parse_mailboxes(text, is_field=True)
    strict = _strict_mailboxes(text, spoken)
    return spoken if strict is None else strict


def sender_in(text: str) -> Mailbox | None:
    """Return the first mailbox of a From field, or the one on whose behalf it was sent."""
    strict = _strict_mailboxes(text, parse_mailboxes(text, is_field=True))
    if strict is None or parse_agent(text, is_field=True) is not None:
        return parse_mailbox(text, is_field=True)
    return next(iter(strict), None)


def _strict_mailboxes(text: str, spoken: tuple[Mailbox, ...]) -> tuple[Mailbox, ...] | None:
    """Return the mailboxes according to the RFC; None if they equal `spoken`, or the RFC fails.

    If both find the same people, `spoken` has their names as written: `Ann (Annie) Roe`.
    """
    if _STRUCTURE.search(text) is None:
        return None
    field = read_address_field(text.encode("utf-8", "replace"))
    strict = tuple(mailbox for mailbox in field.mailboxes if mailbox.address)
    outlines = [
        [(mailbox.address, mailbox.name != "") for mailbox in mailboxes]
        for mailboxes in (strict, spoken)
    ]
    return strict if field.is_sound and outlines[0] != outlines[1] else None


def hop_ids(received: Sequence[bytes]) -> Iterator[str]:
    """Yield the ids that servers gave a mail, latest first (RFC 5321, 4.4).

    `received` are its unfolded Received fields. Only the `id` that a server wrote counts, not one
    in a comment or a host name, where the server's client writes what it likes. From a field that
    can't be parsed (a client's `EHLO a(b` is enough), everything that may be an id is yielded.
    """
    block = b"".join(
        b"Received: " + field[:_LONGEST_HOP] + b"\r\n" for field in received[:_MOST_HOPS]
    )
    import mailparser

    parsed: Any = mailparser.parse_from_bytes(block + b"\r\n")
    for hop in reversed(parsed.received):
        yield from str(hop.get("id", "")).split()[:1]
        yield from _ID.findall(str(hop.get("raw", "")))
