"""The text of a mail that Outlook kept as RTF alone, in a `.msg` or a `winmail.dat`.

It is compressed (MS-OXRTFCP); HTML that was turned into it is still in it (MS-OXRTFEX).
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

_LARGEST = 400_000  #: Octets of RTF that are read of one mail, whatever holds them.
_LARGEST_COMPRESSED = 100_000  #: A reference of two octets stands for seventeen at most.
_TOKEN = re.compile(
    r"(?P<tag>\\\*\\htmltag\d* ?)|(?P<switch>\\htmlrtf(?P<off>0)?\d*(?![a-z\d]) ?)"
    r"|(?P<kept>\\(?:f|uc)\d+ ?)|(?P<brace>[{}])|\\[a-z]{1,32}-?\d* ?|\\'..|\\.|[^\\{}]+",
    re.DOTALL,
)
#: A font and its charset; 1 is the one of the whole text.
_CHARSET = re.compile(r"\{\\f(\d{1,5})(?!\d)[^{}]*?\\fcharset((?!1(?!\d))\d{1,5})")
_FIELD = re.compile(r"\\\*\\fldinst", re.IGNORECASE)


class RichText(NamedTuple):
    """What was read from RTF."""

    text: str
    kind: str  #: The subtype of `text/…`: `plain` or `html`.


@dataclass(slots=True)
class RtfRoom:
    """How much RTF is still read of a mail, for a mail may hold many in the form of Outlook."""

    octets: int = _LARGEST


def read_rtf(compressed: bytes, room: RtfRoom) -> RichText | None:
    """Read compressed RTF; None where there is no room for it, it holds no text, or isn't RTF.

    What is read takes away from `room`. Raises whatever the libraries make of broken input.
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
    # striprtf 0.0.35 takes a font that names no charset to have the next one's, and puts names
    # beyond ASCII (`MS 明朝`) into the text. Its search for links can take hours.
    fonts = library.font_table_group(rtf)
    charsets = "".join(map("{{\\f{0[0]}\\fcharset{0[1]} x;}}".format, _CHARSET.findall(fonts)))
    rtf = rtf.replace(fonts, f"{{\\fonttbl{charsets}}}", 1) if fonts else rtf
    rtf = _FIELD.sub(r"\\fldinst", rtf)
    has_markup = "\\fromhtml1" in rtf[:2_000]
    text = library.rtf_to_text(markup_in(rtf) if has_markup else rtf, errors="replace")
    # A sign beyond the first 65,536 of Unicode is written as two (`\u-10179?\u-8704?`).
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return RichText(text.strip("\0"), "html" if has_markup else "plain") if text.strip() else None


def markup_in(rtf: str) -> str:
    """Return RTF whose text is the HTML that it was made of (MS-OXRTFEX, 2.1.3).

    Tags stand in groups that readers of RTF pass over; what was made of them is switched off. Fonts
    count there too, for they tell the charset of the text behind them.
    """
    written: list[str] = []
    states: list[bool] = []
    is_made = False  #: Whether it was made of a tag, and isn't HTML.
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
