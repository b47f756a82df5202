"""How spreadsheets treat cells."""

import re

#: What makes a cell a formula, after any apostrophes; the full-width ones in some languages.
_FORMULA = re.compile("'*[=+\\-@\t\r＝＋－＠]")


def harmless(cell: str) -> str:
    """Prefix an apostrophe if a spreadsheet would take the text for a formula.

    This is reversible: if a text has apostrophes followed by one of these characters, the first
    apostrophe was added. A lone dash is left as it is.
    """
    return f"'{cell}" if cell != "-" and _FORMULA.match(cell) else cell
