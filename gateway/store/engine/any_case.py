"""Text search that ignores case or accents, as people type what they look for."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    and_,
    cast,
    func,
    literal_column,
    or_,
)

from gateway.core.written import PLAIN_LETTERS, unaccented

#: Combining marks above and below letters: Latin, Greek, Cyrillic, Hebrew and Arabic.
_MARKS = (
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u064b-\u065f\u0670]"
)
#: Greek and Cyrillic capitals: in the C locale, `lower` knows only ASCII.
_CAPITALS = "".join(letter for letter in map(chr, range(0x370, 0x530)) if letter.isupper())


def begins_with(
    connection: Connection, column: ColumnElement[str], text: str
) -> ColumnElement[bool]:
    """Return the condition that a column starts with a text, ignoring case (in ASCII)."""
    is_sqlite = connection.dialect.name == "sqlite"
    begins = column.startswith if is_sqlite else column.istartswith
    return begins(text, autoescape=True)


def ends_with(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a column ends with a text, ignoring case (in ASCII)."""
    is_sqlite = connection.dialect.name == "sqlite"
    ends = column.endswith if is_sqlite else column.iendswith
    return ends(text, autoescape=True)


def stands_in(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a column contains a text, ignoring case.

    SQLite, and PostgreSQL with the C locale, ignore case only in ASCII. For other letters, the
    usual spellings of a word are tried, so `ärzte` finds `Ärzte` and `ÄRZTE`.
    """
    spellings = {text} if text.isascii() else {text, text.lower(), text.title(), text.upper()}
    is_sqlite = connection.dialect.name == "sqlite"  # Its LIKE doesn't need lower(), which is slow.
    return or_(
        *(
            column.contains(spelling, autoescape=True)
            if is_sqlite
            else column.icontains(spelling, autoescape=True)
            for spelling in sorted(spellings)
        )
    )


def reads_as(connection: Connection, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a column contains a text, ignoring case and accents.

    `jorg` and `Jörg` find `Jörg`, `JÖRG` and `Jorg`. Only text beyond ASCII needs extra work.
    """
    plain_text = unaccented(text)
    conditions = [stands_in(connection, column, spelling) for spelling in {text, plain_text}]
    is_sqlite = connection.dialect.name == "sqlite"
    octets = func.length(cast(column, LargeBinary)) if is_sqlite else func.octet_length(column)
    letters = func.unaccented(column, type_=String) if is_sqlite else _unaccented(column)
    beyond_ascii = and_(octets > func.length(column), letters.contains(plain_text, autoescape=True))
    return or_(*conditions, beyond_ascii)


def _unaccented(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return PostgreSQL's equivalent of `unaccented` for a column."""
    apart = func.normalize(column, literal_column("NFKD"))
    letters = func.lower(func.regexp_replace(apart, _MARKS, "", "g"))
    letters = func.translate(letters, _CAPITALS, _CAPITALS.lower())
    for letter, plain in {**PLAIN_LETTERS, "ß": "ss", "ς": "σ"}.items():
        for spelling in {letter, letter.upper()} - {"SS"}:
            letters = func.replace(letters, spelling, plain, type_=String)
    return letters
