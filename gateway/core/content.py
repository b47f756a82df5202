"""The content of a message on the wire: where it ends, and that nothing in it can end it earlier.

Between `354` and the reply only CR LF `.` CR LF ends the content (RFC 5321, 4.1.1.4). Bare CR, bare
LF and NUL are what smuggling is made of; clean content passes octet for octet, dots still stuffed.
"""

import re
from dataclasses import dataclass
from io import IncrementalNewlineDecoder

_ORDERLY = (None, "\r\n")
END = b"\r\n.\r\n"
_FEW_DOTS = 4  #: Looked at one by one.
MAX_HEADER_BLOCK = 262_144  #: Octets read in search of the empty line.

_NEWLINE = rb"(?:\r\n|\r(?!\n)|(?<!\r)\n)"
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_HEADER_END = re.compile(rb"\A" + _NEWLINE + rb"|" + _NEWLINE + _NEWLINE)


class BadContent(Exception):
    """Content that may not pass; its text is the reply."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the content as it came, still stuffed; `last` when the end of data followed it."""

    octets: bytes
    last: bool


class Splitter:
    """Finds the end of data in a stream of chunks, wherever the chunks are cut.

    A CR LF is never cut in two, and stays together with the dot that follows it.
    """

    __slots__ = ("_held", "_skip", "rest")

    def __init__(self) -> None:
        # The CR LF of the DATA command counts: a first line `.` is the end of empty content.
        self._held = b"\r\n"
        self._skip = 2
        self.rest = b""  #: After the last piece: what came behind the end of data.

    def feed(self, chunk: bytes) -> Piece:
        """Take a chunk; return what is certain to be content."""
        data = self._held + chunk
        end = _end(data)
        cut = end + 2 if end >= 0 else len(data) - _unsure(data)
        octets = data[self._skip : cut]
        self._skip = max(0, self._skip - cut)
        if end >= 0:
            self.rest = data[end + len(END) :]
            return Piece(octets, last=True)
        self._held = data[cut:]
        return Piece(octets, last=False)


def _end(data: bytes) -> int:
    """Return where the end of data begins, or -1.

    A single octet is found fifty times faster than five, and attachments have no other dots.
    """
    dot = data.find(b".")
    for _ in range(_FEW_DOTS):
        if dot < 0:
            return -1
        if dot >= 2 and data[dot - 2 : dot + 3] == END:
            return dot - 2
        dot = data.find(b".", dot + 1)
    return data.find(END, max(0, dot - 2)) if dot >= 0 else -1


def _unsure(data: bytes) -> int:
    """Return how many octets at the end could begin the end of data."""
    return next((n for n in (4, 3, 2, 1) if data.endswith(END[:n])), 0)


class Cleaner:
    """Lets clean content pass untouched; normalises or refuses what could be read as two mails.

    With `normalise`, bare CR and LF become CR LF: the content is un-stuffed, normalised and stuffed
    again. Otherwise they raise `BadContent`, as NUL always does.
    """

    __slots__ = ("_after_newline", "_first", "_normalise", "normalised")

    def __init__(self, *, normalise: bool) -> None:
        self._normalise = normalise
        self._first = True
        self._after_newline = False
        self.normalised = False

    def feed(self, octets: bytes) -> bytes:
        """Take the octets of a `Piece`; return them as they may go to a relay."""
        if not octets:
            return octets
        if b"\0" in octets:
            raise BadContent("550 5.6.0 The message has a NUL octet")
        clean = octets if _is_clean(octets) else self._cleaned(octets)
        if clean is octets and self._after_newline and octets[:1] == b".":
            clean = b"." + octets
        self._first = False
        self._after_newline = clean is not octets and clean.endswith(b"\r\n")
        return clean

    def _cleaned(self, octets: bytes) -> bytes:
        if not self._normalise:
            raise BadContent("550 5.6.0 The message has a bare CR or LF (RFC 5321, 2.3.8)")
        self.normalised = True
        if self._first and octets[:1] == b".":
            octets = octets[1:]
        plain = _BARE.sub(b"\r\n", octets.replace(b"\r\n.", b"\r\n"))
        stuffed = plain.replace(b"\r\n.", b"\r\n..")
        at_start = self._first or self._after_newline
        return b"." + stuffed if at_start and stuffed[:1] == b"." else stuffed


def _is_clean(octets: bytes) -> bool:
    """Whether every CR and LF belongs to a CR LF; nothing in Python looks faster."""
    newlines = IncrementalNewlineDecoder(None, translate=False)
    newlines.decode(octets.decode("latin-1"), final=True)
    return newlines.newlines in _ORDERLY


def header_length(content: bytes) -> int | None:
    """Return where the header block ends (its last newline counted in), or None if not in sight."""
    end = content.find(b"\r\n\r\n")  # The usual case, at a third of the cost.
    if end > 0 and content[:2] != b"\r\n" and _is_clean(content[:end]):
        return end + 4
    found = _HEADER_END.search(content)
    if found is not None:
        return found.end()
    return MAX_HEADER_BLOCK if len(content) >= MAX_HEADER_BLOCK else None
