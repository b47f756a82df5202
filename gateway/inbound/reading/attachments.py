"""The files that came with a mail, each decoded into a separate file."""

import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gateway.core.mail.headers import decode_value
from gateway.core.mail.keepable import keepable
from gateway.core.replies.document_types import OTHER, clean_filename, document_type
from gateway.inbound.reading.mail_files.mailbox_files import is_left_out
from gateway.inbound.reading.mail_files.outlook import Opened, mail_within
from gateway.inbound.reading.mail_files.rtf import RtfRoom
from gateway.inbound.reading.markup import read_page
from gateway.inbound.reading.skeleton import Skeletons, TooMuch, file_in
from gateway.inbound.reading.texts import children, decoded_text, file_name, is_shown, is_utf8
from gateway.inbound.reading.unwrap import is_tnef

MOST_ATTACHMENTS = 1_000
_MOST_PARTS = 5_000
_MOST_TNEF = 30_000_000
#: The share of an HTML file's words found in the text from which it is the same text.
_ENOUGH = 0.9
_MOST_MARKUP = 1_000_000
_LARGEST_LOGO = 60_000  #: Octets; a larger picture that the text doesn't show is kept.
_HIGHEST_LOGO = 128  #: Pixels of a picture attached with a content id or a logo's name …
_HIGHEST_ICON = 32  #: … and of any other.
_MOST_SEGMENTS = 100  #: Of a JPEG, searched for its size.
_LOGO_NAME = re.compile(r"logo|image\d{3}\b|outlook-", re.IGNORECASE)
_CID = re.compile(r"cid:([^\"'\s>)&]{1,500})", re.IGNORECASE)
#: Names that programs generate for unnamed parts: `part-1.html`, `Original html part.html`.
_MADE_UP = re.compile(
    r"(?:original|part|teil|deel|partie|attachment|anhang|bijlage|noname|unnamed|untitled|unknown"
    r"|ohne titel|naamloos|sans titre|message|nachricht|bericht|body|text|mail|html)"
    r"[\w .-]{0,40}\.html?",
    re.IGNORECASE,
)
#: Types of signatures (RFC 8551, 3.5.3; RFC 3156, 5) and of keys that programs send along …
_SIGNATURES = (
    *("application/pkcs7-signature", "application/x-pkcs7-signature"),
    *("application/pgp-signature", "application/pgp-keys"),
)
#: … and the names that programs give them: S/MIME, GnuPG, Thunderbird, Proton.
_SIGNATURE_NAME = re.compile(
    r"smime\.p7s|(?:openpgp_)?signature(?:\.asc)?|openpgp_0x[0-9a-f]{4,40}\.asc"
    r"|publickey ?-.{1,200}\.asc",
    re.IGNORECASE,
)
_LONGEST_NAME = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a mail."""

    filename: str  #: As written by its sender; empty if there is none.
    content_type: str
    size: int
    sha256: str
    file: str  #: The path of the decoded file.


class AttachmentSaver:
    """Decodes attachments into a folder, up to `MOST_ATTACHMENTS`."""

    def __init__(self, folder: Path, skeletons: Skeletons) -> None:
        self._folder = folder
        self._skeletons = skeletons
        self._numbers = count(1)

    def save_files_of(
        self, mail: Message, *, opened: Sequence[Message | None] = (), text: str = ""
    ) -> Iterator[Attachment]:
        """Yield the files of a mail; for an attached mail that was `opened`, those in it.

        HTML of the recovered `text`, as attached by Claws Mail and aerc, is left out.
        """
        leaves = list(leaves_of(mail))
        pages = [
            part for part in leaves if part.get_content_type() == "text/html" and is_shown(part)
        ]
        shown_ids: set[str] = set()
        if any(part.get_content_maintype() == "image" for part in leaves):
            shown_ids.update(
                unquote(cid) for page in pages for cid in _CID.findall(decoded_text(page))
            )
        pictures = 0  #: How many pictures are shown in the HTML that was left out; they come next.
        for part in leaves:
            inner = next((child for child in children(part) if child in opened), None)
            if inner is not None:
                yield from self.save_files_of(inner, opened=opened, text=text)
            elif self.is_html_of(part, text):
                pictures += len(set(_CID.findall(self._markup(part))))
            elif pictures and _is_untyped_image(part):
                pictures -= 1
            elif (
                is_shown(part)
                or (_is_untyped_image(part) and self.is_logo(part, in_html=bool(pages)))
                or is_picture_in(part, shown_ids)
                or is_another_reading(part)
                or is_signature(part)
                or is_left_out(part)
            ):
                continue
            elif part.is_multipart():
                yield self.keep_mail(part)
            else:
                yield from self.keep_file(part)

    def is_html_of(self, part: Message, text: str) -> bool:
        """Whether an attached file is a text again, as HTML, under a generated name."""
        if part.get_content_type() != "text/html" or is_shown(part):
            return False
        name = file_name(part)
        if "." in name and _MADE_UP.fullmatch(name) is None:
            return False
        words = _words("\n".join(read_page(self._markup(part)).lines))
        return bool(words) and len(words & _words(text)) >= _ENOUGH * len(words)

    def is_logo(self, part: Message, *, in_html: bool) -> bool:
        """Whether a picture is a small one belonging to the text (a logo), not a document.

        Gmail and Apple Mail give every file a content id. So if the HTML doesn't show the picture,
        or it is an attachment, an id alone proves nothing: the picture must also be no higher than
        a few lines of text. Sylpheed forwards every picture as an attachment without an id: then it
        must also have a logo's name, or be as low as an icon.
        """
        octets = bytearray()
        for piece in _until_broken(self._skeletons.octets(part)):
            octets += piece
            if len(octets) > _LARGEST_LOGO:
                return False
        disposition = str(part.get("content-disposition", "")).strip().casefold()
        is_attached, has_id = disposition.startswith("attachment"), "content-id" in part
        if disposition.startswith("inline") or (has_id and not in_html and not is_attached):
            return True
        height = height_of(octets)
        if height is None or not (is_attached or has_id):
            return False
        is_logo = has_id or _LOGO_NAME.match(file_name(part)) is not None
        return height <= (_HIGHEST_LOGO if is_logo else _HIGHEST_ICON)

    def _markup(self, part: Message) -> str:
        octets = bytearray()
        for piece in _until_broken(self._skeletons.octets(part)):
            octets += piece
            if len(octets) > _MOST_MARKUP:
                break
        return octets.decode("utf-8" if is_utf8(octets) else "cp1252", "replace")

    def keep_file(self, part: Message) -> Iterator[Attachment]:
        """Save an attached file; for a winmail.dat, the files that Outlook wrapped into it."""
        content_type = part.get_content_type()
        saved = self._save(self._skeletons.octets(part), file_name(part), content_type)
        inner: list[tuple[str, bytes]] = []
        is_unread = isinstance(part, Opened) and part.has_unread_text
        if is_tnef(part) and saved.size <= _MOST_TNEF:
            try:
                from tnefparse import TNEF  # 1 MB that few mails need

                # A parser of 2021 for a format of 1996: whatever it raises, the file is kept as it
                # is.
                files: Any = TNEF(Path(saved.file).read_bytes(), do_checksum=False).attachments
                mail = mail_within(files, RtfRoom(0)) if isinstance(part, Opened) else None
                if mail is not None:
                    del files[mail[0]]
                inner = [(str(file.long_filename() or ""), bytes(file.data)) for file in files]
            except Exception:
                inner = []
        if is_unread or (not inner and not (is_tnef(part) and isinstance(part, Opened))):
            yield saved
        for name, octets in inner[:MOST_ATTACHMENTS]:
            yield self._save([octets], name.strip("\0 "), "application/octet-stream")

    def keep_mail(self, part: Message) -> Attachment:
        """Save an attached mail, or a report's part, as a file."""
        inner = next(iter(children(part)), part)
        subject = decode_value(str(inner.get("subject", "")).encode("utf-8", "surrogateescape"))
        name = file_name(part) or f"{' '.join(subject.split()) or 'message'}.eml"
        try:
            octets = inner.as_bytes()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            octets = str(inner.get_payload()).encode("utf-8", "replace")
        return self._save(self._skeletons.restored(octets), name, part.get_content_type())

    def _save(self, pieces: Iterable[bytes], name: str, content_type: str) -> Attachment:
        number = next(self._numbers)
        if number > MOST_ATTACHMENTS:
            raise TooMuch(f"more than {MOST_ATTACHMENTS} attachments")
        digest, size = hashlib.sha256(), 0
        file = file_in(self._folder, str(number))
        with file.open("wb") as opened:
            for piece in _until_broken(pieces):
                digest.update(piece)
                size += opened.write(piece)
        return Attachment(
            filename=keepable(name)[:_LONGEST_NAME],
            content_type=content_type,
            size=size,
            sha256=digest.hexdigest(),
            file=str(file),
        )


