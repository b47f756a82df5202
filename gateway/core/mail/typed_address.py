"""Addresses as people type, paste and configure them: one is understood, or it is said why not.

What is understood beside the bare address (RFC 5321, 4.1.2; RFC 6531): blanks around it, `<ann@x>`,
`Ann Bos <ann@x>`, `"Bos, Ann" <ann@x>` and `mailto:ann@x?subject=…` (RFC 6068). What can't be seen
in it (a zero-width blank, a soft hyphen, a mark of direction) came by copying and is left out. All
else that is no single address is refused: taken as it stands it would never match a recipient, and
whoever typed it would believe that it does.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.core.mail.address import fits_envelope, lookup_form
from gateway.core.people.people import PersonRef
from gateway.core.written import plain, plain_name

#: Octets of an address: a path may have 256, brackets among them (RFC 5321, 4.5.3.1.3).
MAX_OCTETS = 254
_LONGEST = 2_000  #: Characters of a text that is looked at.
_SHOWN = 80  #: Characters of it that are shown.

_ANGLED = re.compile(r'\s*(?P<name>"(?:[^"\\]|\\.)*"|[^<>]*?)\s*<(?P<inner>[^<>]*)>')
_MAILTO = re.compile(r"mailto:(?://)?", re.IGNORECASE)
_PART = re.compile(r"[^\s<>()\[\],;:\"“”„«»‹›]+@[^\s<>()\[\],;:\"“”„«»‹›@]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"@(?P<domain>[^@]*)')
#: Most addresses: nothing in them needs a second look.
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]{1,30}(?:\.[A-Za-z0-9_+-]{1,20}){0,3}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,40}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,18}"
)
_SEPARATORS = ",;；，；"
QUOTES = "\"'`´“”„‟‘’‚‛«»‹›′″＂＇"
_SPECIALS = frozenset('()<>[]:;@\\," ')  #: RFC 5321, 4.1.2: only between quotes.
#: U-labels may hold these (RFC 5892, A.3 to A.8); the full stops stand for a dot.
_DOMAIN_MARKS = frozenset("·͵׳״・。．｡")
#: Default_Ignorable_Code_Point of Unicode that is of no category C: fillers, joiners, variation
#: selectors; and the blank of Braille.
_UNSEEN = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0100, 0xE01EF),
)
_EMPTY = "is empty: write an address such as ann@example.org"
#: Looked up without its quotes, `"ann@home"@x` would be taken for something else.
_HIDES = "has quotes that hide an @, a link or nothing: write it as ann@example.org"
_CONTROLS = {"\0": "NUL", "\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN"}


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """One address, without what stood around it."""

    address: str  #: As typed: its case and quoting are kept.
    name: str = ""  #: The display name; empty: there was none.

    @property
    def mailbox(self) -> str:
        """Name and address as a header field has them (RFC 5322, 3.4), in Unicode."""
        if not self.name:
            return self.address
        if re.fullmatch(r"[^()<>\[\]:;@\\,.\"]+", self.name):
            return f"{self.name} <{self.address}>"
        escaped = re.sub(r'(["\\])', r"\\\1", self.name)
        return f'"{escaped}" <{self.address}>'


@dataclass(frozen=True, slots=True)
class NotAnAddress:
    """A text that is not one address."""

    text: str  #: As it may be shown: short, and nothing in it unseen.
    fault: str  #: What is wrong, and the cure: `has no @: write it as ann@example.org`.
    parts: tuple[str, ...] = ()  #: What in it looks like an address, each once.

    def __str__(self) -> str:
        """Say it in one line."""
        return f"not a mail address: {self.text} {self.fault}"


def read_address(text: str) -> TypedAddress | NotAnAddress:
    """Return the one address a text names, or what keeps it from being one."""
    if is_plain(text):
        return TypedAddress(text)
    written = _without_blanks_around(plain_name(text))
    if not written:
        return _refused(text, _EMPTY)
    if len(written) > _LONGEST:
        return _refused(text, f"has more than {_LONGEST} characters: give one address at a time")
    try:
        return _read(written)
    except _FaultError as error:
        return _refused(text, error.fault)


def read_person_or_address(text: str) -> PersonRef | TypedAddress | NotAnAddress:
    """Return the person of `candidate:17`, else the one address a text names, or what is wrong."""
    try:
        return PersonRef.parse(text.strip())
    except ValueError:
        return read_address(text)


def is_plain(text: str) -> bool:
    """Whether a text is a usual address and nothing else, told at once."""
    return _PLAIN.fullmatch(text) is not None


def parts_like_addresses(text: str) -> tuple[str, ...]:
    """Return what looks like an address in a text, each once, in its order."""
    found: dict[str, str] = {}
    for part in _PART.findall(text[:_LONGEST]):
        bare = part.strip(QUOTES + ".")
        found.setdefault(lookup_form(bare), bare)
    return tuple(found.values())


def can_be_recipient(lookup: str) -> bool:
    """Whether a recipient of an envelope can have an address stored in lookup form.

    `<ann@example.org>` and `mailto:ann@example.org`, stored as they stood, are nobody's. What
    needs quotes in an envelope is stored without them: `"ann bos"@x` as `ann bos@x`.
    """
    if _PLAIN.fullmatch(lookup) and lookup.islower():
        return True
    found = read_address(lookup)
    if isinstance(found, TypedAddress):
        return found.address == lookup and lookup_form(lookup) == lookup
    local, _, domain = lookup.rpartition("@")
    if not local or "@" in local or next(_unseen(lookup, blanks=False), None) is not None:
        return False
    escaped = re.sub(r'(["\\])', r"\\\1", local)
    quoted = f'"{escaped}"@{domain}'
    return not _quoted_fault(quoted, domain) and lookup_form(quoted) == lookup


class _FaultError(Exception):
    """What is wrong with a text."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


