"""Texts as people write and read them: what can't be seen in them makes no difference."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

#: Default_Ignorable_Code_Point (DerivedCoreProperties.txt of Unicode 15), interlinear marks, and
#: the blank of Braille: none of it can be seen.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN_RUN = re.compile(f"[{_UNSEEN}]+")
#: Of these, what shapes its neighbours in Persian, Hindi, Mongolian, emoji and rare ideographs.
_SHAPING = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
#: Blanks of other widths than the usual one, and ends of lines.
_BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\x85]")
#: What a file's name may have and no text: octets that aren't UTF-8 (PEP 383), other halves of
#: characters, and what moves a cursor.
_NO_UTF8 = re.compile("[\udc80-\udcff]+")
_NO_TEXT = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
#: Letters with an accent that isn't a mark of its own, and what people type who have none.
PLAIN_LETTERS = {
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i",
    "ŧ": "t",
}  # fmt: skip
_TO_PLAIN_LETTERS = str.maketrans(PLAIN_LETTERS)
_PUNCTUATION = re.compile(r"[\W_]+")
_UMLAUT = re.compile("([aou])e")
_ALPHABETS_WITHOUT_SHAPING = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN")
_ALIKE = 0.8  #: From here on two words may be the same one with a slip.
#: … where nothing follows from it but a hint.
_LIKE_A_NAME = 0.6


def plain(text: str) -> str:
    """Return a key, status, tag or address as it counts, however it was typed or copied.

    Composed (NFC), without what can't be seen (zero-width blanks and joiners, soft hyphens, marks
    of direction, a BOM); other blanks are the usual one, none is left at the ends.
    """
    if text.isascii():
        return text.strip()
    return _BLANKS.sub(" ", seen(_composed(text))).strip()


def seen(text: str) -> str:
    """Return a text without what can't be seen in it; blanks stay as they are."""
    return _UNSEEN_RUN.sub("", text)


def unaccented(text: str) -> str:
    """Return a text without case and accents, as people type what they look for.

    >>> unaccented("Łukasz Müller-Ærø")
    'lukasz muller-aero'
    """
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in parts if not unicodedata.combining(char)).casefold()
    return letters.translate(_TO_PLAIN_LETTERS)


def plain_name(text: str) -> str:
    """Return a name or title in the same way; what its script needs to look right stays."""
    if text.isascii():
        return text.strip()
    composed = _composed(text)
    shaped = _UNSEEN_RUN.sub(lambda run: shaping_marks(run, composed), composed)
    return _BLANKS.sub(" ", shaped).strip()


def readable_name(name: str) -> str:
    """Return the name of a file, or a path, as text that can be stored, sent and shown.

    Names are octets. Python has those that aren't UTF-8 as lone surrogates, which neither a store
    nor JSON nor a page takes. They are read as Windows-1252, in which archives and FTP servers
    bring them: `people-M\\udcfcnchen.csv` is `people-München.csv`. What is no text is U+FFFD.
    """
    if name.isascii() and name.isprintable():
        return name
    readable = _NO_UTF8.sub(
        lambda run: run[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace"), name
    )
    return _NO_TEXT.sub("\ufffd", readable)


def short_name(name: str, octets: int) -> str:
    """Return a file's name in at most that many octets, its ending kept: file systems have 255."""
    if len(name.encode()) <= octets:
        return name
    stem, _, ending = name.rpartition(".")
    tail = f".{ending}" if stem and len(ending.encode()) + 1 < octets else ""
    room = octets - len(tail.encode())
    return name.removesuffix(tail).encode()[:room].decode(errors="ignore") + tail


def as_read(text: str) -> str:
    """Return what two texts have in common that people read as the same words.

    Case, blanks, punctuation and accents make no difference, and `ue` is `ü`:
    `GEKUENDIGT ( verstorben)` is read as `Gekündigt (Verstorben)`.
    """
    decomposed = unicodedata.normalize("NFKD", plain(text).casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _UMLAUT.sub(r"\1", _PUNCTUATION.sub(" ", bare).strip())


def nearest(text: str, known: Iterable[str], alike: float = _ALIKE) -> str:
    """Return the known text that another one may be a slip of; empty: none is near.

    `alike` is the share of letters (0 to 1) that both must have in the same order.
    """
    # Loaded for slips alone: all that compares addresses needs this module.
    from difflib import get_close_matches

    forms = {_squeezed(word): word for word in known}
    closest = get_close_matches(_squeezed(text), forms, 1, alike)
    return forms[closest[0]] if closest else ""


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return `: did you mean …?` with the known text that is nearest; empty: none is near."""
    near = nearest(text, known, _LIKE_A_NAME)
    return f": did you mean {near}?" if near else ""


def no_such_name(what: str, name: str, known: Iterable[str]) -> str:
    """Return that nothing has a name, what there is, and what may have been meant.

    `no trigger is called birthdy (known: birthday, letter): did you mean birthday?`
    """
    names = list(known)
    known_names = ", ".join(names) or "none"
    return f"no {what} is called {name} (known: {known_names}){did_you_mean(name, names)}"


def same_word(text: str, known: Iterable[str]) -> str:
    """Return the known word that a text is in another spelling; empty where there is none.

    Blanks and hyphens within make no difference: `no mail tag` is `NoMailTag`.
    """
    form = _squeezed(text)
    return next((word for word in known if _squeezed(word) == form), "")


@lru_cache(1_000)
def _squeezed(text: str) -> str:
    return as_read(text).replace(" ", "")


def _composed(text: str) -> str:
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def shaping_marks(run: re.Match[str], text: str) -> str:
    """Return of what can't be seen what shapes the character before it, as in Persian or Hindi."""
    before = text[run.start() - 1] if run.start() else ""
    if not before or before.isascii():
        return ""
    if unicodedata.name(before, "").startswith(_ALPHABETS_WITHOUT_SHAPING):
        return ""
    return "".join(_SHAPING.findall(run[0]))


def colon(language: str) -> str:
    """Return what stands between a name and what is said of it; French has a blank before it."""
    return " : " if language == "fr" else ": "


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 mail`, `15 mails`, `2 people are`.

    `plural` is used for other numbers than one, if adding an s isn't enough.
    """
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"
