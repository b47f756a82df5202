"""The text and the HTML of a mail, from any parts and charsets."""

import binascii
import codecs
import quopri
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from html import escape

from gateway.core.mail.headers import decode_value
from gateway.core.mail.keepable import keepable
from gateway.core.mail.transfer_encoding import decoded_payload
from gateway.core.replies.forwarded.clear_signed import unsigned_text
from gateway.inbound.reading.flowed import is_flowed, unflow
from gateway.inbound.reading.skeleton import CutText

_MOST_PARTS = 5_000
_LONGEST = 1_500_000  #: Characters of text that are parsed; of the result even fewer are kept.
#: Charset labels used for a larger charset, and that charset.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "ascii": "utf-8",
}
#: A non-ASCII octet in quoted-printable.
_ESCAPE = re.compile(rb"=[89A-F][0-9A-F]")
_NO_ESCAPE = re.compile(rb"=(?![0-9A-F]{2}|[ \t]*\r?\n|[ \t]*\Z)")
_SHORTEST_BASE64 = 40
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{1,76}\r?\n)*+[A-Za-z0-9+/]{0,76}={0,2}")
_NAMED_IN = ("content-disposition", "content-type")  #: As `filename`, `filename*0*`, `name` …
#: Codecs of Python that aren't charsets of mail.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTexts:
    """The text and the HTML of a mail; either may be empty."""

    text: str | None  #: None if some part came as HTML only.
    markup: str | None  #: Not sanitised yet; None if no part is HTML.
    is_cut: bool  #: Whether the end of one of them was too long to be read.


def read_content(mail: Message) -> MailTexts:
    """Read what a mail shows, in order; attached files and mails are left out.

    From a multipart/alternative, text and HTML are both kept. A part that comes in only one of the
    two forms is also used for the other, if possible.
    """
    segments: dict[int, list[Message]] = {}
    for part, group in parts_with_group(mail):
        if is_shown(part):
            segments.setdefault(group, []).append(part)
    texts, markups = [], []
    lacks_text = has_markup = is_cut = False
    for parts in segments.values():
        plain, pages = [], []
        for part in parts:
            text = decoded_text(part)
            is_cut = is_cut or any(isinstance(defect, CutText) for defect in part.defects)
            if part.get_content_subtype() == "html":
                pages.append(text)
            else:
                whole = unflow(text[:_LONGEST], part) if is_flowed(part) else text
                plain.append(unsigned_text(whole))
        has_markup = has_markup or bool(pages)
        lacks_text = lacks_text or not plain
        text = "\n".join(plain)
        texts += [text] if plain else []
        markups.append("<br>".join(pages) if pages else text_as_markup(text))
    joined = None if has_markup and lacks_text else "\n".join(texts)
    return MailTexts(
        text=joined[:_LONGEST] if joined is not None else None,
        markup="<br>".join(markups) if has_markup else None,
        is_cut=is_cut or (joined is not None and len(joined) > _LONGEST),
    )


def text_as_markup(text: str) -> str:
    """Return HTML that shows a text line by line."""
    return f"<div>{escape(text).replace(chr(10), '<br>')}</div>"


def parts_with_group(mail: Message) -> Iterator[tuple[Message, int]]:
    """Yield the parts without subparts, each with the number of the alternative it is in."""
    stack: list[tuple[Message, int | None]] = [(mail, None)]
    for number in range(_MOST_PARTS):
        if not stack:
            return
        part, group = stack.pop()
        if not part.is_multipart():
            yield part, group if group is not None else number
        elif part.get_content_maintype() == "multipart":
            if group is None and part.get_content_subtype() == "alternative":
                group = number
            stack += [(child, group) for child in reversed(children(part))]


#: The `From ` line above each mail in a mailbox file, and the empty lines and BOM that some
#: programs put before it.
_DIVIDER = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]{0,100}(?:>?From [^\r\n]{0,1000}(?:\r\n|\r|\n))?")


def without_divider(octets: bytes) -> bytes:
    """Remove a BOM, empty lines and the line of a mailbox file (`>From …`) above a mail."""
    divider = _DIVIDER.match(octets)
    return octets[divider.end() :] if divider else octets


def children(part: Message) -> list[Message]:
    """Return the subparts of a part."""
    payload = part.get_payload()
    return [part for part in payload if isinstance(part, Message)] if part.is_multipart() else []


def file_name(part: Message) -> str:
    """Return the name given to a part by its sender, decoded from any encoding; empty without one.

    Some programs write encoded words into parameters, though RFC 2047 (5) forbids that: Emacs 28
    `=?utf-8?Q?Verk=C3=A4ufer=2Emsg?=`. Most parts have no name; that is detected quickly.
    """
    if not any(
        field.lower() in _NAMED_IN and "name" in str(value).lower()
        for field, value in part.raw_items()
    ):
        return ""
    legible = Message()  # the fields that may contain the name, with non-ASCII octets decoded
    for field, value in part.raw_items():
        if field.lower() in _NAMED_IN:
            octets = str(value).encode("utf-8", "surrogateescape")
            legible[field] = octets.decode("utf-8" if is_utf8(octets) else "latin-1")
    return decode_value(legible.get_filename("").encode("utf-8", "replace"))


def is_utf8(octets: bytes | bytearray) -> bool:
    """Whether octets are text in UTF-8."""
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_shown(part: Message) -> bool:
    """Whether a part is text to read, not a file."""
    kind = part.get_content_type()
    if kind not in ("text/plain", "text/html") and part.get_content_maintype() != "multipart":
        return False
    disposition = str(part.get("content-disposition", "")).strip().casefold()
    return not disposition.startswith("attachment") and not file_name(part)


def decoded_text(part: Message) -> str:
    """Return the text of a part: in its charset, else in UTF-8, else whatever can be read."""
    octets = decoded_payload(part)
    declared = charset_of(part)
    if "content-transfer-encoding" not in part:
        text = decoded_unsaid(octets, declared)
        if text is not None:
            return keepable(text)
    for charset in (declared, "utf-8"):
        try:
            return keepable(octets.decode(charset))
        except ValueError:
            continue
    fallback = "cp1252" if declared == "utf-8" else declared
    return keepable(octets.decode(fallback, "replace"))


def decoded_unsaid(octets: bytes, charset: str) -> str | None:
    """Return the text of a part that is encoded without saying so; None if it isn't encoded.

    Emacs drops the Content-Transfer-Encoding of a mail that it attaches (`rmail-forward`, and
    `message-forward` if `message-forward-show-mml` is nil) but leaves its content encoded.
    """
    if not octets.isascii() or charset == "ascii":
        return None
    if _ESCAPE.search(octets) is not None and _NO_ESCAPE.search(octets) is None:
        text = quopri.decodestring(octets)
    elif len(octets) >= _SHORTEST_BASE64 and _BASE64.fullmatch(octets.strip()) is not None:
        try:
            text = b64decode(octets)
        except binascii.Error:
            return None
    else:
        return None
    try:
        return text.decode(charset)
    except ValueError:
        return None


def charset_of(part: Message) -> str:
    """Return the codec for a part; UTF-8 if its charset isn't one used in mail."""
    try:
        name = codecs.lookup(part.get_content_charset("utf-8")).name
        b"x".decode(name, "replace")  # refuses codecs that don't produce text, such as base64
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in _NO_CHARSETS else _WIDER.get(name, name)
