"""Text for those who take ASCII only: replies of SMTP, file names, terminals."""

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
    """Write text in printable ASCII, letters as near as they come: `Grüße, René` → `Gruesse, Rene`.

    What has no near form becomes `?`.
    """
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", text).translate(_FOLDED)
    apart = unicodedata.normalize("NFKD", composed)
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return "".join(
        letter if " " <= letter <= "~" else " " if letter.isspace() else "?" for letter in plain
    )
