"""Finance statuses of people who get no birthday mail: who has left, and who has died."""

import re
from itertools import pairwise

from gateway.core.written import as_read, nearest

#: The five of S4.
HAVE_LEFT = (
    "Gekündigt",
    "Gekündigt (Widerrufen)",
    "Gekündigt (Storniert)",
    "Gekündigt (Ausgeschlossen)",
    "Gekündigt (Verstorben)",
)
#: Words that say of somebody, in any finance status, that no birthday mail may come.
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
#: The same, of which a slip can't be told from other words: they are too short, or others are near
#: (`verschiedene`, `eingeschlafen`).
_EXACT = (
    *("died", "dead", "death", "dood", "mort", "morte", "décès", "Tod", "wijlen", "zaliger"),
    *("verschieden", "entschlafen", "ontslapen", "Todestag", "Sterbefall", "défunt", "défunte"),
)
#: The same cut short: `verst. 3.2.2024`. Only between blanks and punctuation, not beside a digit.
_ABBREVIATED = frozenset(("verst", "gest", "overl", "ovl", "dcd", "decd", "rip"))
#: The same in several words, and what is one abbreviation with its points or its apostrophe.
_PHRASES = ("passed away", "r i p", "dec d", "d c d")
#: One letter wrong in a word of six: of words that differ more, the languages are full
#: (`verschoben`, `overheen`, `gestolen`).
_ALIKE = 0.83
#: Words of a finance status as near to one of these as a slip. Only what people do write there
#: (`membership ceased`), and none that is a usual slip, too: `verleden` lacks the first letter of
#: `overleden`, `decreased` has one too many. Their mail waits.
_OTHER_WORDS = frozenset(map(as_read, ("ceased", "décidé", "décidée")))
#: Daggers and crosses before the day somebody died.
_SIGNS = re.compile("[†✝✞✟]")
_LETTERS = re.compile(r"[^\W\d_]+")
_LEFT = frozenset(map(as_read, HAVE_LEFT))
_DIED = frozenset(map(as_read, (*_HAVE_DIED, *_EXACT)))


def has_left(finance_status: str) -> bool:
    """Whether somebody of this finance status has left: one of the five, as people read them.

    Case, blanks, punctuation and `ue` for `ü` make no difference. Whoever has died, in one of the
    four languages and with whatever else is said (`Overleden 2024`, `† 2024`), has left too.
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
    """Return what a finance status may be meant for that isn't counted; empty: nothing.

    A slip (`Gekündigt (Vestorben)`, `Ovrleden`), or one of the five with something else behind it
    (`Gekündigt zum 31.12.`).
    """
    if not finance_status or has_left(finance_status):
        return ""
    if as_read(HAVE_LEFT[0]) in as_read(finance_status).split():
        return HAVE_LEFT[0]
    return nearest(finance_status, HAVE_LEFT) or looks_like_died(finance_status)


def looks_like_died(finance_status: str) -> str:
    """Return the word for *deceased* of which a finance status may have a slip; empty: none.

    Of whoever has it nobody can say whether a birthday mail may come. A few words of
    their own, such as `ceased`, are no slip of one.
    """
    if not finance_status or has_left(finance_status):
        return ""
    read = as_read(finance_status)
    parts = read.split()
    # Of a word in two parts (`de ceased`) the parts may be words of their own.
    for pair in map("".join, pairwise(parts)):
        if pair in _DIED and (word := nearest(pair, _HAVE_DIED, 1)):
            return word
        if word := nearest(pair, _PHRASES[:1], _ALIKE):
            return word
    words = [word for word in _words(read) if word not in _OTHER_WORDS]
    return next(filter(None, (nearest(word, _HAVE_DIED, _ALIKE) for word in words)), "")


def _words(read: str) -> list[str]:
    """Return the words of a status as it is read, and those with digits next to them."""
    return [*read.split(), *_LETTERS.findall(read)]
