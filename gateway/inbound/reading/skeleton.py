"""A mail without the bulk of its attachments, so that parsing is cheap whatever its size.

Long runs of base64 are left out before the mail is parsed and put back when a part is decoded. They
can't contain any MIME structure: a boundary begins with `--`, a field has a colon. The first block
of each run stays, and with it the empty line above a part's content.
"""

import base64
import binascii
import mmap
import quopri
import re
import secrets
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageDefect
from email.message import Message
from pathlib import Path

from gateway.core.mail.transfer_encoding import decoded_payload, transfer_encoding
from gateway.inbound.reading.embedded import pieces_without_embedded

_BLOCK = 32_768  #: Octets checked for base64 at a time.
_PIECE = 256 * 1024
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FOREIGN = bytes(set(range(256)) - set(_LETTERS))
_OF_RUNS = _LETTERS + b"=\r\n"
MAX_SKELETON = 8_000_000  #: Octets that are parsed at most.


class TooMuch(Exception):
    """A mail has more of something than is parsed; the text says what."""


class CutText(MessageDefect):
    """A text is longer than what is read of it."""


def file_in(folder: Path, name: str) -> Path:
    """Return the path for a file of a mail; create the folder, readable only by this user."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / name


@dataclass(frozen=True, slots=True)
class OctetRange:
    """Octets of a file."""

    file: Path
    start: int
    end: int

    def pieces(self) -> Iterator[bytes]:
        """Yield them piece by piece."""
        with self.file.open("rb") as file:
            file.seek(self.start)
            left = self.end - self.start
            while left and (piece := file.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece


@dataclass(slots=True)
class Skeletons:
    """The mails of one reading, and what was left out of them."""

    runs: dict[str, OctetRange] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: f"x{secrets.token_hex(16)}x")
    size: int = 0

    def parse(self, file: Path) -> Message:
        """Parse a mail in a file; raise `TooMuch` if too much is left to parse."""
        if not file.stat().st_size:
            return Message()
        parts: list[bytes] = []
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mail:
            end = 0
            for start, stop in base64_runs(mail):
                self._keep(parts, mail, end, start)
                token = f"{self.mark}{len(self.runs)}x"
                self.runs[token] = OctetRange(file, start, stop)
                parts.append(token.encode())
                end = stop
            self._keep(parts, mail, end, len(mail))
        return message_from_bytes(b"".join(parts))

    def _keep(self, parts: list[bytes], mail: mmap.mmap, start: int, end: int) -> None:
        self.size += end - start
        if self.size > MAX_SKELETON:
            raise TooMuch(f"more than {MAX_SKELETON // 1_000_000} MB beside its attachments")
        parts.append(mail[start:end])

    def octets(self, part: Message) -> Iterator[bytes]:
        """Yield a part's decoded content piece by piece; unchanged if it can't be decoded."""
        payload = raw_payload(part)
        if payload is None:
            return
        pieces = self._restored(payload)
        match transfer_encoding(part):
            case "base64":
                yield from decoded_base64(pieces)
            case "quoted-printable":
                yield from decoded_quoted_printable(pieces)
            case "x-uuencode" | "uuencode" | "uue" | "x-uue":
                yield decoded_payload(part)
            case _:
                yield from pieces

    def restored(self, octets: bytes) -> Iterator[bytes]:
        """Yield octets with everything that was left out put back."""
        return self._restored(octets.decode("ascii", "surrogateescape"))

    def restore(self, part: Message, room: int) -> int:
        """Put back what was left out of a text, up to `room` octets; return how many.

        What doesn't fit stays left out: it is in the raw mail. Of a text in base64, that would make
        all that follows illegible, so only the files embedded in it are left out, and its end.
        Elsewhere it is nothing but such files, as text has spaces.
        """
        payload = raw_payload(part)
        if payload is None or self.mark not in payload:
            return 0
        marks = re.findall(rf"{self.mark}[0-9]+x", payload)
        tokens = {token: self.runs[token] for token in marks if token in self.runs}
        size = sum(run.end - run.start for run in tokens.values())
        if size > room and transfer_encoding(part) == "base64":
            return self._restore_beginning(part, room)
        for token, run in tokens.items():
            whole = b"".join(run.pieces()).decode("ascii") if size <= room else ""
            payload = payload.replace(token, whole)
        part.set_payload(payload)
        return size

    def _restore_beginning(self, part: Message, room: int) -> int:
        """Put back the beginning of a text in base64, without the files embedded in it."""
        most = max(room, 2 * _BLOCK) // 4 * 3
        text = bytearray()
        for piece in pieces_without_embedded(self.octets(part)):
            text += piece
            if len(text) > most:
                part.defects.append(CutText())
                break
        encoded = base64.encodebytes(text[:most]).decode()
        part.set_payload(encoded)
        return min(room, len(encoded))

    def _restored(self, payload: str) -> Iterator[bytes]:
        end = 0
        for token in re.finditer(rf"{self.mark}[0-9]+x", payload):
            yield _as_octets(payload[end : token.start()])
            yield from self.runs[token[0]].pieces()
            end = token.end()
        yield _as_octets(payload[end:])


def base64_runs(mail: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield start and end of base64 that can be left out: whole blocks, except the first."""
    first = None
    for start in range(0, len(mail), _BLOCK):
        block = mail[start : start + _BLOCK]
        if len(block) == _BLOCK and not block.translate(None, _OF_RUNS):
            first = start if first is None else first
            continue
        if first is not None and start - first > _BLOCK:
            yield first + _BLOCK, start
        first = None


def raw_payload(part: Message) -> str | None:
    """Return the raw content of a part, not decoded; None if it is a multipart.

    Non-ASCII octets are surrogates in it. `Message.get_payload` would decode them by the part's
    charset, or to U+FFFD, and the octets of a file sent as 8bit would be lost.
    """
    payload = part.get_payload()
    if not isinstance(payload, str) or payload.isascii():
        return payload if isinstance(payload, str) else None
    bare = copy(part)
    del bare["content-transfer-encoding"]
    octets = bare.get_payload(decode=True)
    return octets.decode("ascii", "surrogateescape") if isinstance(octets, bytes) else None


def _as_octets(text: str) -> bytes:
    return text.encode("ascii", "surrogateescape")


def decoded_base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decode base64, skipping characters that don't belong in it (RFC 2045, 6.8)."""
    left = b""
    for piece in pieces:
        letters = left + piece.translate(None, _FOREIGN)
        whole = len(letters) // 4 * 4
        left = letters[whole:]
        yield binascii.a2b_base64(letters[:whole])
    if len(left) > 1:
        yield base64.b64decode(left + b"=" * (4 - len(left)))


def decoded_quoted_printable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decode quoted-printable (RFC 2045, 6.7); an `=C3` may be split between two pieces."""
    left = b""
    for piece in pieces:
        octets = left + piece
        begun = octets.rfind(b"=", -2)
        end = begun if begun >= 0 else len(octets)
        left = octets[end:]
        yield quopri.decodestring(octets[:end])
    yield quopri.decodestring(left)
