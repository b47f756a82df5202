"""Words for a.m. and p.m., by language: `9:15 du.`, `9:15 CH`.

First the words before noon, then those from noon on. Words of two Latin letters count only in their
own language, or if nothing follows them.
"""

from collections.abc import Collection

_HALVES = {
    "af": ("vm", "nm"),
    "am": ("ጥዋት", "ከሰዓት"),
    "ar": ("ص|صباحا", "م|مساء"),
    "bg": ("проб|преди обяд", "слоб|следобед"),
    "bs": ("prijepodne|prije podne", "popodne|poslije podne"),
    "br": ("am", "gm"),
    "ckb": ("بن", "دن"),
    "cs": ("dop|dopoledne", "odp|odpoledne"),
    "cy": ("yb", "yh"),
    "de": ("vorm|vormittags|morgens", "nachm|nachmittags|abends"),
    "dsb": ("dop|dopołdnja", "wótp|wótpołdnja"),
    "eo": ("atm", "ptm"),
    "fa": ("قظ|قبلازظهر", "بظ|بعدازظهر"),
    "fi": ("ap", "ip"),
    "ga": ("rn", "in"),
    "he": ("לפנה״צ|לפנהצ", "אחה״צ|אחהצ"),
    "hsb": ("dop|dopołdnja", "pop|popołdnju"),
    "hu": ("de", "du"),
    "is": ("fh", "eh"),
    "ja": ("午前", "午後"),
    "ky": ("тң|таңкы", "тк|түштөн"),
    "lb": ("moies", "nomëttes"),
    "lo": ("ກ່ອນທ່ຽງ", "ຫຼັງທ່ຽງ"),
    "lt": ("priešpiet", "popiet"),
    "lv": ("priekšp|priekšpusdienā", "pēcp|pēcpusdienā"),
    "mk": ("претпл|претпладне", "попл|попладне"),
    "mn": ("үө", "үх"),
    "ms": ("pg", "ptg"),
    "my": ("နံနက်", "ညနေ"),
    "nds": ("vm", "nm"),
    "ne": ("पूर्वाह्न", "अपराह्न"),
    "nn": ("fm", "em"),
    "or": ("ପୂ|ପୂର୍ବାହ୍ନ", "ଅ|ଅପରାହ୍ନ"),
    "pa": ("ਪੂਦੁ", "ਬਾਦੁ"),
    "ps": ("غم", "غو"),
    "se": ("ib|iđitbeaivet", "eb|eahketbeaivet"),
    "si": ("පෙව", "පව"),
    "sl": ("dop|dopoldne", "pop|popoldne"),
    "sq": ("pd|paradite", "md|pasdite"),
    "sr": ("пре подне|прије подне|pre podne", "поподне|по подне|послије подне|po podne"),
    "sv": ("fm|förmiddag", "em|eftermiddag"),
    "ta": ("முற்பகல்", "பிற்பகல்"),
    "th": ("ก่อนเที่ยง", "หลังเที่ยง"),
    "tk": ("goöň", "gosoň"),
    "tr": ("öö", "ös"),
    "ug": ("چب|چۈشتىن بۇرۇن", "چك|چۈشتىن كېيىن"),
    "uk": ("дп", "пп"),
    "uz": ("to|то", "tk|тк"),
    "vi": ("sa|sáng", "ch|chiều|tối"),
    "zh": ("上午", "下午"),
}
#: Characters that a word may include or omit.
_SILENT = dict.fromkeys(map(ord, ".’'\u200c\xad,;()"))


def _table() -> dict[str, tuple[bool, frozenset[str]]]:
    """Return for each word whether it means p.m., and in which languages."""
    table: dict[str, tuple[bool, frozenset[str]]] = {}
    for language, halves in _HALVES.items():
        for is_late, words in enumerate(halves):
            for word in words.split("|"):
                others = table[word][1] if word in table else frozenset()
                table[word] = (bool(is_late), others | {language})
    return table


_TABLE = _table()
_OF_NAMES = frozenset(["de", "du", "in", "to", "am", "ap"])


def without_half(text: str) -> str:
    """Remove a word for a.m. or p.m. from the start of a text that follows a time.

    A capitalised word is taken for a name (`Pop Ion`). Words that also begin names (`de Vries`)
    count only with a full stop.
    """
    words = text.split()
    for count in (2, 1):
        phrase = " ".join(words[:count])
        word = phrase.casefold().translate(_SILENT)
        is_name = phrase.istitle() or (word in _OF_NAMES and "." not in phrase)
        if len(words) > count and word in _TABLE and not is_name:
            return " ".join(words[count:])
    return text


def is_past_noon(before: str, behind: str, languages: Collection[str]) -> bool | None:
    """Whether the words beside a time mean p.m.; None if they don't say."""
    first, last = behind.split()[:2], before.split()[-2:]
    for words in (" ".join(first), *first[:1], " ".join(last), *last[-1:]):
        word = words.casefold().translate(_SILENT)
        if word in _TABLE and not words.istitle():  # `Pop Ion` is a name
            is_late, spoken_in = _TABLE[word]
            is_sign = not languages and words.isupper()  # `9:15 CH`
            is_last = words == behind.strip()
            if (
                len(word) > 2
                or is_last
                or is_sign
                or not word.isascii()
                or spoken_in.intersection(languages)
            ):
                return is_late
    return None
