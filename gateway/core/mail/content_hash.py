"""What tells whether two tries to send are one mail: a hash of all that a try doesn't change.

About half of the mail libraries write a new Message-ID, Date and MIME boundary each time they are
asked to send. These are left out of the hash, and so is what a hop or a signer adds (`Received`,
`DKIM-Signature`). Everything else counts, octet for octet: one other word, one other line that
begins with `--`, one other octet of an attachment make another mail.
"""

import re
import zlib
from hashlib import blake2b

from gateway.core.mail.content import header_block

WHOLLY_HASHED = 65_536  #: Octets of content whose hash is a cryptographic one.
_BLOCK = 65_536  #: Octets of one checksum in what is beyond.
_LONGEST_LINE = 1_000  #: Of a boundary delimiter, with what may stand behind it.
_LONGEST_PART_HEADER = 16_384
_MOST_BOUNDARIES = 100
_FEW_DASHES = 4  #: Looked at one by one.

_CHANGES = frozenset((b"message-id", b"date", b"received", b"dkim-signature"))
_BETWEEN_FIELDS = re.compile(rb"\r\n(?![ \t])")
_END_OF_PART_HEADER = b"\n\r\n"
_MULTIPART = re.compile(rb"\s*multipart/", re.IGNORECASE)
_BOUNDARY = re.compile(rb';\s*boundary\s*=\s*(?:"([^"\\\r\n]+)"|([^\s;"\\]+))', re.IGNORECASE)


