"""Addresses in what people write into a field: all that are certain, and all that might be meant.

A field may hold several, with names, labels and remarks: `prive: a@x; werk: b@x (niet 's avonds)`.
What is certain is mailed. Where it can't be told, all that is like an address counts for
suppression: `niet a@x maar b@x` keeps mail away from both.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

from gateway.core.mail.address import fits_envelope, lookup_form
from gateway.core.mail.characters import QUOTES
from gateway.core.mail.typed_address import TypedAddress, is_plain, read_address
from gateway.core.written import as_read, plain

_LONGEST = 320  #: Characters of a part that are looked at, on each side of its @.
_PART = "\0"  #: Stands where an address was, while the words around it are looked at.
_STOPS = frozenset('<>()[]{},;:|"“”„«»‹›‟@ \t\r\n\0，；')  #: No local part goes beyond these.
_DOMAIN = re.compile(r"\[[\w.:]{2,60}\]|[\w.·͵׳״・。．｡☀-➿🌀-🫿-]{1,255}")
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\\n]|\\.){0,64}"\Z')
_AT_SIGNS = re.compile("[＠﹫]")
#: Most cells: `ann@example.org`, `Ann Bos <ann@example.org>`.
_USUAL = re.compile(r" *(?:[\w .'-]*<(?=[^<>]*> *\Z))?([\w.+-]+@[\w.-]+)>? *")
_MAILTO = re.compile(r"mailto:(?://)?([^\s<>\"]*)", re.IGNORECASE)
#: `ann (at) example [dot] org`, for readers of pages where programs look for addresses.
_SPELT_AT = re.compile(
    r"\s*[\[({<]\s*(?:at|ät|apenstaartje|arobase?|klammeraffe)\s*[\])}>]\s*", re.IGNORECASE
)
_SPELT_DOT = re.compile(r"\s*[\[({<]\s*(?:dot|punt|punkt|point)\s*[\])}>]\s*", re.IGNORECASE)
#: How workbooks keep the line ends of a cell, and some exports of them too (ECMA-376-1, 22.9.2.19).
_ESCAPED_END = re.compile("_x000[ADad]_")
#: How exports of databases write line ends and tabs; `\\nv@x` isn't `nv@x`.
_WRITTEN_END = re.compile(r"(?:\\[rnt])+")
#: Several @ without a blank, and where one of the addresses may end.
_RUN = re.compile(r"[^\s<>()\[\]@]{1,80}(?:@[^\s<>()\[\]@]{1,80}){2,}")
_MOST_TOGETHER = 8
_MAY_END = re.compile(r"[^\w@]|_")
_SEPARATORS = re.compile(r"[;；\r\n\v\f\t]")
_SEPARATED = re.compile(r'((?:"(?:[^"\\\n]|\\.)*"|[^;；\r\n\v\f\t"]|")*?)(?:[;；\r\n\v\f\t]|\Z)')
_IN_BRACKETS = re.compile(r"\([^()\0]*\)|\[[^\[\]\0]*\]|\{[^{}\0]*\}")
_NAMED = re.compile(r"[^<>\0]*<[^<>\0\w]*\0[^<>\0\w]*>")
_SHOWN_FOR = re.compile(r"\0[\s'\"]*<[^<>\0]*\0")
_LABEL = re.compile(r"[^\W\d_][\w .'-]{0,40}:")
#: Words in four languages, as people read them.
_CONNECTING = frozenset(
    re.findall(r"\w+", "en of ofwel und oder bzw et ou and or e mail mailto smtp")
)
#: Who writes one of these may mean that an address is the wrong one.
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
_EDGES = QUOTES + ".,;:/\\|&=?!*#~-–—•"  #: At the edges of a part, no part of it.


@dataclass(frozen=True, slots=True)
class Doubt:
    """A piece of a field of which can't be told which addresses it means, if any."""

    text: str  #: As written, without what can't be seen.
    fault: str  #: What is wrong, and the cure: `has no @: write it as ann@example.org`.
    parts: tuple[str, ...]  #: What in it is like an address, each once.

    @property
    def cure(self) -> str:
        """What to do about it: `write it as ann@example.org`."""
        cure = self.fault.rpartition(": ")[2]
        return f"{cure}, a semicolon between two" if "at a time" in cure else cure


