"""Finding a text whatever its case, also of letters that SQLite knows no other case of."""

from sqlalchemy import ColumnElement, Connection, or_


def begins_with(
    connection: Connection, column: ColumnElement[str], text: str
) -> ColumnElement[bool]:
    """Return the condition that a column begins with a text, in capitals or not (of ASCII)."""
    is_sqlite = connection.dialect.name == "sqlite"
    begins = column.startswith if is_sqlite else column.istartswith
    return begins(text, autoescape=True)


def ends_with(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a column ends with a text, in capitals or not (of ASCII)."""
    is_sqlite = connection.dialect.name == "sqlite"
    ends = column.endswith if is_sqlite else column.iendswith
    return ends(text, autoescape=True)


def stands_in(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a text stands in a column, in capitals or not.

    SQLite, and PostgreSQL with the locale C, know that of ASCII only: beyond it how words are
    usually written counts, so that `ärzte` finds `Ärzte` and `ÄRZTE`.
    """
    spellings = {text} if text.isascii() else {text, text.lower(), text.title(), text.upper()}
    is_sqlite = connection.dialect.name == "sqlite"  # Its LIKE needs no lower(), which takes time.
    return or_(
        *(
            column.contains(spelling, autoescape=True)
            if is_sqlite
            else column.icontains(spelling, autoescape=True)
            for spelling in sorted(spellings)
        )
    )
