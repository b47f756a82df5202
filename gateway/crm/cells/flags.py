"""Yes and no, and whole numbers, as written by exports in nl, de, fr, en and by spreadsheets."""

import re
from collections.abc import Mapping

from gateway.crm.cells.unreadable import UnreadableCell

_YES = "true yes y t 1 1.0 1,0 -1 on ja j waar aan oui o vrai wahr ein si sí x ✓ ✔ ☑ ✅"
_NO = "false no n f 0 0.0 0,0 off nee onwaar uit non faux nein falsch aus - – — ✗ ✘ ☐ ❌"
#: Excel's booleans are WAAR/ONWAAR, WAHR/FALSCH, VRAI/FAUX; Access writes -1; PostgreSQL's COPY t
#: and f.
FLAGS: Mapping[str, bool] = dict.fromkeys(_YES.split(), True) | dict.fromkeys(_NO.split(), False)
_COUNT = re.compile(r"([0-9]{1,5})(?:[.,]0{1,6})?")


def read_flag(text: str) -> bool:
    """Read yes or no in any case; raise UnreadableCell for any other word."""
    try:
        return FLAGS[text.strip().casefold()]
    except KeyError:
        raise UnreadableCell(f"not true or false: {text!r}", "write yes or no") from None


def read_count(text: str) -> int:
    """Read a non-negative whole number, `30` or `30.0`; raise UnreadableCell for anything else."""
    count = _COUNT.fullmatch(text.strip())
    if count is None:
        raise UnreadableCell(f"not a number of days such as 30: {text!r}", "write a whole number")
    return int(count[1])


def is_flag(text: str) -> bool:
    """Whether a text is yes or no."""
    return text.strip().casefold() in FLAGS
