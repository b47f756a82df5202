"""Envelope addresses: a strict grammar on octets, and the one form used for lookups."""

import re
import unicodedata
from collections.abc import Iterator

from gateway.core.quick_values import quick_value
from gateway.core.written import visible_text

_ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]"
_QUOTED = rb'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\x20-\x7e])*"'
_LABEL = rb"[A-Za-z0-9_\x80-\xff](?:[A-Za-z0-9_\x80-\xff-]*[A-Za-z0-9_\x80-\xff])?"
_DOMAIN = rb"(?:" + _LABEL + rb")(?:\." + _LABEL + rb")*\.?"
_LITERAL = rb"\[[\x21-\x5a\x5e-\x7e]+\]"
_ROUTE = rb"(?:@" + _DOMAIN + rb")(?:,@" + _DOMAIN + rb")*:"
_LOCAL = rb"(?:" + _ATEXT + rb"+|" + _QUOTED + rb")"
_MAILBOX = _LOCAL + rb"@(?:" + _DOMAIN + rb"|" + _LITERAL + rb")"

#: A path as in RFC 5321 (4.1.2), with or without brackets; dots may be anywhere in the local part,
#: because real mailboxes have them (RFC 5321 forbids `a..b@example.org`, but carriers assigned such
#: addresses).
PATH = re.compile(
    rb"<(?:" + _ROUTE + rb")?(?P<mailbox>" + _MAILBOX + rb"|(?i:postmaster))>"
    rb"|(?P<bare>" + _MAILBOX + rb")(?=[ \t]|\Z)"
    rb"|(?P<null><>)"
)
_MAX_LOCAL = 255
_MAX_DOMAIN = 255
_DOTS = str.maketrans("。．｡", "...")


@quick_value()
class Path:
    """An envelope address: the octets as received and the mailbox they name."""

    raw: bytes  #: With brackets and source route, as sent to the relay.
    address: str  #: Just the mailbox; empty for the null sender `<>`.

    @property
    def is_ascii(self) -> bool:
        """Whether it can be sent without SMTPUTF8 (RFC 6531)."""
        return self.raw.isascii()


def parse_path(octets: bytes) -> tuple[Path, bytes] | None:
    """Split a path off the start of MAIL's or RCPT's argument; None if there is none."""
    path = PATH.match(octets)
    if path is None:
        return None
    mailbox = path["mailbox"] or path["bare"] or b""
    try:
        address = mailbox.decode()
    except UnicodeDecodeError:
        return None
    local, _, domain = mailbox.rpartition(b"@")
    if len(local) > _MAX_LOCAL or len(domain) > _MAX_DOMAIN:
        return None
    return Path(path[0], address), octets[path.end() :]


def fits_envelope(address: str) -> bool:
    """Whether an address can be an envelope recipient as it is."""
    parsed = parse_path(f"<{address}>".encode(errors="replace"))
    return parsed is not None and not parsed[1] and parsed[0].address == address


def lookup_form(address: str, *, plus_addresses: bool = False) -> str:
    """Return the one form in which an address is stored and looked up.

    Unquoted, case-folded, without invisible characters, the domain as A-labels without a trailing
    dot; with `plus_addresses` the local part is cut at its first `+`.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return address.strip().casefold()
    if address.isascii():
        local, domain = local.lower(), domain.lower()
    else:
        local = unicodedata.normalize(
            "NFKC", unicodedata.normalize("NFKC", visible_text(local)).casefold()
        )
    if local[:1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1] if local.endswith('"') else local[1:])
    if plus_addresses and "+" in local[1:]:
        local = local[: local.index("+", 1)]
    if domain.isascii() and "xn--" not in domain.lower():  # Nearly always.
        return f"{local}@{domain.lower().rstrip('.')}"
    labels = (
        unicodedata.normalize("NFKC", visible_text(domain)).translate(_DOTS).rstrip(".").split(".")
    )
    return f"{local}@{'.'.join(map(a_label, labels))}"


def a_label(label: str) -> str:
    """Return the A-label (RFC 5890), the same for any case and normal form of the U-label."""
    if label.lower().startswith("xn--"):
        try:
            label = label[4:].encode("ascii").decode("punycode")
        except UnicodeError:
            return label.lower()
    folded = unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFKC", visible_text(label)).lower()
    )
    if folded.isascii():
        return folded
    return "xn--" + folded.encode("punycode").decode("ascii")


def readable(address: str) -> str:
    """Return an address for people, with the A-labels of its domain as U-labels.

    Only where that can be reversed: any other `xn--` label is left alone.

    >>> readable("bob@xn--bcher-kva.example")
    'bob@bücher.example'
    """
    local, at, domain = address.rpartition("@")
    if "xn--" not in domain:
        return address
    return f"{local}{at}{'.'.join(map(_u_label, domain.split('.')))}"


def _u_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return text if text.isprintable() and "." not in text and a_label(text) == label else label


def domains_of(address: str) -> Iterator[str]:
    """Yield the domain of an address, then each that it is part of: `a.example.org`, `example.org`.

    Nothing for an address without a domain.
    """
    domain = domain_of(address)
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def domain_of(address: str) -> str:
    """Return the domain of an address in lookup form; empty if there is none."""
    _, at, domain = lookup_form(address).rpartition("@")
    return domain if at else ""
