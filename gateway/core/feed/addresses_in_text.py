"""What looks like an address in a text, and what may be meant if none is certain."""

import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote

from gateway.core.mail.address import fits_envelope
from gateway.core.mail.typed.characters import QUOTES, SEPARATORS
from gateway.core.mail.typed.html_references import without_unended_references
from gateway.core.mail.typed.typed_address import TypedAddress, read_address

PLACE = "\0"  #: Replaces an address while the words around it are examined.
#: How database exports write line ends and tabs; `\\nv@x` isn't `nv@x`.
WRITTEN_END = re.compile(r"(?:\\[rnt])+")
_LONGEST = 320  #: Characters examined on each side of an @.
#: No local part extends beyond these.
_STOPS = frozenset('<>()[]{}:|"“”„«»‹›‟@ \t\r\n\0' + SEPARATORS)
_DOMAIN = re.compile(r"\[[\w.:]{2,60}\]|[\w.·͵׳״・。．｡☀-➿🌀-🫿-]{1,255}")
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\\n]|\\.){0,64}"\Z')
#: `ann (at) example [dot] org`, written for people where programs harvest addresses.
_SPELT_AT = re.compile(
    r"\s*[\[({<]\s*(?:at|ät|apenstaartje|arobase?|klammeraffe)\s*[\])}>]\s*", re.IGNORECASE
)
_SPELT_DOT = re.compile(r"\s*[\[({<]\s*(?:dot|punt|punkt|point)\s*[\])}>]\s*", re.IGNORECASE)
#: Several @ without a space, and where one of the addresses may end.
_RUN = re.compile(r"[^\s<>()\[\]@]{1,80}(?:@[^\s<>()\[\]@]{1,80}){2,}")
_MOST_TOGETHER = 8
_MAY_END = re.compile(r"[^\w@]|_")
_EDGES = QUOTES + ".,;:/\\|&=?!*#~-–—•"  #: At the edges of a part, but not part of it.


def addresses_in(text: str) -> tuple[list[str], str]:
    """Return the addresses in a text, and the text with `PLACE` in place of each."""
    addresses: list[str] = []
    rest, end = "", 0
    for at in (sign.start() for sign in re.finditer("@", text)):
        # The local part: in quotes, or up to a character it can't contain
        quoted = _QUOTED_LOCAL.search(text, max(end, at - _LONGEST), at)
        if quoted is not None:
            start = quoted.start()
        else:
            start = at
            while start > max(end, at - _LONGEST) and text[start - 1] not in _STOPS:
                start -= 1
        domain = _DOMAIN.match(text, at + 1)
        if at < end or start == at or domain is None:
            continue

        # Without the characters stuck to its edges
        part = text[start : domain.end()]
        bare = part if part[:1] == '"' else part.strip(_EDGES)
        read = read_address(bare)
        if isinstance(read, TypedAddress):
            address = without_last_dot(read.address)
        else:
            address = bare if fits_envelope(bare) else ""
        if address:
            rest += text[end:start] + PLACE
            end = domain.end()
            addresses.append(address)
    return addresses, rest + text[end:]


def guesses(text: str) -> Iterator[str]:
    """Yield the addresses that a text may mean if it isn't an address itself."""
    spelt = _SPELT_DOT.sub(".", _SPELT_AT.sub("@", text))
    joined = re.sub(r"\s*@[\s@]*", "@", spelt)
    resolved = without_unended_references(text)
    for guess in (text, unquote(text), resolved, spelt, joined, text.replace("’", "'")):
        yield from addresses_in(guess)[0]
    yield from addresses_in(WRITTEN_END.sub(" ", text))[0]
    for guess in run_together(text):
        yield from addresses_in(guess)[0]
    if "@" in (behind := text.partition("@")[2]):
        yield from addresses_in(behind)[0]
    if joined.count("@") == 1 and not any("." in part for part in addresses_in(joined)[0]):
        together = re.sub(r"\s+", "", joined)
        for guess in (together, re.sub(r"[.,]+", ".", together)):
            yield from addresses_in(guess)[0]


def run_together(text: str) -> Iterator[str]:
    """Yield what may be meant by addresses run together with no clear boundary.

    `a@x.org-b@y.org` and `a@x.orgb@x.org` may be `a@x.org` and another one.
    """
    for run in _RUN.finditer(text):
        first, *between, last = run[0].split("@")[:_MOST_TOGETHER]
        domains: list[set[str]] = []  # The possible domains of each address, in order,
        locals_: list[set[str]] = [{first}]  # and the local parts.
        for middle in between:
            # The domain of one address, and after its possible ends the local part of the next
            ends = {
                (middle[: stop.start()], middle[stop.end() :])
                for stop in islice(_MAY_END.finditer(middle), _MOST_TOGETHER)
                if "." in middle[: stop.start()]
            }
            if middle.startswith(last):
                ends.add((last, middle.removeprefix(last)))
            domains.append({domain for domain, _ in ends})
            locals_.append({local for _, local in ends})
        domains.append({last})
        for local_parts, its_domains in zip(locals_, domains, strict=True):
            for local in sorted(local_parts):
                yield from (f"{local}@{domain}" for domain in sorted(its_domains))


def without_last_dot(address: str) -> str:
    """Return an address without the final dot of its domain."""
    return address.rstrip(".") or address
