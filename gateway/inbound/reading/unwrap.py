"""Prepares the parts of a mail for parsing: restores texts and opens mails attached as files."""

import binascii
import re
from base64 import encodebytes
from collections.abc import Iterator
from email.errors import MissingHeaderBodySeparatorDefect
from email.message import Message
from itertools import count
from pathlib import Path

from gateway.core.mail.transfer_encoding import transfer_encoding
from gateway.inbound.reading.mail_files.mailbox_files import (
    holds_many,
    is_mail_file,
    is_of_apple,
    take_off_end,
    without_line_above,
)
from gateway.inbound.reading.mail_files.outlook import (
    LARGEST,
    Opened,
    UnreadText,
    mail_of_msg,
    mail_of_tnef,
    text_of_tnef,
)
from gateway.inbound.reading.mail_files.rtf import RtfRoom
from gateway.inbound.reading.mail_files.smime import may_be_signed_mail, signed_content
from gateway.inbound.reading.skeleton import Skeletons, file_in, raw_payload
from gateway.inbound.reading.texts import children, file_name, is_shown

_MOST_TEXT = 6_000_000  #: Octets of text put back at most, in all parts together.
_DEEPEST = 5
_MOST_PARTS = 1_000
_TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_TNEF_NAMES = ("winmail.dat", "win.dat")
_BEGINNING = 2_000  #: Octets within which the first line of a mailbox file must end.
_MAILS = ("message/rfc822", "message/global")
#: An `=` that quoted-printable forbids (RFC 2045, 6.7); every MIME header has some.
_BARE_EQUALS = re.compile(r"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")


def unwrap(mail: Message, skeletons: Skeletons, folder: Path) -> None:
    """Put texts back into a mail, and turn encoded attached mails into ordinary parts."""
    room, rtf_room = _MOST_TEXT, RtfRoom()
    numbers = count(1)
    stack = [(mail, 0, False)]
    for _ in range(_MOST_PARTS):
        if not stack:
            return
        part, depth, has_text = stack.pop()
        if depth < _DEEPEST and (is_msg(part) or is_tnef(part)):
            file = file_in(folder, f"mail{next(numbers)}")
            inner = open_outlook(part, skeletons, file, rtf_room, has_text=has_text)
            stack += [(inner, depth + 1, False)] if inner is not None else []
            continue
        if depth < _DEEPEST and is_signed(part):
            signed = open_signed(part, skeletons, file_in(folder, f"mail{next(numbers)}"))
            stack += [(signed, depth + 1, has_text)] if signed is not None else []
            continue
        if depth < _DEEPEST and is_wrapped(part):
            open_mail(part, skeletons, file_in(folder, f"mail{next(numbers)}"))
        if part.is_multipart():
            is_mail = part.get_content_type() in _MAILS
            below = (has_text and not is_mail) or any(map(is_written, children(part)))
            stack += [(child, depth + is_mail, below) for child in reversed(children(part))]
        elif is_shown(part):
            room -= skeletons.restore(part, room)


def is_wrapped(part: Message) -> bool:
    """Whether a part is a mail that is not opened yet: encoded, or in a mail program's file."""
    if part.get_content_type() in _MAILS:
        inner = next(iter(children(part)), part)
        return not inner.keys() or source_in_quoted_printable(part) is not None
    return is_mail_file(part)


def source_in_quoted_printable(part: Message) -> str | None:
    """Return the source of a mail attached in quoted-printable; None if it isn't.

    RFC 2046, 5.2.1 forbids that, and Python's parser takes it for a mail whose header ends at the
    first broken line. Some such parts don't declare their encoding, and some that declare it aren't
    encoded; a mail that isn't has an `=` that quoted-printable forbids.
    """
    inner = next(iter(children(part)), None)
    if inner is None or not isinstance(inner.get_payload(), str):
        return None
    is_quoted = transfer_encoding(part) == "quoted-printable"
    if not is_quoted and not any("=3d" in str(value).casefold() for _, value in inner.raw_items()):
        return None
    fields = "".join(f"{name}: {value}\n" for name, value in inner.raw_items())
    is_broken = any(isinstance(fault, MissingHeaderBodySeparatorDefect) for fault in inner.defects)
    source = f"{fields}{'' if is_broken else chr(10)}{raw_payload(inner) or ''}"
    if ":" not in source[:_BEGINNING] or "=" not in source:  # base64, or nothing to decode
        return None
    return source if _BARE_EQUALS.search(source) is None else None


def is_msg(part: Message) -> bool:
    """Whether a part is a `.msg` file of Outlook."""
    name = file_name(part).casefold()
    is_named = part.get_content_type() == "application/vnd.ms-outlook" or name.endswith(".msg")
    return is_named and not part.is_multipart()


def is_tnef(part: Message) -> bool:
    """Whether a part is a `winmail.dat`, into which Outlook wraps a whole mail."""
    name = file_name(part).casefold()
    is_named = part.get_content_type() in _TNEF_TYPES or name in _TNEF_NAMES
    return is_named and not part.is_multipart()


