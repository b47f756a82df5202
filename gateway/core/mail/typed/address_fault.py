"""Why a text without brackets is not one address, with the remedy."""

import re
import unicodedata

from gateway.core.mail.address import fits_envelope, lookup_form
from gateway.core.mail.typed.characters import QUOTES, SEPARATORS, character_name, in_quotes

#: Octets of an address: a path may have 256 including brackets (RFC 5321, 4.5.3.1.3).
MAX_OCTETS = 254
EMPTY = "is empty: write an address such as ann@example.org"
LONGEST = 2_000  #: Characters of a text that are examined.

_NO_PART = rf"\s<>()\[\]:\"“”„«»‹›{SEPARATORS}"
_PART = re.compile(f"[^{_NO_PART}]+@[^{_NO_PART}@]+")
_SPECIALS = frozenset('()<>[]:;@\\," ')  #: RFC 5321, 4.1.2: only in quotes.
#: Allowed in U-labels (RFC 5892, A.3 to A.8); the full stops count as a dot.
_DOMAIN_MARKS = frozenset("·͵׳״・。．｡")


def parts_like_addresses(text: str) -> tuple[str, ...]:
    """Return what looks like an address in a text, each once, in order."""
    parts: dict[str, str] = {}
    for part in _PART.findall(text[:LONGEST]):
        bare = part.strip(QUOTES + ".")
        parts.setdefault(lookup_form(bare), bare)
    return tuple(parts.values())


def several_addresses(text: str) -> str:
    """Return the fault of a text that names several addresses; empty if it doesn't."""
    parts = parts_like_addresses(text)
    return one_at_a_time(parts) if len(parts) > 1 else ""


def one_at_a_time(parts: tuple[str, ...]) -> str:
    """Return the fault for several addresses where one is expected."""
    first_two = " and ".join(map(in_quotes, parts[:2]))
    more = f" and {len(parts) - 2} more" if len(parts) > 2 else ""
    return f"names several addresses, {first_two}{more}: give one at a time"


def at_the_ends(text: str) -> str:
    """Return the fault of extra characters before or after an address: a comma, a quote."""
    for where, char in (("ends in", text[-1]), ("begins with", text[0])):
        if char in SEPARATORS:
            return f"{where} “{char}”: leave it out"
    for where, char in (("begins with", text[0]), ("ends in", text[-1])):
        if char in QUOTES:
            return f"{where} the quote {character_name(char)}: leave the quotes out"
    return ""


def fault_of_unquoted(address: str) -> str:
    """Return what is wrong with an unquoted address like `ann@example.org`; empty: nothing."""
    if not address:
        return EMPTY
    if fault := several_addresses(address) or at_the_ends(address):
        return fault
    local, at, domain = address.rpartition("@")
    if not at:
        for char in address:
            if unicodedata.normalize("NFKC", char) == "@":
                return f"has {character_name(char)} in the place of @: type @"
        return "has no @: write it as ann@example.org"
    return fault_of_local_part(local) or fault_of_quoted(address, domain)


def fault_of_quoted(address: str, domain: str) -> str:
    """Return what is wrong with `"ann bos"@example.org` after the quotes, or as a whole."""
    if fault := fault_of_domain(domain):
        return fault
    octets = len(address.encode(errors="replace"))
    if octets > MAX_OCTETS:
        return f"has {octets} octets, an address has {MAX_OCTETS} at most: is it one address?"
    # The grammar for envelope recipients: what it refuses never matches.
    if not fits_envelope(address):
        return "can't be the recipient of a mail: write it as ann@example.org"
    return ""


def fault_of_local_part(local: str) -> str:
    """Return what is wrong before the @ (RFC 5321, 4.1.2; RFC 6531, 3.3); empty: nothing."""
    if not local:
        return "has nothing before the @: write it as ann@example.org"
    if "@" in local:
        return "has two @: one is too many"
    for char in local:
        # `；` becomes `;` in a lookup: the compatibility form counts.
        hides_special = _SPECIALS.intersection(unicodedata.normalize("NFKC", char))
        is_slip = char in QUOTES or char in SEPARATORS or hides_special
        if char in _SPECIALS or (not char.isascii() and is_slip):
            return _cant_stand(char, "before the @")
    return ""


def fault_of_domain(domain: str) -> str:
    """Return what is wrong after the @; empty: nothing, or it is an address literal."""
    if not domain:
        return "has nothing behind the @: write it as ann@example.org"
    if domain[0] == "[":
        return ""  # An address literal (RFC 5321, 4.1.3): the envelope grammar checks it.
    for char in domain:
        is_usual = char.isascii() and (char.isalnum() or char in "-._")
        if not (is_usual or char in _DOMAIN_MARKS or _is_in_label(char)):
            return _cant_stand(char, "behind the @")
    labels = re.sub("[。．｡]", ".", domain).removesuffix(".").split(".")
    if not all(labels):
        return "has a dot too many behind the @: leave it out"
    if any(label[0] == "-" or label[-1] == "-" for label in labels):
        return "has a hyphen at the edge of a name behind the @: leave it out"
    return ""


def _is_in_label(char: str) -> bool:
    """Whether a U-label may contain this non-ASCII character: a letter, a mark, an emoji.

    Not `℀`, which becomes `a/c` in a lookup.
    """
    category = unicodedata.category(char)
    compatible = unicodedata.normalize("NFKC", char)
    is_harmless = all(not letter.isascii() or letter.isalnum() for letter in compatible)
    return not char.isascii() and (category[0] in "LMN" or category == "So") and is_harmless


def _cant_stand(char: str, where: str) -> str:
    if char.isspace():
        return f"has a blank {where}: leave it out"
    if char in QUOTES:
        return f"has the quote {character_name(char)} {where}: leave it out, or type a plain '"
    return f"has {character_name(char)} {where}, which can't stand there: leave it out"
