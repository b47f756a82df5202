"""Detects the encoding of a text file."""

import re
from codecs import (
    BOM_UTF8,
    BOM_UTF16_BE,
    BOM_UTF16_LE,
    BOM_UTF32_BE,
    BOM_UTF32_LE,
    getincrementaldecoder,
)
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK = 1 << 20
#: Octets that aren't UTF-8 become lone surrogates, \udc80 to \udcff; `str.isprintable` finds them.
_DECODED = re.compile(r"[\x80-\ud7ff\ue000-\U0010ffff]")
#: Octets that have no meaning in Windows-1252.
_UNDEFINED = re.compile(r"[\udc81\udc8d\udc8f\udc90\udc9d]")
#: How letters of other code pages look when read as Windows-1252: é ä ê ë ï ö in DOS (code page
#: 850) become quotes, bullets and per mille signs within a word; é ä ü in Mac OS Roman become
#: capital Ž Š Ÿ after a small letter; ł ą ż ľ in Windows-1250 become ³ ¹ ¿ ¾ ¼ within a word.
_OTHER_CODE_PAGE = re.compile(
    r"[A-Za-z][\udc82\udc84\udc88\udc89\udc8b\udc94\udc95\udc98\udc99\udc9b][A-Za-z]"
    r"|[a-z][\udc8a\udc8e\udc9f](?![A-Z])"
    r"|[A-Za-z][\udcb3\udcb9\udcbc\udcbe\udcbf][a-z\udce0-\udcff]"
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the octets of a file become text."""

    codec: str
    start: int = 0  #: Where the text begins, after a byte order mark.
    words: str = ""  #: What to tell people; empty: UTF-8, nothing to mention.
    is_cut: bool = False  #: Whether the file ends in the middle of a character.


class UnknownEncoding(ValueError):
    """The octets aren't text."""


def find_encoding(file: BinaryIO) -> Encoding:
    """Return the encoding of a file; this may read all of it.

    A file that isn't UTF-8 throughout is Windows-1252, unless part of it is UTF-8, or it makes no
    sense as Windows-1252: then it is UTF-8 with some unreadable octets. Raise UnknownEncoding.
    """
    head = file.read(4096)
    if head.startswith((BOM_UTF32_LE, BOM_UTF32_BE)):
        raise UnknownEncoding("is UTF-32; save it as CSV UTF-8")
    for mark, codec in ((BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return _utf_16(file, len(head), codec, len(mark))
    if codec := utf_16_without_mark(head):
        return _utf_16(file, len(head), codec, 0)
    start = len(BOM_UTF8) if head.startswith(BOM_UTF8) else 0
    return encoding_of_octets(file, head[start:], start)


def _utf_16(file: BinaryIO, read: int, codec: str, start: int) -> Encoding:
    size = read
    while chunk := file.read(_CHUNK):
        size += len(chunk)
    return Encoding(codec, start, "UTF-16", is_cut=size % 2 == 1)


def utf_16_without_mark(head: bytes) -> str:
    """Return the codec if nearly every other octet is zero; empty: it isn't UTF-16."""
    pairs = len(head) // 2
    if pairs < 4:
        return ""
    even, odd = head[: pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if odd > 0.8 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.8 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return ""


def encoding_of_octets(file: BinaryIO, chunk: bytes, start: int) -> Encoding:
    """Distinguish UTF-8 from Windows-1252; `chunk` is the start, after a mark of `start` octets."""
    decoder = getincrementaldecoder("utf-8")(errors="surrogateescape")
    has_strays = has_decoded = is_other = is_cut = False
    while chunk:
        text = decoder.decode(chunk)
        if _is_utf_8(text):  # A hundred times as fast as searching.
            has_decoded = has_decoded or not text.isascii()
        else:
            has_strays = True
            has_decoded = has_decoded or bool(_DECODED.search(text))
            is_other = is_other or bool(_UNDEFINED.search(text) or _OTHER_CODE_PAGE.search(text))
        chunk = file.read(_CHUNK)
    rest = decoder.decode(b"", final=True)
    is_cut = bool(rest) and not has_strays and (has_decoded or rest[0] > "\udcc1")
    if rest and not is_cut:
        has_strays = True
        is_other = is_other or bool(_UNDEFINED.search(rest))
    if start or not has_strays or has_decoded:
        words = "UTF-8, but not all of it" if has_strays else ""
        return Encoding("utf-8", start, words, is_cut)
    if is_other:
        return Encoding("utf-8", 0, "neither UTF-8 nor Windows-1252; save it as CSV UTF-8")
    return Encoding("cp1252", 0, "Windows-1252")


def _is_utf_8(text: str) -> bool:
    """Whether all of a text could be decoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
