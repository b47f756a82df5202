"""Addresses as people type, paste and configure them: understood, or refused with the reason.

Besides a bare address (RFC 5321, 4.1.2; RFC 6531), these are accepted: surrounding spaces,
`<ann@x>`, `Ann Bos <ann@x>`, `"Bos, Ann" <ann@x>` and `mailto:ann@x?subject=…` (RFC 6068).
Invisible characters (a zero-width space, a soft hyphen, a direction mark) come from copying and are
removed; references of HTML (`O&#039;Brien@x`, `&lt;ann@x&gt;`) are resolved where the text is no
address as it stands. Anything else that isn't a single address is refused: stored as typed, it
would never match a recipient, though the person who typed it believes it does.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from urllib.parse import unquote

from gateway.core.mail.address import lookup_form
from gateway.core.mail.typed.address_fault import (
    EMPTY,
    LONGEST,
    at_the_ends,
    fault_of_quoted,
    fault_of_unquoted,
    one_at_a_time,
    parts_like_addresses,
    several_addresses,
)
from gateway.core.mail.typed.characters import (
    character_name,
    in_quotes,
    invisible_characters,
    without_blanks_around,
)
from gateway.core.mail.typed.html_references import without_references
from gateway.core.people.people import PersonRef
from gateway.core.written import plain, plain_name

_ANGLED = re.compile(r'\s*(?P<name>"(?:[^"\\]|\\.)*"|[^<>]*?)\s*<(?P<inner>[^<>]*)>')
_MAILTO = re.compile(r"mailto:(?://)?", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"@(?P<domain>[^@]*)')
#: Most addresses: no closer look needed.
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]{1,30}(?:\.[A-Za-z0-9_+-]{1,20}){0,3}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,40}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,18}"
)
#: Without its quotes, as in a lookup, `"ann@home"@x` would be taken for something else.
_HIDES = "has quotes that hide an @, a link or nothing: write it as ann@example.org"


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """One address, without what surrounded it."""

    address: str  #: As typed: its case and quoting are kept.
    name: str = ""  #: The display name; empty if there was none.

    @property
    def mailbox(self) -> str:
        """Name and address in the form of a header field (RFC 5322, 3.4), in Unicode."""
        if not self.name:
            return self.address
        if re.fullmatch(r"[^()<>\[\]:;@\\,.\"]+", self.name):
            return f"{self.name} <{self.address}>"
        escaped = re.sub(r'(["\\])', r"\\\1", self.name)
        return f'"{escaped}" <{self.address}>'


@dataclass(frozen=True, slots=True)
class NotAnAddress:
    """A text that is not one address."""

    text: str  #: For display: short, and everything in it visible.
    fault: str  #: What is wrong, and the remedy: `has no @: write it as ann@example.org`.

    def __str__(self) -> str:
        """Return it on one line."""
        return f"not a mail address: {self.text} {self.fault}"


def read_address(text: str) -> TypedAddress | NotAnAddress:
    """Return the one address in a text, or why there isn't one."""
    read = read_as_written(text)
    if isinstance(read, TypedAddress) or len(text) > LONGEST:
        return read
    resolved = without_references(text)
    if resolved == text:
        return read
    reading = read_as_written(resolved)
    return reading if isinstance(reading, TypedAddress) else replace(reading, text=read.text)


def read_as_written(text: str) -> TypedAddress | NotAnAddress:
    """Return the same for a text in which `&lt;` is just that."""
    if is_plain(text):
        return TypedAddress(text)
    written = without_blanks_around(plain_name(text))
    try:
        if not written:
            raise _FaultError(EMPTY)
        if len(written) > LONGEST:
            raise _FaultError(f"has more than {LONGEST} characters: give one address at a time")
        if "<" in written or ">" in written:
            return _read_angled(written)
        return TypedAddress(_read_bare(plain(written)))
    except _FaultError as error:
        return NotAnAddress(in_quotes(text), error.fault)


