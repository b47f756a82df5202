"""Recognising a retry of the same mail: a hash of everything that a retry leaves unchanged.

About half of all mail libraries generate a new Message-ID, Date and MIME boundary for every send.
The hash leaves these out, and also what a hop or a signer adds (`Received`, `DKIM-Signature`).
Everything else counts, octet for octet: a different word, another line that starts with `--` or a
changed octet in an attachment make it a different mail.
"""

import zlib
from hashlib import blake2b

from gateway.core.mail.boundaries import Boundaries, dashed_line
from gateway.core.mail.content import header_block

WHOLLY_HASHED = 65_536  #: Octets of content that get a cryptographic hash.
_BLOCK = 65_536  #: Octets per checksum beyond that.

_CHANGES = frozenset((b"message-id", b"date", b"received", b"dkim-signature"))


class ContentHash:
    """Takes the content of one mail from a `Cleaner`: no CR LF is split.

    Small content is kept and only hashed on demand, which is rare.

    Of content beyond 64 kB each block of 64 kB gets a CRC-32: a cryptographic hash of 1 MB would
    cost a quarter of all the gateway's work on the mail. A change within four octets is always
    detected; one that affects n blocks is missed once in 2^(32 n).
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._room = WHOLLY_HASHED
        self._text = ""
        self._hash = blake2b(digest_size=20)
        self._length = 0
        self._checksum = 0
        self._header: bytes | None = b""
        self._held = b""
        self._boundaries = Boundaries()

    def feed(self, octets: bytes) -> None:
        """Take some more of the content."""
        self._pieces.append(octets)
        self._room -= len(octets)
        if self._room < 0:
            self._hash_kept()

    def text(self) -> str:
        """Return the hash of everything fed; nothing can be fed after this."""
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
        octets = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._header is None:
            self._body(octets, last=False)
        else:
            self._begin(self._header + octets, is_all=False)

    def _begin(self, content: bytes, *, is_all: bool) -> None:
        block = header_block(content, is_all=is_all)
        if block is None:
            self._header = content
            return
        self._header = None
        header = block.octets
        fields = self._boundaries.marked_fields(header)
        self._add(b"\n".join(field for name, field in fields if name not in _CHANGES) + b"\n")
        self._held = b"\n"  # A boundary delimiter may be the first line of the body.
        self._body(content[len(header) :], last=False)

    def _body(self, octets: bytes, *, last: bool) -> None:
        marks = self._boundaries.marks
        if not marks or (len(self._held) < 3 and b"-" not in octets):  # Most parts.
            if octets or last:
                self._add(self._held)
                # A trailing newline may be the start of a delimiter.
                keeps = bool(marks) and not last and octets.endswith(b"\n")
                self._held = b"\n" if keeps else b""
                self._add(memoryview(octets)[:-1] if keeps else octets)
            return

        data = self._held + octets
        done = start = 0
        while (line := dashed_line(data, start)) >= 0:
            delimiter = self._boundaries.delimiter(data, line, last=last)
            if delimiter is None:
                start = line + 1
                continue
            is_whole, end = delimiter
            if not is_whole:
                self._add(data[done:line])
                self._held = data[line:]
                return
            self._add(data[done : line + 3])

            # The delimiter after its dashes, and the header of the part below it
            newline = data.find(b"\n", line + 3)
            newline = len(data) if newline < 0 else newline
            boundary, _ = self._boundaries.of_line(data[line + 3 : newline])
            assert boundary is not None
            self._add(marks[boundary] + data[line + 3 + len(boundary) : newline])
            if end > newline:
                fields = self._boundaries.marked_fields(data[newline + 1 : end])
                self._add(b"\n" + b"\n".join(field for _, field in fields))
            done = start = end
        keep = 0 if last else next((n for n in (2, 1) if data.endswith(b"\n-"[:n])), 0)
        self._held = data[len(data) - keep :]
        self._add(data[done : len(data) - keep])

    def _add(self, octets: bytes | memoryview) -> None:
        room = WHOLLY_HASHED - self._length
        self._length += len(octets)
        if room >= len(octets):
            self._hash.update(octets)
            return
        self._hash.update(memoryview(octets)[: max(0, room)])
        beyond = memoryview(octets)[max(0, room) :]
        place = (self._length - len(beyond)) % _BLOCK
        while beyond:
            block = beyond[: _BLOCK - place]
            self._checksum = zlib.crc32(block, self._checksum)
            if place + len(block) == _BLOCK:
                self._hash.update(self._checksum.to_bytes(4))
                self._checksum = 0
            place, beyond = 0, beyond[len(block) :]
