"""Text for channels that take only ASCII: SMTP replies, file names, terminals."""

import unicodedata

_FOLDED = str.maketrans(
    {
        **{"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe"},
        **{"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ẞ": "SS", "Æ": "Ae", "Œ": "Oe", "Ø": "Oe"},
        **{"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"},
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‘’‚‹›", "'"),
        **dict.fromkeys("–—‑−", "-"),
        **{"…": "...", "€": "EUR", "·": "-", "•": "-", "°": "o"},
    }
)


def ascii_text(text: str) -> str:
    """Transliterate text to printable ASCII: `Grüße, René` → `Gruesse, Rene`.

    Characters with no close equivalent become `?`.
    """
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", text).translate(_FOLDED)
    apart = unicodedata.normalize("NFKD", composed)
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return "".join(
        letter if " " <= letter <= "~" else " " if letter.isspace() else "?" for letter in plain
    )