def _refused(text: str, fault: str) -> NotAnAddress:
    return NotAnAddress(_shown(text), fault, parts_like_addresses(plain(text)))


def _read(text: str) -> TypedAddress:
    """Read a text without blanks around it."""
    if "<" in text or ">" in text:
        return _angled(text)
    bare = plain(text)
    _check_seen(bare, blanks=True)
    return TypedAddress(_checked(_without_mailto(bare)))


def _angled(text: str) -> TypedAddress:
    """Read `Name <address>`."""
    _check_seen(plain(text), blanks=False)
    found = _ANGLED.fullmatch(text)
    if found is None:
        raise _FaultError(
            _several(text)
            or _at_the_ends(text)
            or "has brackets that don't belong together: write Ann Bos <ann@example.org>"
        )
    inner = plain(found["inner"])
    if not inner:
        raise _FaultError("names nobody between < and >: write <ann@example.org>")
    _check_seen(inner, blanks=True)
    address = _checked(_without_mailto(inner))
    return TypedAddress(address, _name(found["name"], address))


def _name(given: str, address: str) -> str:
    """Return the display name before an address; none where it only repeats the address."""
    name = " ".join(given.split())
    if is_quoted := len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    elif name.count('"') % 2:
        raise _FaultError('has a quote " without its second: leave it out')
    parts = parts_like_addresses(name)
    if any(lookup_form(part) != lookup_form(address) for part in parts):
        raise _FaultError(_one_at_a_time((*parts, address)))
    if ";" in name and not is_quoted:
        raise _FaultError("names several with “;” between them: give one at a time")
    return "" if parts else name


def _without_mailto(text: str) -> str:
    """Return the address of a link; its header fields (`?subject=…`) say nothing of it."""
    found = _MAILTO.match(text)
    if found is None:
        return text
    decoded = unquote(text[found.end() :].partition("?")[0], errors="surrogateescape")
    link = _without_blanks_around(plain(decoded))
    _check_seen(link, blanks=True)
    return link


def _checked(address: str) -> str:
    if fault := _fault(address):
        raise _FaultError(fault)
    return address


def _fault(address: str) -> str:
    """Return what keeps a text without brackets from being an address; empty: nothing."""
    quoted = _QUOTED.fullmatch(address)
    if quoted is not None:
        if fault := _quoted_fault(address, quoted["domain"]):
            return fault
        return "" if can_be_recipient(lookup_form(address)) else _HIDES
    if not address:
        return _EMPTY
    if fault := _several(address) or _at_the_ends(address):
        return fault
    local, at, domain = address.rpartition("@")
    if not at:
        return _without_at(address)
    return (
        _local_fault(local) or _domain_fault(domain) or _length_fault(address)
        or _grammar_fault(address)
    )  # fmt: skip


def _quoted_fault(address: str, domain: str) -> str:
    return _domain_fault(domain) or _length_fault(address) or _grammar_fault(address)


def _several(text: str) -> str:
    parts = parts_like_addresses(text)
    return _one_at_a_time(parts) if len(parts) > 1 else ""


def _one_at_a_time(parts: tuple[str, ...]) -> str:
    named = " and ".join(map(_shown, parts[:2]))
    more = f" and {len(parts) - 2} more" if len(parts) > 2 else ""
    return f"names several addresses, {named}{more}: give one at a time"


def _at_the_ends(text: str) -> str:
    """Return what stands before or behind an address and is no part of it."""
    for where, char in (("ends in", text[-1]), ("begins with", text[0])):
        if char in _SEPARATORS:
            return f"{where} “{char}”: leave it out"
    for where, char in (("begins with", text[0]), ("ends in", text[-1])):
        if char in QUOTES:
            return f"{where} the quote {_named(char)}: leave the quotes out"
    return ""