def name_and_address(mailbox: str) -> tuple[str, str]:
    """Return name and address of a mailbox as configured; empty if there is none.

    Not by `email.utils.parseaddr`, which finds nothing in `postmaster@[192.0.2.1]` since Python
    3.11.10 (its repair of CVE-2023-27043).
    """
    read = read_address(mailbox)
    return (read.name, read.address) if isinstance(read, TypedAddress) else ("", "")


def read_person_or_address(text: str) -> PersonRef | TypedAddress | NotAnAddress:
    """Return the person in `candidate:17`, else the one address in a text, or what is wrong."""
    try:
        return PersonRef.parse(text.strip())
    except ValueError:
        return read_address(text)


def is_plain(text: str) -> bool:
    """Whether a text is a usual address and nothing else; a quick check."""
    return _PLAIN.fullmatch(text) is not None


def can_be_recipient(lookup: str) -> bool:
    """Whether an envelope recipient can have this address, stored in lookup form.

    `<ann@example.org>` and `mailto:ann@example.org`, stored as they are, match nobody. Addresses
    that need quotes in an envelope are stored without them: `"ann bos"@x` as `ann bos@x`.
    """
    if _PLAIN.fullmatch(lookup) and lookup.islower():
        return True
    typed = read_as_written(lookup)
    if isinstance(typed, TypedAddress):
        return typed.address == lookup and lookup_form(lookup) == lookup
    local, _, domain = lookup.rpartition("@")
    if (
        not local
        or "@" in local
        or next(invisible_characters(lookup, blanks=False), None) is not None
    ):
        return False
    escaped = re.sub(r'(["\\])', r"\\\1", local)
    quoted = f'"{escaped}"@{domain}'
    return not fault_of_quoted(quoted, domain) and lookup_form(quoted) == lookup


class _FaultError(Exception):
    """What is wrong with a text."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


def _read_angled(text: str) -> TypedAddress:
    """Parse `Name <address>`; a name that only repeats the address is dropped."""
    _check_seen(plain(text), blanks=False)
    match = _ANGLED.fullmatch(text)
    if match is None:
        raise _FaultError(
            several_addresses(text)
            or at_the_ends(text)
            or "has brackets that don't belong together: write Ann Bos <ann@example.org>"
        )
    inner = plain(match["inner"])
    if not inner:
        raise _FaultError("names nobody between < and >: write <ann@example.org>")
    address = _read_bare(inner)

    name = " ".join(match["name"].split())
    if is_quoted := len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    elif name.count('"') % 2:
        raise _FaultError('has a quote " without its second: leave it out')
    parts = parts_like_addresses(name)
    if any(lookup_form(part) != lookup_form(address) for part in parts):
        raise _FaultError(one_at_a_time((*parts, address)))
    if ";" in name and not is_quoted:
        raise _FaultError("names several with “;” between them: give one at a time")
    return TypedAddress(address, "" if parts else name)


def _read_bare(text: str) -> str:
    """Return the address in a text without brackets, or in a link."""
    _check_seen(text, blanks=True)
    if link := _MAILTO.match(text):
        # Its header fields (`?subject=…`) don't concern the address.
        path = unquote(text[link.end() :].partition("?")[0], errors="surrogateescape")
        text = without_blanks_around(plain(path))
        _check_seen(text, blanks=True)
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        fault = fault_of_unquoted(text)
    else:
        fault = fault_of_quoted(text, quoted["domain"])
        if not fault and not can_be_recipient(lookup_form(text)):
            fault = _HIDES
    if fault:
        raise _FaultError(fault)
    return text


def _check_seen(text: str, *, blanks: bool) -> None:
    """Refuse invisible characters; `blanks`: including spaces other than U+0020."""
    for char in invisible_characters(text, blanks=blanks):
        # An undecodable octet from the command line, see PEP 383.
        if unicodedata.category(char) == "Cs":
            raise _FaultError("is not UTF-8: type it again")
        raise _FaultError(
            f"has {character_name(char)} in it, which can't be seen: "
            "type the address instead of pasting it"
        )
