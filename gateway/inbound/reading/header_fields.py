"""Fields of a header taken apart as RFC 5322 and RFC 5321 say: the work of mail-parser.

It knows groups, comments, routes, quoted local parts and literals, takes no address out of a name,
and says where a field isn't as the RFC has it. Then, and for what people call each other, there is
`core.replies.forwarded`, which reads what mail programs write: `Doe, John <j@x>; b@y`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gateway.core.mail.headers import decoded
from gateway.core.replies.forwarded.mailboxes import (
    Mailbox,
    parse_agent,
    parse_mailbox,
    parse_mailboxes,
)

#: What `parse_mailboxes` divides otherwise than the RFC: comments, groups, routes, literals, quoted
#: local parts, blanks around `@`. A field without is read by it alone, in a sixth of the time.
_STRUCTURE = re.compile(r'[():\[\\]|"[ \t]*[@.]|[@.][ \t]*"|[ \t]@|@[ \t]')
#: What most mails have, one address and beside it words that mean nothing else: it is read in a
#: fiftieth of the time. `"Ann Roe" <ann.roe@example.org>`
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
    """What stands in an address field."""

    mailboxes: tuple[Mailbox, ...]
    is_sound: bool  #: Whether all of it is as RFC 5322 has it, so that nothing was left out.


def read_address_field(value: bytes) -> AddressField:
    """Take an unfolded address field apart, in UTF-8 or else Latin-1.

    Encoded words count as names wherever they are quoted: many programs quote them, and all show
    what they hold.
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
        name = decoded(name.encode("utf-8", "replace")) if "=?" in name else name
        mailboxes.append(Mailbox(name, str(address)))
    return AddressField(tuple(mailboxes), not parsed.address_header_defects)


def mailboxes_in(text: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes of an address field whose encoded words are decoded and quoted."""
    spoken = parse_mailboxes(text, is_field=True)
    strict = _divided(text, spoken)
    return spoken if strict is None else strict


def sender_in(text: str) -> Mailbox | None:
    """Return the first mailbox of a From field, or on whose behalf it was sent."""
    strict = _divided(text, parse_mailboxes(text, is_field=True))
    if strict is None or parse_agent(text, is_field=True) is not None:
        return parse_mailbox(text, is_field=True)
    return next(iter(strict), None)


def _divided(text: str, spoken: tuple[Mailbox, ...]) -> tuple[Mailbox, ...] | None:
    """Return the mailboxes the RFC finds; None where they are those `spoken` or it finds no sense.

    Where it finds the same people, their names are better spelt there: `Ann (Annie) Roe`.
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
    """Yield the ids that servers gave a mail, the latest first, of unfolded fields (RFC 5321, 4.4).

    The `id` a server wrote, not one in a comment or a name, where its client writes what it likes.
    Of a field that can't be divided so, as a client's `EHLO a(b` makes them, whatever may be one.
    """
    block = b"".join(
        b"Received: " + field[:_LONGEST_HOP] + b"\r\n" for field in received[:_MOST_HOPS]
    )
    import mailparser

    parsed: Any = mailparser.parse_from_bytes(block + b"\r\n")
    for hop in reversed(parsed.received):
        yield from str(hop.get("id", "")).split()[:1]
        yield from _ID.findall(str(hop.get("raw", "")))