def _without_at(text: str) -> str:
    for char in text:
        if char != "@" and unicodedata.normalize("NFKC", char) == "@":
            return f"has {_named(char)} in the place of @: type @"
    return "has no @: write it as ann@example.org"


def _local_fault(local: str) -> str:
    if not local:
        return "has nothing before the @: write it as ann@example.org"
    if "@" in local:
        return "has two @: one is too many"
    for char in local:
        if char in _SPECIALS or (not char.isascii() and not _is_letter_like(char)):
            return _cant_stand(char, "before the @")
    return ""


def _domain_fault(domain: str) -> str:
    if not domain:
        return "has nothing behind the @: write it as ann@example.org"
    if domain[0] == "[":
        return ""  # An address literal (RFC 5321, 4.1.3): the envelope's own grammar tells.
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


def _length_fault(address: str) -> str:
    octets = len(address.encode(errors="replace"))
    if octets <= MAX_OCTETS:
        return ""
    return f"has {octets} octets, an address has {MAX_OCTETS} at most: is it one address?"


def _grammar_fault(address: str) -> str:
    """Ask the grammar that recipients of envelopes are read by: what it refuses never matches."""
    if fits_envelope(address):
        return ""
    return "can't be the recipient of a mail: write it as ann@example.org"


def _cant_stand(char: str, where: str) -> str:
    if char.isspace():
        return f"has a blank {where}: leave it out"
    if char in QUOTES:
        return f"has the quote {_named(char)} {where}: leave it out, or type a plain '"
    return f"has {_named(char)} {where}, which can't stand there: leave it out"


def _is_letter_like(char: str) -> bool:
    """Whether a character beyond ASCII can stand in a local part (RFC 6531, 3.3).

    No quote, and nothing whose compatible form is a special: `；` is `;` once it is looked up.
    """
    if char in QUOTES:
        return False
    return not _SPECIALS.intersection(unicodedata.normalize("NFKC", char))


def _is_in_label(char: str) -> bool:
    """Whether a character beyond ASCII can stand in a U-label: a letter, a mark, an emoji.

    Not `℀`, which is `a/c` once it is looked up.
    """
    category = unicodedata.category(char)
    compatible = unicodedata.normalize("NFKC", char)
    is_harmless = all(not one.isascii() or one.isalnum() for one in compatible)
    return not char.isascii() and (category[0] in "LMN" or category == "So") and is_harmless


def _check_seen(text: str, *, blanks: bool) -> None:
    """Refuse what can't be seen; `blanks`: other blanks than the usual one count too."""
    for char in _unseen(text, blanks=blanks):
        if unicodedata.category(char) == "Cs":  # An octet of the command line, see PEP 383.
            raise _FaultError("is not UTF-8: type it again")
        raise _FaultError(
            f"has {_named(char)} in it, which can't be seen: type the address again, don't paste it"
        )


def _unseen(text: str, *, blanks: bool) -> Iterator[str]:
    if text.isascii() and text.isprintable():
        return
    for char in text:
        category = unicodedata.category(char)
        is_blank = category == "Zs"
        if is_blank and (char == " " or not blanks):
            continue
        if is_blank or _is_unseen(char):
            yield char


def _is_unseen(char: str) -> bool:
    category = unicodedata.category(char)
    is_ignorable = any(first <= ord(char) <= last for first, last in _UNSEEN)
    return is_ignorable or category[0] == "C" or category in ("Zl", "Zp")


def _without_blanks_around(text: str) -> str:
    """Return a text without blanks, tabs and line ends around it; nothing else unseen goes."""
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while start < end and _is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_blank(char: str) -> bool:
    return char in " \t\r\n" or (not char.isascii() and unicodedata.category(char) == "Zs")


def _named(char: str) -> str:
    """Return a character by what can be seen of it: `“ (U+201C LEFT DOUBLE QUOTATION MARK)`."""
    if char.isascii() and char.isprintable():
        return f"“{char}”"
    name = unicodedata.name(char, "") or _CONTROLS.get(char, "CONTROL CHARACTER")
    code = f"U+{ord(char):04X} {name}"
    return code if _is_unseen(char) or char.isspace() else f"{char} ({code})"


def _shown(text: str) -> str:
    """Return a text such that all of it is seen, on one line and not long."""
    unseen = set(_unseen(text[:_SHOWN], blanks=True))
    seen = "".join(f"\\u{ord(char):04x}" if char in unseen else char for char in text[: _SHOWN + 1])
    return f"“{seen[:_SHOWN]}…”" if len(text) > _SHOWN else f"“{seen}”"
