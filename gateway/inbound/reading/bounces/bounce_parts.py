"""A bounce, split into its parts."""

import binascii
import quopri
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message

from gateway.core.mail.automatic import is_rejection
from gateway.core.mail.headers import decode_value, mailboxes_in
from gateway.core.mail.transfer_encoding import transfer_encoding
from gateway.inbound.reading.markup import read_page
from gateway.inbound.reading.texts import children, decoded_text

_MOST_PARTS = 200
_LONGEST = 1_000
_LONGEST_NOTICE = 300_000  #: Characters; Amazon's notifications have 256 KiB at most.
_MOST_PAGES = 5
#: A non-ASCII letter in an address of type utf-8 (RFC 6533, 3): `\x{e4}nn@example.org`.
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,5}|10[0-9A-Fa-f]{4})\}")
#: `ann@example.org (Ann Roe)` (RFC 3464, 2.1.1).
_COMMENT_AFTER = re.compile(r"(?<=\S)\s+\([^()]*\)\s*\Z")
_BRACKETED = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,255})>\s*\Z")
STATUSES = ("message/delivery-status", "message/global-delivery-status")
_RECEIPT = "message/disposition-notification"
_ORIGINALS = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceParts:
    """A bounce, split into its parts."""

    mail: Message
    notice: str  #: The part written for people.
    groups: Sequence[Message] = ()  #: The fields about each recipient in a delivery report.
    feedback: Message | None = None  #: The fields of a complaint (RFC 5965).
    #: The fields of a receipt by which a Sieve script reports a rejection.
    rejection: Message | None = None
    original: Message | None = None  #: The returned mail, or its header.


def take_apart(mail: Message) -> BounceParts:
    """Return the parts of a bounce."""
    plain: list[str] = []
    pages: list[str] = []
    groups: list[Message] = []
    feedback = rejection = original = None
    is_rejected = is_rejection(lambda name: str(mail.get(name, "")))
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            break
        part = stack.pop()
        # If the semicolon is missing and the field is folded, Python takes `text/plain` and
        # `charset=…` for one word.
        kind = part.get_content_type().split()[0]
        if part.get_content_maintype() == "multipart":
            stack += reversed(children(part))
        elif kind == "text/plain":
            plain.append(decoded_text(part))
        elif kind == "text/html":
            pages.append(decoded_text(part))
        elif kind in STATUSES:
            groups += status_groups(part)
        elif kind == "message/feedback-report":
            feedback = mail_in(part) or read_fields(decoded_text(part))
        elif kind == _RECEIPT and is_rejected:
            rejection = mail_in(part) or read_fields(decoded_text(part))
        elif kind in _ORIGINALS and original is None:
            original = mail_in(part) or read_fields(decoded_text(part))
    notice = "\n".join(plain)[:_LONGEST_NOTICE]
    if not notice.strip():
        texts = (read_page(page[:_LONGEST_NOTICE]).bare_text() for page in pages[:_MOST_PAGES])
        notice = "\n".join("\n".join(lines) for lines in texts)[:_LONGEST_NOTICE]
    if not (notice.strip() or groups or feedback):
        notice = unparsed_body(mail)[:_LONGEST_NOTICE]
    return BounceParts(
        mail=mail,
        notice=notice,
        groups=groups,
        feedback=feedback,
        rejection=rejection,
        original=original,
    )


def status_groups(part: Message) -> list[Message]:
    """Return the blocks of fields in a delivery report: one about the message, one per recipient.

    Python's parser only supports message/delivery-status, and only if it isn't encoded. It takes
    message/global-delivery-status (RFC 6533) for a mail: the first block becomes its header, the
    others its text.
    """
    return [group for block in _blocks_of_status(part) for group in _one_recipient_each(block)]