class ContentHash:
    """Takes the content of one mail as a `Cleaner` gives it: no CR LF is cut in two.

    Small content is kept and hashed only where somebody asks, which is seldom.

    Of content beyond 64 kB each block of 64 kB is hashed by its CRC-32: a cryptographic hash of
    1 MB would cost a quarter of all that the gateway does for it. A change within four octets is
    seen for certain; one that touches n blocks is overlooked once in 2^(32 n).
    """

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._room = WHOLLY_HASHED
        self._text = ""
        self._hash = blake2b(digest_size=20)
        self._length = 0
        self._checksum = 0
        self._header: bytes | None = b""
        self._held = b""
        self._marks: dict[bytes, bytes] = {}  # what is hashed in the place of each boundary

    def feed(self, octets: bytes) -> None:
        """Take some more of the content."""
        self._kept.append(octets)
        self._room -= len(octets)
        if self._room < 0:
            self._hash_kept()

    def text(self) -> str:
        """Return the hash of all that was fed; nothing can be fed after it."""
        if not self._text:
            self._hash_kept()
            if self._header is not None:
                self._begin(self._header, is_all=True)
            self._body(b"", last=True)
            if self._length > WHOLLY_HASHED:
                self._hash.update(b"%x %x" % (self._length, self._checksum))
            self._text = self._hash.hexdigest()
        return self._text

    def _hash_kept(self) -> None:
        octets = self._kept[0] if len(self._kept) == 1 else b"".join(self._kept)
        self._kept.clear()
        if self._header is None:
            self._body(octets, last=False)
        else:
            self._begin(self._header + octets, is_all=False)

    # Header and parts

    def _begin(self, content: bytes, *, is_all: bool) -> None:
        block = header_block(content, is_all=is_all)
        if block is None:
            self._header = content
            return
        self._header = None
        header = block.octets
        fields = [_named(field) for field in _BETWEEN_FIELDS.split(header)]
        kept = [(name, field) for name, field in fields if name not in _CHANGES]
        self._add(b"\n".join(field for _, field in self._without_boundary(kept)) + b"\n")
        self._held = b"\n"  # A boundary delimiter may be the first line of the body.
        self._body(content[len(header) :], last=False)

    def _without_boundary(self, fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Put marks in the place of a multipart's boundary, and learn it."""
        types = [n for n, (name, _) in enumerate(fields) if name == b"content-type"]
        if len(types) != 1:
            return fields
        name, field = fields[types[0]]
        start = field.index(b":") + 1
        boundaries = list(_BOUNDARY.finditer(field, start))
        if len(boundaries) != 1 or not _MULTIPART.match(field, start):
            return fields
        group = 1 if boundaries[0][1] is not None else 2
        if (mark := self._mark(boundaries[0][group])) is None:
            return fields
        first, end = boundaries[0].span(group)
        fields[types[0]] = (name, field[:first] + mark + field[end:])
        return fields

    def _mark(self, boundary: bytes) -> bytes | None:
        """Return what is hashed for a boundary: NUL, which no mail may have, and its number."""
        if boundary not in self._marks and len(self._marks) < _MOST_BOUNDARIES:
            self._marks[boundary] = b"\0%d\0" % len(self._marks)
        return self._marks.get(boundary)

    # The body

    def _body(self, octets: bytes, *, last: bool) -> None:
        if not self._marks or (len(self._held) < 3 and b"-" not in octets):
            self._plain(octets, last=last)  # As in most parts of most mails.
            return
        data = self._held + octets
        done = look = 0
        while (line := _dashed_line(data, look)) >= 0:
            found = self._delimiter(data, line, last=last)
            if found is None:
                look = line + 1
                continue
            whole, end = found
            if not whole:
                self._add(data[done:line])
                self._held = data[line:]
                return
            self._add(data[done : line + 3])
            done = look = self._pass(data, line + 3, end)
        keep = 0 if last else next((n for n in (2, 1) if data.endswith(b"\n-"[:n])), 0)
        self._held = data[len(data) - keep :]
        self._add(data[done : len(data) - keep])

    def _plain(self, octets: bytes, *, last: bool) -> None:
        """Hash what no delimiter begins in; a last newline may be the beginning of one."""
        if not octets and not last:
            return
        self._add(self._held)
        keeps = bool(self._marks) and not last and octets.endswith(b"\n")
        self._held = b"\n" if keeps else b""
        self._add(memoryview(octets)[:-1] if keeps else octets)

    def _delimiter(self, data: bytes, line: int, *, last: bool) -> tuple[bool, int] | None:
        """Return whether a delimiter is there with its part's header, and where that ends.

        None where a line that begins with `--` is text like any other.
        """
        limit = line + _LONGEST_LINE
        end = data.find(b"\n", line + 3, limit)
        if end < 0:
            if len(data) >= limit:
                return None
            if not last:
                return False, 0
            end = len(data)
        boundary, closes = self._boundary(data[line + 3 : end])
        if boundary is None:
            return None
        if closes:
            return True, end
        limit = end + _LONGEST_PART_HEADER
        header = data.find(_END_OF_PART_HEADER, end, limit)
        if header < 0:
            return last or len(data) >= limit, end
        return True, header + 2

    def _boundary(self, line: bytes) -> tuple[bytes | None, bool]:
        """Return the boundary a delimiter line has behind its `--`, and whether it closes."""
        text = line.rstrip(b" \t\r")
        if text in self._marks:
            return text, False
        if text.endswith(b"--") and text[:-2] in self._marks:
            return text[:-2], True
        return None, False

    def _pass(self, data: bytes, start: int, end: int) -> int:
        """Hash a delimiter and the header of the part behind it; return where that ends."""
        newline = data.find(b"\n", start)
        newline = len(data) if newline < 0 else newline
        boundary, _ = self._boundary(data[start:newline])
        assert boundary is not None
        self._add(self._marks[boundary] + data[start + len(boundary) : newline])
        if end > newline:
            block = data[newline + 1 : end]
            fields = [_named(field) for field in _BETWEEN_FIELDS.split(block)]
            self._add(b"\n" + b"\n".join(field for _, field in self._without_boundary(fields)))
        return end

    # The hash

    def _add(self, octets: bytes | memoryview) -> None:
        room = WHOLLY_HASHED - self._length
        self._length += len(octets)
        if room >= len(octets):
            self._hash.update(octets)
        else:
            self._hash.update(memoryview(octets)[: max(0, room)])
            self._add_beyond(memoryview(octets)[max(0, room) :])

    def _add_beyond(self, octets: memoryview) -> None:
        place = (self._length - len(octets)) % _BLOCK
        while octets:
            block = octets[: _BLOCK - place]
            self._checksum = zlib.crc32(block, self._checksum)
            if place + len(block) == _BLOCK:
                self._hash.update(self._checksum.to_bytes(4))
                self._checksum = 0
            place, octets = 0, octets[len(block) :]


def _dashed_line(data: bytes, start: int) -> int:
    """Return where the next newline stands that two dashes follow, or -1.

    A single octet is found far faster than three, and attachments have no dashes.
    """
    for _ in range(_FEW_DASHES):
        dash = data.find(b"-", start + 1)
        if dash < 0:
            return -1
        if data[dash - 1 : dash + 2] == b"\n--":
            return dash - 1
        start = dash
    return data.find(b"\n--", start)


def _named(field: bytes) -> tuple[bytes, bytes]:
    """Return a header field with its name, which is empty where there is none."""
    name, colon, _ = field.partition(b":")
    return (name.strip().lower() if colon else b""), field
