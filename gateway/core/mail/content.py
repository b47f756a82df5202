"""The content of a message on the wire: where it ends, and that nothing in it can end it early.

Between `354` and the reply only CR LF `.` CR LF ends the content (RFC 5321, 4.1.1.4). Smuggling
uses bare CR, bare LF and NUL; clean content passes octet for octet, dots still stuffed.
"""

import re
from io import IncrementalNewlineDecoder

from gateway.core.quick_values import quick_value

_ORDERLY = (None, "\r\n")
END = b"\r\n.\r\n"
_FEW_DOTS = 4  #: Examined one by one.
MAX_HEADER_BLOCK = 262_144  #: Octets searched for the empty line.

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
#: A line end of a program that repeatedly turned the LF of CR LF into CR LF.
_CRS_LF = re.compile(rb"(?<!\r)\r{2,}\n")
#: Two line ends in a row, as both of these make them.
_EMPTY_LINE = re.compile(rb"\n[\r\n]|\r(?<!\r\r)\r++(?!\n)")
#: The line above a mail in an mbox file (RFC 4155), and what is folded to it. Not `From : ann@x`,
#: which is a field (RFC 5322, 4.5).
_MBOX_LINE = re.compile(rb">*From [ \t]*+(?!:)[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+")
_MAX_CRS = 65_536  #: In a row; they are held until the next octet shows what they are.
_NUL = "550 5.6.0 The message has a NUL octet"
_DIRTY = "550 5.6.0 The message has a bare CR or LF (RFC 5321, 2.3.8)"


class BadContent(Exception):
    """Content that may not pass; its text is the reply."""


@quick_value()
class ContentPiece:
    """Some of the content as received, still stuffed; `last` if the end of data followed."""

    octets: bytes
    last: bool


class Splitter:
    """Finds the end of data in a stream of chunks, wherever they are cut.

    A CR LF is never split, nor separated from a dot that follows it.
    """

    __slots__ = ("_held", "_skip", "rest")

    def __init__(self) -> None:
        # The CR LF of the DATA command counts: if the first line is `.`, the content is empty.
        self._held = b"\r\n"
        self._skip = 2
        self.rest = b""  #: After the last piece: what followed the end of data.

    def feed(self, chunk: bytes) -> ContentPiece:
        """Take a chunk; return what is certain to be content."""
        data = self._held + chunk
        end = end_of_data(data)
        if end >= 0:
            cut = end + 2
        else:  # Hold back what may be the start of the end of data.
            cut = len(data) - next((n for n in (4, 3, 2, 1) if data.endswith(END[:n])), 0)
        octets = data[self._skip : cut]
        self._skip = max(0, self._skip - cut)
        if end >= 0:
            self.rest = data[end + len(END) :]
            return ContentPiece(octets, last=True)
        self._held = data[cut:]
        return ContentPiece(octets, last=False)


def end_of_data(data: bytes) -> int:
    """Return the index of the end of data, or -1.

    Searching for a single octet is fifty times faster than for five, and base64 has no dots.
    """
    dot = data.find(b".")
    for _ in range(_FEW_DOTS):
        if dot < 0:
            return -1
        if dot >= 2 and data[dot - 2 : dot + 3] == END:
            return dot - 2
        dot = data.find(b".", dot + 1)
    return data.find(END, max(0, dot - 2)) if dot >= 0 else -1


class Cleaner:
    """Passes clean content untouched; repairs or refuses what could be read as two mails.

    Every line end becomes a single CR LF: a bare LF, a bare CR, and any number of CRs before an LF.
    To do that, the content is unstuffed, repaired and stuffed again. Whether it may be repaired can
    depend on the header block: until `settle` is called, errors are only noted.
    """

    __slots__ = ("_after_newline", "_first", "_held", "_may_mend", "_mended", "_nul", "_settled")

    def __init__(self) -> None:
        self._first = True
        self._after_newline = False
        self._held = b""  # CRs that may belong to a line end
        self._mended = self._nul = self._settled = False
        self._may_mend = True

    def settle(self, *, normalise: bool) -> None:
        """Set whether line ends may be repaired; raise `BadContent` for bad content so far."""
        self._settled, self._may_mend = True, normalise
        if self._nul:
            raise BadContent(_NUL)
        if self._mended and not normalise:
            raise BadContent(_DIRTY)

    def feed(self, octets: bytes) -> bytes:
        """Take the octets of a `ContentPiece`; return them as they may go to a relay.

        CRs at the end are held back until more octets come, and so is a dot before them that may be
        alone on its line. Content ends in CR LF, so nothing is left over.
        """
        if self._held:
            octets, self._held = self._held + octets, b""
        if octets[-1:] == b"\r":
            rest = octets.rstrip(b"\r")
            # A dot before them is alone on its line if they end it, and must not pass alone.
            while rest.endswith(b"\r\n."):
                rest = rest[:-3].rstrip(b"\r")
            if self._first and rest == b".":
                rest = b""
            octets, self._held = rest, octets[len(rest) :]
            if len(self._held) > _MAX_CRS:
                raise BadContent(_DIRTY)
        if not octets:
            return octets

        if b"\0" in octets:
            self._nul = True
            if self._settled:
                raise BadContent(_NUL)

        if _is_clean(octets):
            if not self._after_newline or octets[:1] != b".":  # Nearly always.
                self._first = self._after_newline = False
                return octets
            clean = b"." + octets
        else:
            if not self._may_mend:
                raise BadContent(_DIRTY)
            self._mended = True
            # Unstuffed, repaired, stuffed again.
            plain = octets[1:] if self._first and octets[:1] == b"." else octets
            clean = with_crlf(plain.replace(b"\r\n.", b"\r\n")).replace(b"\r\n.", b"\r\n..")
            begins_line = self._first or self._after_newline
            clean = b"." + clean if begins_line and clean[:1] == b"." else clean
        self._first = False
        self._after_newline = clean.endswith(b"\r\n")
        return clean


