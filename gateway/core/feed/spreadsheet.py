"""What spreadsheets make of cells."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """Keep spreadsheets from taking a text for a formula."""
    return f"'{cell}" if cell[:1] in _FORMULA and cell != "-" else cell
