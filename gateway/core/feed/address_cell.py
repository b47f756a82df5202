"""Addresses in what people type into a field: the certain ones, and those that may be meant.

A field may hold several, with names, labels and remarks: `prive: a@x; werk: b@x (niet 's avonds)`.
Certain ones are mailed. In doubt, everything that looks like an address counts for suppression:
`niet a@x maar b@x` blocks mail to both.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from gateway.core.feed.addresses_in_text import (
    PLACE,
    WRITTEN_END,
    addresses_in,
    guesses,
    without_last_dot,
)
from gateway.core.mail.address import fits_envelope, lookup_form
from gateway.core.mail.typed.characters import COMMAS, SEMICOLONS
from gateway.core.mail.typed.html_references import (
    without_references,
    without_unended_references,
)
from gateway.core.mail.typed.typed_address import TypedAddress, is_plain, read_address
from gateway.core.written import as_read, plain

#: ASCII for what stands between and around addresses, in the form of other scripts.
_TO_ASCII = str.maketrans(
    dict.fromkeys(COMMAS, ",")
    | dict.fromkeys(SEMICOLONS, ";")
    | dict(zip("＠﹫：﹕︓（）﹙﹚＜＞﹤﹥［］｛｝｜", "@@:::()()<><>[]{}|", strict=True))
)
#: Most cells: `ann@example.org`, `Ann Bos <ann@example.org>`.
_USUAL = re.compile(r" *(?:[\w .'-]*<(?=[^<>]*> *\Z))?([\w.+-]+@[\w.-]+)>? *")
_MAILTO = re.compile(r"mailto:(?://)?([^\s<>\"]*)", re.IGNORECASE)
#: How workbooks, and some exports of them, store line ends in a cell (ECMA-376-1, 22.9.2.19).
_ESCAPED_END = re.compile("_x000[ADad]_")
_ENDS = rf"{SEMICOLONS}\r\n\v\f\t"
_SEPARATORS = re.compile(f"[{_ENDS}]")
_SEPARATED = re.compile(rf'((?:"(?:[^"\\\n]|\\.)*"|[^{_ENDS}"]|")*?)(?:[{_ENDS}]|\Z)')
_IN_BRACKETS = re.compile(r"\([^()\0]*\)|\[[^\[\]\0]*\]|\{[^{}\0]*\}")
_NAMED = re.compile(r"[^<>\0]*<[^<>\0\w]*\0[^<>\0\w]*>")
_SHOWN_FOR = re.compile(r"\0[\s'\"]*<[^<>\0]*\0")
_LABEL = re.compile(r"[^\W\d_][\w .'-]{0,40}:")
#: Words in four languages, in their readable form.
_CONNECTING = frozenset(
    re.findall(r"\w+", "en of ofwel und oder bzw et ou and or e mail mailto smtp")
)
#: Whoever writes one of these may mean that an address is wrong.
_DOUBTFUL = frozenset(
    re.findall(
        r"\w+",
        """
        niet geen nooit oud oude vroeger vorige fout ongeldig vervallen
        nicht kein keine nie alt alte fruher falsch ungultig veraltet
        pas jamais ancien ancienne faux fausse invalide plus
        not no never old former wrong invalid expired instead bounced
        """,
    )
)
_BULLETS = " \u00a0•▪◦‣–—"


@dataclass(frozen=True, slots=True)
class AddressDoubt:
    """A piece of a field that leaves open which addresses it means, if any."""

    text: str  #: As written, without invisible characters and references of HTML.
    fault: str  #: What is wrong, and the remedy: `has no @: write it as ann@example.org`.
    parts: tuple[str, ...]  #: Everything in it that looks like an address, each once.

    @property
    def cure(self) -> str:
        """What to do about it: `write it as ann@example.org`."""
        cure = self.fault.rpartition(": ")[2]
        return f"{cure}, a semicolon between two" if "at a time" in cure else cure


@dataclass(frozen=True, slots=True)
class AddressCell:
    """The addresses in a field."""

    #: Certain, each once, as written; the first is the primary one.
    addresses: tuple[str, ...] = ()
    doubts: tuple[AddressDoubt, ...] = ()
    #: What a text may mean as a valid address, too, though it is read differently: the CRM may mail
    #: `'ann@x'` and `"p&amp;q"@x` as written, or mean `p&q@x` by `p&amp@x`.
    readings: tuple[str, ...] = ()

    @property
    def lookalikes(self) -> tuple[str, ...]:
        """What counts for suppression only: whatever looks like an address in a doubtful piece."""
        if not self.doubts and not self.readings:  # nearly every cell
            return ()
        of_doubts = (part for doubt in self.doubts for part in doubt.parts)
        certain = set(map(lookup_form, self.addresses))
        alike = _distinct((*of_doubts, *self.readings))
        return tuple(address for address in alike if lookup_form(address) not in certain)

    def in_doubt(self) -> "AddressCell":
        """Return the same for a field that can't be read in full: nothing in it is certain."""
        lost = AddressDoubt("", "can't be read as a whole", self.addresses)
        doubts = (*((lost,) if self.addresses else ()), *self.doubts)
        return AddressCell((), doubts, self.readings)


