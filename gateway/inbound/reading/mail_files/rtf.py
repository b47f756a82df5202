"""The text of a mail that Outlook stored only as RTF, in a `.msg` or a `winmail.dat`.

It is compressed (MS-OXRTFCP). If Outlook made it from HTML, that HTML is still in it (MS-OXRTFEX).
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

_LARGEST = 400_000  #: Octets of RTF parsed for one mail, all its files together.
_LARGEST_COMPRESSED = 100_000  #: Octets; two of them expand to up to seventeen.
_TOKEN = re.compile(
    r"(?P<tag>\\\*\\htmltag\d* ?)|(?P<switch>\\htmlrtf(?P<off>0)?\d*(?![a-z\d]) ?)"
    r"|(?P<kept>\\(?:f|uc)\d+ ?)|(?P<brace>[{}])|\\[a-z]{1,32}-?\d* ?|\\'..|\\.|[^\\{}]+",
    re.DOTALL,
)
#: A font and its charset; 1 means the charset of the whole text, and is ignored.
_CHARSET = re.compile(r"\{\\f(\d{1,5})(?!\d)[^{}]*?\\fcharset((?!1(?!\d))\d{1,5})")
_FIELD = re.compile(r"\\\*\\fldinst", re.IGNORECASE)


class RichText(NamedTuple):
    """Text extracted from RTF."""

    text: str
    kind: str  #: The subtype of `text/…`: `plain` or `html`.


@dataclass(slots=True)
class RtfRoom:
    """How much RTF may still be parsed for a mail, which may have many Outlook files attached."""

    octets: int = _LARGEST


def read_rtf(compressed: bytes, room: RtfRoom) -> RichText | None:
    """Parse compressed RTF; None if there is no room for it, it has no text, or isn't RTF.

    What is parsed is deducted from `room`. On broken input, the libraries' exceptions are passed
    on.
    """
    if len(compressed) > room.octets or int.from_bytes(compressed[4:8], "little") > room.octets:
        return None
    from compressed_rtf import decompress
    from striprtf import striprtf

    library: Any = striprtf  # without types
    is_compressed = compressed[8:12] == b"LZFu"
    if is_compressed and len(compressed) > _LARGEST_COMPRESSED:
        return None
    octets = decompress(compressed)
    if len(octets) > room.octets or not octets.startswith(b"{\\rtf"):
        return None
    room.octets -= len(octets)
    rtf = octets.rstrip(b"\0").decode("cp1252", "replace")
    # striprtf 0.0.35 gives a font without a charset that of the next font, and puts non-ASCII font
    # names (`MS 明朝`) into the text. Its search for links can take hours.
    fonts = library.font_table_group(rtf)
    charsets = "".join(map("{{\\f{0[0]}\\fcharset{0[1]} x;}}".format, _CHARSET.findall(fonts)))
    rtf = rtf.replace(fonts, f"{{\\fonttbl{charsets}}}", 1) if fonts else rtf
    rtf = _FIELD.sub(r"\\fldinst", rtf)
    has_markup = "\\fromhtml1" in rtf[:2_000]
    text = library.rtf_to_text(markup_in(rtf) if has_markup else rtf, errors="replace")
    # RTF writes a character beyond U+FFFF as two (`\u-10179?\u-8704?`).
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return RichText(text.strip("\0"), "html" if has_markup else "plain") if text.strip() else None


def markup_in(rtf: str) -> str:
    """Convert RTF made from HTML to RTF whose text is that HTML (MS-OXRTFEX, 2.1.3).

    The tags are in `\\*\\htmltag` groups, which other RTF readers skip; here they become text. The
    RTF equivalents (between `\\htmlrtf` and `\\htmlrtf0`) are dropped, except fonts, which
    determine the charset of the text after them.
    """
    written: list[str] = []
    states: list[bool] = []
    is_made = False  #: Whether this is the RTF equivalent of a tag, not HTML.
    for token in _TOKEN.finditer(rtf):
        if token["brace"] == "{":
            states.append(is_made)
        elif token["brace"]:
            is_made = states.pop() if states else False
        elif token["switch"]:
            is_made = not token["off"]
            continue
        elif token["tag"] or (is_made and not token["kept"]):
            continue
        written.append(token[0])
    return "".join(written)
