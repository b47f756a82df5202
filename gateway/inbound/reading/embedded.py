"""Files embedded in the HTML of a mail, as `data:image/png;base64,…` (RFC 2397): no text to read.

One picture may be longer than all texts that are read, so it is left out before these are measured.
"""

import re
from collections.abc import Iterator

_LETTERS = r"[A-Za-z0-9+/=]*+"
_EMBEDDED = r"(?:data|DATA):[A-Za-z]{1,20}/[A-Za-z0-9.+-]{1,60};(?:base64|BASE64)," rf"{_LETTERS}"
_IN_TEXT = re.compile(_EMBEDDED)
_IN_OCTETS = re.compile(_EMBEDDED.encode())
_REST = re.compile(_LETTERS.encode())
_LONGEST_BEGINNING = 100  #: Octets up to the comma, at most; a piece may end within them.


def without_embedded(markup: str) -> str:
    """Return HTML with the files embedded in it left out."""
    return _IN_TEXT.sub("", markup)


def pieces_without_embedded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield HTML in pieces with the files embedded in it left out, wherever a piece ends."""
    left, is_within = b"", False
    for piece in pieces:
        octets, start = left + piece, 0
        if is_within:
            rest = _REST.match(octets)
            start = rest.end() if rest is not None else 0
        kept: list[bytes] = []
        for found in _IN_OCTETS.finditer(octets, start):
            kept.append(octets[start : found.start()])
            start = found.end()
            is_within = True
        is_within = is_within and start == len(octets)
        end = max(start, len(octets) - _LONGEST_BEGINNING)
        left = octets[end:]
        yield b"".join([*kept, octets[start:end]])
    yield left