def with_crlf(octets: bytes) -> bytes:
    """Return octets with every line end as CR LF: LF, CR, and any number of CRs before an LF."""
    return _BARE.sub(b"\r\n", _CRS_LF.sub(b"\r\n", octets))


def _is_clean(octets: bytes) -> bool:
    """Whether every CR and LF is part of a CR LF; Python has no faster check."""
    newlines = IncrementalNewlineDecoder(None, translate=False)
    newlines.decode(octets.decode("latin-1"), final=True)
    return newlines.newlines in _ORDERLY


@quick_value()
class HeaderBlock:
    """The first lines of a message, up to and including the first empty line."""

    octets: bytes  #: Every line end a CR LF.
    whole: bool = True  #: False if it is longer than `MAX_HEADER_BLOCK`: the rest is unknown.

    @property
    def unstuffed(self) -> "HeaderBlock":
        """The same as the recipient gets it: dots unstuffed (RFC 5321, 4.5.2)."""
        octets = dot_unstuff(self.octets)
        return self if octets is self.octets else HeaderBlock(octets, self.whole)


def dot_stuff(octets: bytes) -> bytes:
    """Return whole lines of content dot-stuffed for the wire (RFC 5321, 4.5.2)."""
    octets = octets.replace(b"\r\n.", b"\r\n..")
    return b"." + octets if octets[:1] == b"." else octets


def dot_unstuff(octets: bytes) -> bytes:
    """Return whole lines of content as the recipient gets them: unstuffed (RFC 5321, 4.5.2)."""
    if b"\n." not in octets and octets[:1] != b".":
        return octets
    return octets.replace(b"\r\n.", b"\r\n").removeprefix(b".")


def parted_mbox_line(content: bytes) -> tuple[bytes, bytes]:
    """Return the line of an mbox file on top of content, empty if there is none, and the rest.

    The line may be followed by lines that are folded to it. Content has CR LF line ends.
    """
    line = _MBOX_LINE.match(content)
    return (line[0], content[line.end() :]) if line else (b"", content)


def with_fields_on_top(fields: bytes, content: bytes) -> bytes:
    """Return content with further fields above its own, but below the line of an mbox file.

    At the top, Postfix makes that line the field `X-Mailbox-Line` (`receive_data_message` in its
    src/smtpd/smtpd.c). Below a field it ends the header, and all fields after it are text.
    """
    mbox_line, rest = parted_mbox_line(content)
    return mbox_line + fields + rest


def header_block(content: bytes, *, is_all: bool) -> HeaderBlock | None:
    """Return the header block of content with CR LF line ends, or None if more must be read.

    If the first line is empty, all is body: for every program, below the gateway's own lines.
    """
    if content[:2] == b"\r\n":
        return HeaderBlock(b"\r\n")
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER_BLOCK)
    if end >= 0:
        return HeaderBlock(content[: end + 4])
    if len(content) >= MAX_HEADER_BLOCK:
        return HeaderBlock(content[:MAX_HEADER_BLOCK], whole=False)
    return HeaderBlock(content) if is_all else None


def header_block_of_file(content: bytes) -> HeaderBlock:
    """Return the header block of a message in a file, with line ends of any kind."""
    empty_line = _EMPTY_LINE.search(content)
    # Line ends after the header need no conversion, which would cost more than all the reading.
    return parted_file(content[: empty_line.end() + 1] if empty_line else content)[0]


def parted_file(content: bytes, *, behind: int = 0) -> tuple[HeaderBlock, bytes]:
    """Return a file's header block, and at least `behind` octets of what follows, if there are any.

    All line ends of both are CR LF.
    """
    head = content[: 2 * (MAX_HEADER_BLOCK + behind)]
    clean = head if _is_clean(head) else with_crlf(head)
    block = header_block(clean, is_all=len(head) == len(content))
    block = block or HeaderBlock(clean, whole=False)
    return block, clean[len(block.octets) :]