def _until_broken(pieces: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except (binascii.Error, ValueError):
        return


def leaves_of(mail: Message) -> Iterator[Message]:
    """Yield the parts of a mail in order; an attached mail counts as one part."""
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            return
        part = stack.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            stack += reversed(children(part))
        elif part.get_content_maintype() != "multipart":
            yield part
    raise TooMuch(f"more than {_MOST_PARTS} parts")


def is_picture_in(part: Message, content_ids: set[str]) -> bool:
    """Whether a part is a picture whose content id the HTML shows."""
    content_id = str(part.get("content-id", "")).strip().strip("<>")
    return part.get_content_maintype() == "image" and unquote(content_id) in content_ids


def is_signature(part: Message) -> bool:
    """Whether a part is a mail's signature, or a key sent along, not a document.

    The signature of a file, such as `Vertrag.pdf.p7s`, is a document.
    """
    name = file_name(part)
    if not name:
        return part.get_content_type() in _SIGNATURES
    return _SIGNATURE_NAME.fullmatch(name) is not None


def height_of(picture: bytes | bytearray) -> int | None:
    """Return the height in pixels of a PNG, GIF or JPEG; None if its beginning doesn't contain it.

    In a JPEG it is in the frame header, after other segments (ITU-T T.81, B.2.2).
    """
    if picture.startswith(b"\x89PNG\r\n\x1a\n") and picture[12:16] == b"IHDR":
        return int.from_bytes(picture[20:24], "big")
    if picture[:6] in (b"GIF87a", b"GIF89a"):
        return int.from_bytes(picture[8:10], "little")
    start = 2 if picture.startswith(b"\xff\xd8") else len(picture)
    for _ in range(_MOST_SEGMENTS):
        if picture[start : start + 1] != b"\xff" or len(picture) < start + 7:
            break
        marker = picture[start + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(picture[start + 5 : start + 7], "big") or None
        start += 2 + int.from_bytes(picture[start + 2 : start + 4], "big")
    return None


def _is_untyped_image(part: Message) -> bool:
    """Whether a part is a picture whose name doesn't say that it is a photo or a certificate."""
    if part.get_content_maintype() != "image":
        return False
    name = clean_filename(file_name(part) or "image")
    return document_type(name, content_type=part.get_content_type()) == OTHER


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def is_another_reading(part: Message) -> bool:
    """Whether a part is the text in another form: an invitation, a version for watches."""
    disposition = str(part.get("content-disposition", "")).strip().casefold()
    is_text = part.get_content_maintype() == "text"
    return is_text and not disposition.startswith("attachment") and not file_name(part)