@dataclass(frozen=True, slots=True)
class AddressCell:
    """What a field says of addresses."""

    addresses: tuple[str, ...] = ()  #: Certain, each once, as written; the first is the primary.
    doubts: tuple[Doubt, ...] = ()
    #: What was read otherwise and yet is an address as it stands: the CRM may send to `'ann@x'`.
    literal: tuple[str, ...] = ()

    @property
    def lookalikes(self) -> tuple[str, ...]:
        """What counts for suppression only: all that is like an address where it can't be told."""
        if not self.doubts and not self.literal:  # as nearly every cell
            return ()
        of_doubts = (part for doubt in self.doubts for part in doubt.parts)
        certain = set(map(lookup_form, self.addresses))
        found = _once((*of_doubts, *self.literal))
        return tuple(address for address in found if lookup_form(address) not in certain)

    def in_doubt(self) -> "AddressCell":
        """Return the same for a field of which a part is lost: nothing in it is certain."""
        lost = Doubt("", "can't be read as a whole", self.addresses)
        doubts = (*((lost,) if self.addresses else ()), *self.doubts)
        return AddressCell((), doubts, self.literal)


def read_cell(text: str) -> AddressCell:
    """Return the addresses a field holds, and what in it is none for certain."""
    if is_plain(text):
        return AddressCell((text,))
    text = _ESCAPED_END.sub("\n", text)
    certain: list[str] = []
    doubts: list[Doubt] = []
    literal: list[str] = []
    for piece in _pieces(text):
        found = _read_piece(piece)
        bare = piece.strip(" ")
        if found != (bare,) and fits_envelope(bare):
            literal.append(bare)
        if isinstance(found, Doubt):
            doubts.append(found)
        else:
            certain += found
    return AddressCell(_once(certain), tuple(doubts), tuple(literal))


def _pieces(text: str) -> Iterator[str]:
    """Yield what stands between semicolons and line ends; between quotes these separate nothing."""
    if '"' not in text:
        yield from filter(plain, _SEPARATORS.split(text))
    elif isinstance(read_address(text), TypedAddress):
        yield text
    else:
        yield from filter(plain, (found[1] for found in _SEPARATED.finditer(text)))


def _read_piece(text: str) -> tuple[str, ...] | Doubt:
    if text.isascii() and (usual := _USUAL.fullmatch(text)) and is_plain(usual[1]):
        return (usual[1],)
    piece = text.lstrip(_BULLETS)
    read = read_address(piece)
    if isinstance(read, TypedAddress):
        return (_without_last_dot(read.address),)
    seen = _AT_SIGNS.sub("@", plain(piece))
    linked = _MAILTO.sub(lambda link: f" {unquote(link[1].partition('?')[0])} ", seen)
    parts, rest = _parts(linked)
    is_certain = all(isinstance(read_address(part), TypedAddress) for part in parts)
    runs_on = _runs_together(parts, rest) or _WRITTEN_END.search(seen)
    is_certain = is_certain and not (runs_on or _contradicts(parts, rest))
    if parts and is_certain and _says_nothing_else(rest):
        return tuple(parts)
    return Doubt(plain(piece), read.fault, _once([*parts, *_guesses(seen), *_guesses(linked)]))


def _parts(text: str) -> tuple[list[str], str]:
    """Return the addresses in a text, and the text with a mark in the place of each."""
    parts: list[str] = []
    rest, end = "", 0
    for at in (found.start() for found in re.finditer("@", text)):
        start = _start(text, at, end)
        domain = _DOMAIN.match(text, at + 1)
        if at < end or start == at or domain is None:
            continue
        address = _address(text[start : domain.end()])
        if address:
            rest += text[end:start] + _PART
            end = domain.end()
            parts.append(address)
    return parts, rest + text[end:]


