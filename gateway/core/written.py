"""Texts as people write and read them: invisible characters make no difference."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

#: Default_Ignorable_Code_Point (DerivedCoreProperties.txt of Unicode 15), interlinear marks, and
#: the Braille blank: all invisible.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN_RUN = re.compile(f"[{_UNSEEN}]+")
#: Those that shape adjacent characters in Persian, Hindi, Mongolian, emoji and rare ideographs.
_SHAPING = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
#: Spaces other than U+0020, and line ends.
_BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\x85]")
#: What a file name may contain but no text: octets that aren't UTF-8 (PEP 383), other lone
#: surrogates, and cursor controls.
_NO_UTF8 = re.compile("[\udc80-\udcff]+")
_NO_TEXT = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
#: Letters with a built-in accent, and what people type instead.
PLAIN_LETTERS = {
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i",
    "ŧ": "t",
}  # fmt: skip
_TO_PLAIN_LETTERS = str.maketrans(PLAIN_LETTERS)
_PUNCTUATION = re.compile(r"[\W_]+")
_UMLAUT = re.compile("([aou])e")
_ALPHABETS_WITHOUT_SHAPING = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN")
_ALIKE = 0.8  #: From here on, two words may be the same with a typo.
#: … if it is only for a hint.
_LIKE_A_NAME = 0.6


def plain(text: str) -> str:
    """Return the canonical form of a key, status, tag or address, however it was typed or copied.

    Composed (NFC), without invisible characters (zero-width spaces and joiners, soft hyphens,
    direction marks, a BOM), with plain spaces only, and stripped.
    """
    if text.isascii():
        return text.strip()
    return _BLANKS.sub(" ", visible_text(_compose(text))).strip()


def visible_text(text: str) -> str:
    """Return a text without invisible characters; spaces stay as they are."""
    return _UNSEEN_RUN.sub("", text)


def unaccented(text: str) -> str:
    """Return a text without case and accents, as people type a search.

    >>> unaccented("Łukasz Müller-Ærø")
    'lukasz muller-aero'
    """
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in parts if not unicodedata.combining(char)).casefold()
    return letters.translate(_TO_PLAIN_LETTERS)


def plain_name(text: str) -> str:
    """Return a name or title in the same form, but with the characters its script needs."""
    if text.isascii():
        return text.strip()
    composed = _compose(text)
    shaped = _UNSEEN_RUN.sub(lambda run: shaping_marks(run, composed), composed)
    return _BLANKS.sub(" ", shaped).strip()


def readable_name(name: str) -> str:
    """Return a file name or path as text that can be stored, sent and shown.

    Names are octets. Python has those that aren't UTF-8 as lone surrogates, which no store, JSON or
    page can hold. They are read as Windows-1252, as used by archives and FTP servers:
    `people-M\\udcfcnchen.csv` is `people-München.csv`. What isn't text becomes U+FFFD.
    """
    if name.isascii() and name.isprintable():
        return name
    readable = _NO_UTF8.sub(
        lambda run: run[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace"), name
    )
    return _NO_TEXT.sub("\ufffd", readable)


def short_name(name: str, octets: int) -> str:
    """Shorten a file name to that many octets, keeping its extension: file systems allow 255."""
    if len(name.encode()) <= octets:
        return name
    stem, _, ending = name.rpartition(".")
    tail = f".{ending}" if stem and len(ending.encode()) + 1 < octets else ""
    room = octets - len(tail.encode())
    return name.removesuffix(tail).encode()[:room].decode(errors="ignore") + tail


def as_read(text: str) -> str:
    """Return the form in which texts are equal if people read them as the same words.

    Case, spaces, punctuation and accents make no difference, and `ue` is `ü`: `GEKUENDIGT (
    verstorben)` is read as `Gekündigt (Verstorben)`.
    """
    decomposed = unicodedata.normalize("NFKD", plain(text).casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _UMLAUT.sub(r"\1", _PUNCTUATION.sub(" ", bare).strip())


def nearest_text(text: str, known_texts: Iterable[str], alike: float = _ALIKE) -> str:
    """Return the known text that another may be a typo of; empty if none is similar.

    `alike` is the share of letters (0 to 1) that both must have in the same order.
    """
    # Imported only for typos: everything that compares addresses needs this module.
    from difflib import get_close_matches

    forms = {_without_spaces(word): word for word in known_texts}
    closest = get_close_matches(_without_spaces(text), forms, 1, alike)
    return forms[closest[0]] if closest else ""


def did_you_mean(text: str, known_texts: Iterable[str]) -> str:
    """Return `: did you mean …?` with the most similar known text; empty if none is similar."""
    near = nearest_text(text, known_texts, _LIKE_A_NAME)
    return f": did you mean {near}?" if near else ""


def no_such_name(what: str, name: str, known_names: Iterable[str]) -> str:
    """Return the error for an unknown name, with the known ones and what may have been meant.

    `no trigger is called birthdy (known: birthday, letter): did you mean birthday?`
    """
    names = list(known_names)
    listed_names = ", ".join(names) or "none"
    return f"no {what} is called {name} (known: {listed_names}){did_you_mean(name, names)}"


def same_word(text: str, known_words: Iterable[str]) -> str:
    """Return the known word that a text spells differently; empty if there is none.

    Spaces and hyphens within are ignored: `no mail tag` is `NoMailTag`.
    """
    form = _without_spaces(text)
    return next((word for word in known_words if _without_spaces(word) == form), "")


@lru_cache(1_000)
def _without_spaces(text: str) -> str:
    return as_read(text).replace(" ", "")


def _compose(text: str) -> str:
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def shaping_marks(run: re.Match[str], text: str) -> str:
    """Return those invisible characters that shape the one before them, as in Persian or Hindi."""
    before = text[run.start() - 1] if run.start() else ""
    if not before or before.isascii():
        return ""
    if unicodedata.name(before, "").startswith(_ALPHABETS_WITHOUT_SHAPING):
        return ""
    return "".join(_SHAPING.findall(run[0]))


def colon(language: str) -> str:
    """Return the colon between a name and what follows; French has a space before it."""
    return " : " if language == "fr" else ": "


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 mail`, `15 mails`, `2 people are`.

    `plural` is used for numbers other than one, if adding an s isn't enough.
    """
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"