def read_cell(text: str) -> AddressCell:
    """Return the addresses in a field, and the pieces that may mean one or none."""
    if is_plain(text):
        return AddressCell((text,))
    resolved = without_references(text)
    cell = _read_cell(resolved)
    if resolved == text:
        return cell
    # Only quotes let an address contain a whole reference.
    quoted = (address for address in addresses_in(text)[0] if ";" in address)
    return replace(cell, readings=(*cell.readings, *quoted))


def _read_cell(text: str) -> AddressCell:
    text = _ESCAPED_END.sub("\n", text)
    # Semicolons and line ends separate pieces, except within quotes.
    if '"' not in text:
        pieces = _SEPARATORS.split(text)
    elif isinstance(read_address(text), TypedAddress):
        pieces = [text]
    else:
        pieces = [piece[1] for piece in _SEPARATED.finditer(text)]
    certain: list[str] = []
    doubts: list[AddressDoubt] = []
    readings: list[str] = []
    for piece in filter(plain, pieces):
        read = read_piece(piece)
        bare = piece.strip(" ")
        if read != (bare,) and fits_envelope(bare):
            readings.append(bare)
        unended = without_unended_references(bare)
        if unended != bare and isinstance(unescaped := read_address(unended), TypedAddress):
            readings.append(unescaped.address)
        if isinstance(read, AddressDoubt):
            doubts.append(read)
        else:
            certain += read
    return AddressCell(_distinct(certain), tuple(doubts), tuple(readings))


def read_piece(text: str) -> tuple[str, ...] | AddressDoubt:
    """Return the addresses in a piece between two separators, or what is unclear about it."""
    if text.isascii() and (usual := _USUAL.fullmatch(text)) and is_plain(usual[1]):
        return (usual[1],)
    piece = text.lstrip(_BULLETS)
    read = read_address(piece)
    if isinstance(read, TypedAddress):
        return (without_last_dot(read.address),)

    plain_piece = plain(piece).translate(_TO_ASCII)
    linked = _MAILTO.sub(lambda link: f" {unquote(link[1].partition('?')[0])} ", plain_piece)
    parts, rest = addresses_in(linked)
    # Unclear where one address ends: `a@x.org+b@y.org`, `a@x.org-b@y.org-c@z`.
    begins_with_plus = any(part[0] == "+" for part in parts[1:])
    runs_together = "@" in rest or (PLACE * 2 in rest and begins_with_plus)
    # One address is displayed for another: `boss@x <thief@y>`.
    contradicts = bool(_SHOWN_FOR.search(rest)) and len(_distinct(parts)) == len(parts)
    is_certain = (
        bool(parts)
        and all(isinstance(read_address(part), TypedAddress) for part in parts)
        and not (runs_together or WRITTEN_END.search(plain_piece) or contradicts)
        and says_nothing_else(rest)
    )
    if is_certain:
        return tuple(parts)
    return AddressDoubt(
        plain(piece), read.fault, _distinct([*parts, *guesses(plain_piece), *guesses(linked)])
    )


def says_nothing_else(rest: str) -> bool:
    """Whether only names, labels, remarks and separators surround the addresses.

    `rest` is the text with `PLACE` for each address: `prive: \\0 (werk)` qualifies, `niet \\0`
    doesn't.
    """
    words = set(as_read(rest).split())
    if words & _DOUBTFUL:
        return False
    for pattern in (_IN_BRACKETS, _NAMED, _LABEL):
        rest = pattern.sub(" ", rest)
    return set(as_read(rest).split()) <= _CONNECTING


def _distinct(addresses: Iterable[str]) -> tuple[str, ...]:
    by_form: dict[str, str] = {}
    for address in addresses:
        by_form.setdefault(lookup_form(address), address)
    return tuple(by_form.values())