def is_signed(part: Message) -> bool:
    """Whether a part may be a signed mail with its content inside the signature."""
    return may_be_signed_mail(part.get_content_type(), file_name(part)) and not part.is_multipart()


def is_written(part: Message) -> bool:
    """Whether a part is readable text that isn't empty, or begins with such a part."""
    while part.is_multipart() and part.get_content_type() not in _MAILS and children(part):
        part = children(part)[0]
    payload = part.get_payload()
    return is_shown(part) and isinstance(payload, str) and bool(payload.strip())


def open_outlook(
    part: Message, skeletons: Skeletons, file: Path, room: RtfRoom, *, has_text: bool
) -> Message | None:
    """Replace a file from Outlook by the mail in it, and return that; None: there is none.

    Anything else in the file stays beside the mail. A winmail.dat may also contain the text of the
    mail around it, if that has none itself.
    """
    octets = b"".join(limit_pieces(skeletons.octets(part), LARGEST))
    if len(octets) > LARGEST:
        return None
    converted = mail_of_tnef(octets, room) if is_tnef(part) else mail_of_msg(octets, room)
    inner = Message()
    if converted is not None:
        file.write_bytes(converted.octets)
        mail = skeletons.parse(file)
        if not (mail.get("from") or mail.get("subject")):
            return None
        if converted.has_unread_text:
            mail.defects.append(UnreadText())
        inner["Content-Type"] = "message/rfc822"
        inner.set_payload([mail])
        rest = _open_copy(part, has_unread_text=converted.has_unread_text)
        parts = [inner, rest] if converted.holds_more else [inner]
    else:
        text = text_of_tnef(octets, room) if is_tnef(part) and not has_text else None
        if text is None:
            return None
        inner["Content-Type"] = f"text/{text[1]}; charset=utf-8"
        inner["Content-Transfer-Encoding"] = "base64"
        inner.set_payload(encodebytes(text[0].encode("utf-8", "replace")).decode())
        parts = [inner, _open_copy(part)]
    _hold(part, *parts)
    return inner if converted is not None else None


def open_signed(part: Message, skeletons: Skeletons, file: Path) -> Message | None:
    """Replace a part by its signed content, and return that; None: the part stays as it is."""
    octets = b"".join(limit_pieces(skeletons.octets(part), LARGEST))
    content = signed_content(octets) if len(octets) <= LARGEST else None
    if content is None:
        return None
    file.write_bytes(content)
    inner = skeletons.parse(file)
    _hold(part, inner)
    return inner


def _hold(part: Message, *parts: Message) -> None:
    """Replace the subparts of a part."""
    for name in ("content-type", "content-transfer-encoding", "content-disposition", "content-id"):
        del part[name]
    part["Content-Type"] = "multipart/mixed"
    part.set_payload(list[Message | str](parts))


def _open_copy(part: Message, *, has_unread_text: bool = False) -> Opened:
    copy = Opened()
    copy.has_unread_text = has_unread_text
    for name, value in part.raw_items():
        copy[name] = value
    copy.set_payload(raw_payload(part) or "")
    return copy


def limit_pieces(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Yield pieces up to `most` octets, and the one that exceeds it, so that this is noticed."""
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            yield piece
            if size > most:
                return
    except (binascii.Error, ValueError):
        return


def open_mail(part: Message, skeletons: Skeletons, file: Path) -> None:
    """Replace a part by the mail in it, by way of a file; or leave the part as it is.

    Lines that a mail program wrote above and below the mail are removed.
    """
    inner = next(iter(children(part)), part)
    payload = inner.get_payload()
    quoted = source_in_quoted_printable(part)
    if quoted is not None:
        inner = Message()
        inner["Content-Transfer-Encoding"] = "quoted-printable"
        inner.set_payload(quoted)
    elif inner is not part and isinstance(payload, str) and ":" not in payload[:_BEGINNING]:
        # A mail must not be in base64 (RFC 2046, 5.2.1), but some are.
        inner["Content-Transfer-Encoding"] = "base64"
    pieces, beginning = skeletons.octets(inner), b""
    for piece in pieces:
        beginning += piece
        if len(beginning) >= _BEGINNING:
            break
    with file.open("wb") as opened:
        opened.write(without_line_above(beginning))
        opened.writelines(pieces)
    if is_of_apple(beginning):
        take_off_end(file)
    is_own_form = is_mail_file(part) and not file_name(part).casefold().endswith(".eml")
    if is_own_form and holds_many(file):
        return
    mail = skeletons.parse(file)
    if not (mail.get("from") or mail.get("subject")):
        return
    if is_own_form:  # One that stays a file is named after its subject.
        del part["content-disposition"]
    del part["content-transfer-encoding"]
    del part["content-type"]
    part["Content-Type"] = "message/rfc822"
    part.set_payload([mail])
