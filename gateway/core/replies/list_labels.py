"""The labels of a list's items: bullets, numbers and letters, as browsers count them."""

from dataclasses import dataclass

_BULLET = "•"
_LARGEST_ROMAN = 3_999
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc")),
    *((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


@dataclass(slots=True)
class ItemCounter:
    """Labels the items of one list, in order."""

    kind: str = ""  #: As in `<ol type="a">`: 1, a, A, i or I; empty: bullets.
    number: int = 1  #: The number of the next item.
    step: int = 1  #: -1 if the list counts down.

    def label(self, value: int | None = None) -> str:
        """Return the label of the next item; `value` is the number it has if not the next one."""
        number = self.number if value is None else value
        self.number = number + self.step
        return f"{item_number(number, self.kind)}." if self.kind else _BULLET


def item_number(number: int, kind: str) -> str:
    """Return the number of an item as its list shows it; `kind` is as in `<ol type="a">`.

    Letters and Roman numerals only begin at 1; what they can't show is shown in digits.
    """
    match kind:
        case "a" | "A" if number > 0:
            shown = _in_letters(number)
        case "i" | "I" if 0 < number <= _LARGEST_ROMAN:
            shown = _in_roman(number)
        case _:
            return str(number)
    return shown.upper() if kind.isupper() else shown


def _in_letters(number: int) -> str:
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return letters


def _in_roman(number: int) -> str:
    numerals = ""
    for value, numeral in _ROMAN:
        count, number = divmod(number, value)
        numerals += numeral * count
    return numerals