def _start(text: str, at: int, end: int) -> int:
    """Return where the local part before an @ begins, behind `end`."""
    quoted = _QUOTED_LOCAL.search(text, max(end, at - _LONGEST), at)
    if quoted is not None:
        return quoted.start()
    start = at
    while start > max(end, at - _LONGEST) and text[start - 1] not in _STOPS:
        start -= 1
    return start


def _address(part: str) -> str:
    """Return the address a part is, without what clings to its edges; empty: it is none."""
    bare = part if part[:1] == '"' else part.strip(_EDGES)
    read = read_address(bare)
    if isinstance(read, TypedAddress):
        return _without_last_dot(read.address)
    return bare if fits_envelope(bare) else ""


def _runs_together(parts: list[str], rest: str) -> bool:
    """Whether it can't be told where an address ends: `a@x.org+b@y.org`, `a@x.org-b@y.org-c@z`."""
    return "@" in rest or (_PART * 2 in rest and any(part[0] == "+" for part in parts[1:]))


def _contradicts(parts: list[str], rest: str) -> bool:
    """Whether one address is shown for another: `boss@x <thief@y>`."""
    return bool(_SHOWN_FOR.search(rest)) and len(_once(parts)) == len(parts)


def _says_nothing_else(rest: str) -> bool:
    """Whether there are only names, labels, remarks and separators around addresses."""
    words = set(as_read(rest).split())
    if words & _DOUBTFUL:
        return False
    for pattern in (_IN_BRACKETS, _NAMED, _LABEL):
        rest = pattern.sub(" ", rest)
    return set(as_read(rest).split()) <= _CONNECTING


def _guesses(text: str) -> Iterator[str]:
    """Yield the addresses that may be meant by what is none as it stands."""
    spelt = _SPELT_DOT.sub(".", _SPELT_AT.sub("@", text))
    joined = re.sub(r"\s*@[\s@]*", "@", spelt)
    for guess in (text, unquote(text), spelt, joined, text.replace("’", "'")):
        yield from _parts(guess)[0]
    yield from _parts(_WRITTEN_END.sub(" ", text))[0]
    for guess in _run_together(text):
        yield from _parts(guess)[0]
    if "@" in (behind := text.partition("@")[2]):
        yield from _parts(behind)[0]
    if joined.count("@") == 1 and not any("." in part for part in _parts(joined)[0]):
        together = re.sub(r"\s+", "", joined)
        for guess in (together, re.sub(r"[.,]+", ".", together)):
            yield from _parts(guess)[0]


def _run_together(text: str) -> Iterator[str]:
    """Yield what may be meant where nothing tells where one address ends and another begins.

    `a@x.org-b@y.org` and `a@x.orgb@x.org` may be `a@x.org` and another one.
    """
    for run in _RUN.finditer(text):
        first, *between, last = run[0].split("@")[:_MOST_TOGETHER]
        ends = [tuple(_ends(each, last)) for each in between]
        domains = [*({domain for domain, _ in each} for each in ends), {last}]
        locals_ = [{first}, *({local for _, local in each} for each in ends)]
        for local, domain in zip(locals_, domains, strict=True):
            yield from (f"{one}@{other}" for one in sorted(local) for other in sorted(domain))


def _ends(between: str, last: str) -> Iterator[tuple[str, str]]:
    """Yield the domains one address may end with, each with the local part of the next."""
    for stop in islice(_MAY_END.finditer(between), _MOST_TOGETHER):
        if "." in between[: stop.start()]:
            yield between[: stop.start()], between[stop.end() :]
    if between.startswith(last):
        yield last, between.removeprefix(last)


def _without_last_dot(address: str) -> str:
    return address.rstrip(".") or address


def _once(addresses: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for address in addresses:
        found.setdefault(lookup_form(address), address)
    return tuple(found.values())
