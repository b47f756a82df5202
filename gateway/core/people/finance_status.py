"""Finance statuses of people who get no birthday mail: those who have left, and the deceased."""

import re
from itertools import pairwise

from gateway.core.written import as_read, nearest_text

#: The five in S4.
HAVE_LEFT = (
    "Gekündigt",
    "Gekündigt (Widerrufen)",
    "Gekündigt (Storniert)",
    "Gekündigt (Ausgeschlossen)",
    "Gekündigt (Verstorben)",
)
#: Words that, in any finance status, mean no birthday mail.
_HAVE_DIED = (
    "verstorben",
    "verstorbene",
    "verstorbener",
    "gestorben",
    "overleden",
    "gestorven",
    "deceased",
    "décédé",
    "décédée",
    "overlijden",
    "todesfall",
)
#: The same, but only if spelt exactly: too short to recognise a typo, or too close to other words
#: (`verschiedene`, `eingeschlafen`).
_EXACT = (
    *("died", "dead", "death", "dood", "mort", "morte", "décès", "Tod", "wijlen", "zaliger"),
    *("verschieden", "entschlafen", "ontslapen", "Todestag", "Sterbefall", "défunt", "défunte"),
)
#: Abbreviations of the same: `verst. 3.2.2024`. Only between spaces and punctuation, not next to a
#: digit.
_ABBREVIATED = frozenset(("verst", "gest", "overl", "ovl", "dcd", "decd", "rip"))
#: The same in several words, and abbreviations with full stops or an apostrophe.
_PHRASES = ("passed away", "r i p", "dec d", "d c d")
#: One wrong letter in a word of six: with more differences there are too many other words
#: (`verschoben`, `overheen`, `gestolen`).
_ALIKE = 0.83
#: Words of a finance status that look like a typo of one of these. Only words people do write there
#: (`membership ceased`), and none that is also a common typo: `verleden` lacks the first letter of
#: `overleden`, `decreased` has one too many. Mail for those waits.
_OTHER_WORDS = frozenset(map(as_read, ("ceased", "décidé", "décidée")))
#: Daggers and crosses before the date of death.
_SIGNS = re.compile("[†✝✞✟]")
_LETTERS = re.compile(r"[^\W\d_]+")
_LEFT = frozenset(map(as_read, HAVE_LEFT))
_DIED = frozenset(map(as_read, (*_HAVE_DIED, *_EXACT)))


def has_left(finance_status: str) -> bool:
    """Whether somebody with this finance status has left: one of the five, as people read them.

    Case, spaces, punctuation and `ue` for `ü` make no difference. The deceased, in any of the four
    languages and whatever else the text says (`Overleden 2024`, `† 2024`), have left too.
    """
    if not finance_status:
        return False
    read = as_read(finance_status)
    if read in _LEFT or _SIGNS.search(finance_status):
        return True
    if any(f" {phrase} " in f" {read} " for phrase in _PHRASES):
        return True
    return not (_ABBREVIATED.isdisjoint(read.split()) and _DIED.isdisjoint(_words(read)))


def looks_like_left(finance_status: str) -> str:
    """Return what a finance status that isn't recognised may be meant for; empty: nothing.

    A typo (`Gekündigt (Vestorben)`, `Ovrleden`), or one of the five followed by something else
    (`Gekündigt zum 31.12.`).
    """
    if not finance_status or has_left(finance_status):
        return ""
    if as_read(HAVE_LEFT[0]) in as_read(finance_status).split():
        return HAVE_LEFT[0]
    return nearest_text(finance_status, HAVE_LEFT) or looks_like_died(finance_status)


def looks_like_died(finance_status: str) -> str:
    """Return the word for *deceased* that a finance status may misspell; empty: none.

    Nobody can say whether such a person may get a birthday mail. A few real words, such as
    `ceased`, are not taken for a typo.
    """
    if not finance_status or has_left(finance_status):
        return ""
    read = as_read(finance_status)
    parts = read.split()
    # In a word split in two (`de ceased`) each part may be a real word.
    for pair in map("".join, pairwise(parts)):
        if pair in _DIED and (word := nearest_text(pair, _HAVE_DIED, 1)):
            return word
        if word := nearest_text(pair, _PHRASES[:1], _ALIKE):
            return word
    words = [word for word in _words(read) if word not in _OTHER_WORDS]
    return next(filter(None, (nearest_text(word, _HAVE_DIED, _ALIKE) for word in words)), "")


def _words(read: str) -> list[str]:
    """Return the words of a normalised status, including those next to digits."""
    return [*read.split(), *_LETTERS.findall(read)]