def _one_recipient_each(block: Message) -> list[Message]:
    """Split a block of fields if a server left out the empty line (AOL, Bounce.io).

    Each recipient begins with its first address field, of which `Original-Recipient` is the first
    where there are both (RFC 3464, 2.3).
    """
    if len(block.get_all("final-recipient", ())) < 2:
        return [block]
    groups = [Message()]
    for name, value in block.raw_items():
        group = groups[-1]
        is_address = name.casefold() in ("original-recipient", "final-recipient")
        # `Final-Recipient`, `Action`, `Status`, `Original-Recipient`: that is the next one's.
        is_whole = "final-recipient" in group and "action" in group and "status" in group
        if is_address and (name in group or is_whole):
            groups.append(Message())
        groups[-1][name] = value
    return groups


def mail_in(part: Message) -> Message | None:
    """Return the mail, or the fields, in a part of type message/…; None if it has none.

    Python's parser doesn't decode such a part, though some receivers encode it: RFC 2045, 6.4
    forbids that, RFC 6532 allows it.
    """
    if part.get_content_maintype() == "message" and _encoding_of(part):
        return message_from_bytes(_octets_of(part).lstrip(b"\r\n"))
    return next(iter(children(part)), None)


def _blocks_of_status(part: Message) -> list[Message]:
    if part.get_content_type() == "message/delivery-status" and not _encoding_of(part):
        return children(part)
    text = _octets_of(part).decode("utf-8", "replace").replace("\r\n", "\n")
    return [read_fields(block) for block in re.split(r"\n[ \t]*\n", text) if block.strip()]


def _encoding_of(part: Message) -> str:
    """Return a part's transfer encoding; empty if it isn't encoded."""
    encoding = transfer_encoding(part)
    return encoding if encoding in ("base64", "quoted-printable") else ""


def _octets_of(part: Message) -> bytes:
    """Return the decoded content of a part of type message/…, from what the parser made of it."""
    pieces = []
    for block in children(part):
        fields = "".join(f"{name}: {value}\n" for name, value in block.raw_items())
        pieces.append(fields.encode("utf-8", "surrogateescape"))
        payload = block.get_payload(decode=True)
        pieces.append(payload if isinstance(payload, bytes) else b"")
    octets = b"\n".join(pieces)
    encoding = _encoding_of(part)
    if encoding == "base64":
        # What can't be decoded wasn't base64 in the first place.
        with suppress(binascii.Error):
            octets = binascii.a2b_base64(octets)
    elif encoding:
        octets = quopri.decodestring(octets)
    return octets


def recipients_of(original: Message) -> list[str]:
    fields = [str(original.get(name, "")) for name in ("to", "cc")]
    return [address for _, address in mailboxes_in(fields) if "@" in address]


def unparsed_body(mail: Message) -> str:
    """Return the body of a mail that can't be split: its boundary isn't the declared one."""
    payload = mail.get_payload()
    parts = [payload] if isinstance(payload, str) else map(str, children(mail))
    text = "\n".join(parts) or f"{mail.preamble or ''}{mail.epilogue or ''}"
    return text.replace("=\n", "")


def read_fields(text: str) -> Message:
    """Parse lines as fields; anything else continues the line above."""
    lines = text.strip("\r\n").splitlines()
    folded = (line if re.match(r"[\w-]+:", line) else f" {line.strip()}" for line in lines)
    return message_from_string("\n".join(folded) + "\n\n")


def field(group: Message, name: str) -> str:
    octets = str(group.get(name, "")).encode("utf-8", "surrogateescape")
    return on_one_line(decode_value(octets))


def address_in(value: str) -> str:
    """Return the address of a field such as `rfc822; ann@b.example` or `Ann <ann@b.example>`."""
    address = value.partition(";")[2].strip() or value.strip()
    address = _COMMENT_AFTER.sub("", address)
    bracketed = _BRACKETED.search(address)
    address = bracketed[1] if bracketed else address.strip("<> ")
    return _UNICODE.sub(lambda code: chr(int(code[1], 16)), address)


def on_one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
