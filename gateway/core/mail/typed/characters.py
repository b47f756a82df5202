"""Single characters in what people type: which are invisible, and how to name them."""

import unicodedata
from collections.abc import Iterator

QUOTES = "\"'`´“”„‟‘’‚‛«»‹›′″＂＇"
#: What people put between two addresses, in their scripts' own form: Chinese, Japanese, Arabic,
#: Armenian, Ethiopic, Mongolian, four more, and forms for narrow or vertical text.
COMMAS = ",，、､﹐﹑︐︑،՝፣߸᠂᠈꓾꘍꛵⸲⸴⹁"
SEMICOLONS = ";；﹔︔\u037e؛፤꛶⁏⸵"
SEPARATORS = COMMAS + SEMICOLONS
#: Unicode's Default_Ignorable_Code_Point outside category C: fillers, joiners, variation selectors;
#: and the Braille blank.
_IGNORABLE = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0100, 0xE01EF),
)
_CONTROLS = {"\0": "NUL", "\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN"}
_SHOWN = 80  #: Characters of a text that are shown.


def is_unseen(char: str) -> bool:
    """Whether a character is invisible: a control, a line end, a joiner, but not a plain space."""
    category = unicodedata.category(char)
    is_ignorable = any(first <= ord(char) <= last for first, last in _IGNORABLE)
    return is_ignorable or category[0] == "C" or category in ("Zl", "Zp")


def invisible_characters(text: str, *, blanks: bool) -> Iterator[str]:
    """Yield the invisible characters in a text; `blanks`: including spaces other than U+0020."""
    if text.isascii() and text.isprintable():
        return
    for char in text:
        is_blank = unicodedata.category(char) == "Zs"
        if is_blank and (char == " " or not blanks):
            continue
        if is_blank or is_unseen(char):
            yield char


def is_blank(char: str) -> bool:
    """Whether a character is a space of any width, a tab or a line end."""
    return char in " \t\r\n" or (not char.isascii() and unicodedata.category(char) == "Zs")


def without_blanks_around(text: str) -> str:
    """Strip spaces, tabs and line ends from a text, but no other invisible characters."""
    start, end = 0, len(text)
    while start < end and is_blank(text[start]):
        start += 1
    while start < end and is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def character_name(char: str) -> str:
    """Return a recognisable name for a character: `“ (U+201C LEFT DOUBLE QUOTATION MARK)`."""
    if char.isascii() and char.isprintable():
        return f"“{char}”"
    name = unicodedata.name(char, "") or _CONTROLS.get(char, "CONTROL CHARACTER")
    code = f"U+{ord(char):04X} {name}"
    return code if is_unseen(char) or char.isspace() else f"{char} ({code})"


def in_quotes(text: str) -> str:
    """Return a text in quotes, with invisible characters made visible, on one short line."""
    hidden = set(invisible_characters(text[:_SHOWN], blanks=True))
    visible_text = "".join(
        f"\\u{ord(char):04x}" if char in hidden else char for char in text[: _SHOWN + 1]
    )
    return f"“{visible_text[:_SHOWN]}…”" if len(text) > _SHOWN else f"“{visible_text}”"
