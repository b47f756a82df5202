"""What spreadsheets make of cells."""

import re

#: What makes a cell a formula, behind any apostrophes; the full-width ones in some languages.
_FORMULA = re.compile("'*[=+\\-@\t\r＝＋－＠]")


def harmless(cell: str) -> str:
    """Keep spreadsheets from taking a text for a formula: an apostrophe is put before it.

    Nothing is lost by it: of what has apostrophes and then one of these characters, the first
    apostrophe was put there. A dash alone stays as it is.
    """
    return f"'{cell}" if cell != "-" and _FORMULA.match(cell) else cell
