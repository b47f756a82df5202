"""How a CRM's export columns and words map to the gateway's: `[crm.map.people]`."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache

from gateway.core.people.people import NAME_LANGUAGES
from gateway.core.written import plain

_NAMES = tuple(f"name_{language}" for language in NAME_LANGUAGES)
#: The gateway's own columns by kind of file.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "groups": ("kind", "crm_id", "name", "tag", "active", *_NAMES),
    "statuses": ("kind", "crm_id", "name", "tag", "initial", "closed", *_NAMES),
    "staff": ("crm_id", "name", "email", "roles", "language"),
    "memberships": ("kind", "group", "person"),
    "people": (
        "kind", "crm_id", "first_name", "last_name", "emails", "status", "finance_status", "owner",
        "language", "birthday", "consent_email", "mail_on_set_date", "mail_after_first_delivery",
        "active",
    ),
    "programmes": ("crm_id", "name"),
    "applications": (
        "reference", "kind", "person", "programme", "title", "status", "responsible",
        "submitted_at",
    ),
    "qualifications": (
        "crm_id", "kind", "person", "name", "licence_number", "examiner_number", "examiner",
        "created_by", "acquired_on", "expires_on", "notice_days",
    ),
    "deliveries": ("crm_id", "kind", "person", "closed_on"),
}  # fmt: skip
#: Columns that hold a date, or a time.
DATES = frozenset({"birthday", "acquired_on", "expires_on", "closed_on", "submitted_at"})
#: Columns that several CRM columns may fill, with the separator between them.
JOINED: Mapping[str, str] = {
    "emails": ";", "roles": ";", "responsible": ";",
    "first_name": " ", "last_name": " ", "name": " ", "title": " ",
}  # fmt: skip
#: Columns whose lists may also use commas: a role is a word, not `Doe, Ann`.
_BY_COMMA = frozenset({"roles"})
#: In `ignore`: every column that is neither mapped nor the gateway's own.
ALL_OTHERS = "*"
_OWN_KEYS = ("use", "ignore", "date_order")
_PARTS = ("column", "values", "value")


def list_divider(column: str, text: str) -> str:
    """Return what separates the values in a cell; empty if it holds just one.

    If the cell has a semicolon, a comma is part of a value: `Manager, Sales;` is one role.
    """
    if ";" in text and JOINED.get(column) == ";":
        return ";"
    return "," if "," in text and column in _BY_COMMA else ""


class DateOrder(StrEnum):
    """Whether 03/04/2026 is in March or April."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


class MappingWrong(ValueError):
    """A mapping can't be used; `key` says where, below the kind: `status.values`."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Where the values of one of our columns come from."""

    columns: tuple[str, ...] = ()  #: The CRM's columns; none: it has the same name as ours.
    #: Our word by the form for comparison of the CRM's.
    words: Mapping[str, str] = field(default_factory=dict)
    constant: str | None = None  #: The same in every row.


@dataclass(frozen=True, slots=True, kw_only=True)
class KindMapping:
    """How the exports of one kind are read."""

    columns: Mapping[str, ColumnMapping] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    date_order: DateOrder | None = None
    #: Whether it is a shipped mapping: a column missing from the file is no error then.
    optional: frozenset[str] = frozenset()

    def with_date_order(self, date_order: DateOrder | None) -> "KindMapping":
        """Return the mapping with a default order of dates if it names none itself."""
        return self if self.date_order else replace(self, date_order=date_order)


#: For files with the gateway's own columns and words.
AS_OURS = KindMapping()


@lru_cache(10_000)
def column_key(name: str) -> str:
    """Return a column name in the form for comparison: `CRM-ID` is `crm_id`.

    Only letters and digits are kept.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "", folded) or folded.strip()


def as_compared(text: str) -> str:
    """Return a word in the form for comparison: case-folded, white space normalised."""
    return " ".join(plain(text).casefold().split())


def nearest_name(name: str, known_names: Iterable[str]) -> str:
    """Return the known name most similar to a name; empty if none is similar."""
    by_key = {column_key(candidate): candidate for candidate in known_names}
    close = get_close_matches(column_key(name), by_key, 1, 0.7)
    return by_key[close[0]] if close else ""


def read_mappings(
    tables: Mapping[str, object],
    shipped: Mapping[str, Mapping[str, Mapping[str, object]]],
) -> Mapping[str, KindMapping]:
    """Read `[crm.map]`, a table by kind. Raise MappingWrong with a key such as `people.status`."""
    mappings = {}
    for kind, table in tables.items():
        if kind not in COLUMNS:
            close = nearest_name(kind, COLUMNS)
            hint = f"did you mean {close}?" if close else f"known: {', '.join(COLUMNS)}"
            raise MappingWrong(kind, f"no kind of file; {hint}")
        if not isinstance(table, Mapping):
            raise MappingWrong(kind, "not a table")
        try:
            mappings[kind] = read_mapping(kind, table, shipped)
        except MappingWrong as error:
            raise MappingWrong(f"{kind}.{error.key}", error.problem) from error
    return mappings


def read_mapping(
    kind: str,
    table: Mapping[str, object],
    shipped: Mapping[str, Mapping[str, Mapping[str, object]]],
) -> KindMapping:
    """Read a table of the config, `[crm.map.people]`; `shipped` has tables by name and kind.

    Raise MappingWrong.
    """
    base = KindMapping()
    name = table.get("use")
    if name is not None:
        mapping_names = sorted(
            mapping_name for mapping_name, kinds in shipped.items() if kind in kinds
        )
        if name not in mapping_names:
            raise MappingWrong(
                "use",
                f"no mapping of {kind} is shipped by this name; known: {', '.join(mapping_names)}",
            )
        base = read_mapping(kind, shipped[str(name)][kind], {})
    columns = {
        name: read_column(kind, name, value)
        for name, value in table.items()
        if name not in _OWN_KEYS
    }
    mapped = {name for column in columns.values() for name in column.columns}
    ignored = _texts("ignore", table.get("ignore", ()))
    for name in ignored:
        if column_key(name) in map(column_key, mapped):
            raise MappingWrong("ignore", f"{name!r} is mapped as well")
    date_order = base.date_order
    if table.get("date_order") is not None:
        try:
            date_order = DateOrder(str(table["date_order"]))
        except ValueError:
            raise MappingWrong("date_order", 'not one of "day-first", "month-first"') from None
    return KindMapping(
        columns={**base.columns, **columns},
        ignored=(*base.ignored, *ignored),
        date_order=date_order,
        optional=frozenset(base.columns) - frozenset(columns),
    )


def read_column(kind: str, name: str, value: object) -> ColumnMapping:
    """Read the value of one column's key: one of the CRM's columns, several, or a table.

    `"Naam"`; `["Voornaam", "Achternaam"]`; `{column = "Status", values = {"Uit dienst" = "s3"}}`;
    `{value = "candidate"}`. Raise MappingWrong.
    """
    column_names = COLUMNS[kind]
    if name not in column_names:
        close = nearest_name(name, (*column_names, *_OWN_KEYS))
        hint = f"did you mean {close}?" if close else f"{kind} has {', '.join(column_names)}"
        raise MappingWrong(name, f"no such column; {hint}")
    if not isinstance(value, Mapping):
        return ColumnMapping(columns=_columns(name, name, value))
    for part in value:
        if part not in _PARTS:
            raise MappingWrong(f"{name}.{part}", f"not one of {', '.join(_PARTS)}")
    if "value" in value and len(value) > 1:
        raise MappingWrong(f"{name}.value", "stands alone: every row has this value")
    return ColumnMapping(
        columns=_columns(name, f"{name}.column", value.get("column", ())),
        words=read_words(f"{name}.values", value.get("values", {})),
        constant=_word(f"{name}.value", value["value"]) if "value" in value else None,
    )


def read_words(key: str, value: object) -> Mapping[str, str]:
    """Read a table from the CRM's words to ours; the CRM's are returned `as_compared`."""
    if not isinstance(value, Mapping):
        raise MappingWrong(key, 'not a table such as {"Uit dienst" = "s3"}')
    words: dict[str, str] = {}
    for their_word, our_word in value.items():
        if as_compared(their_word) in words:
            raise MappingWrong(key, f"has {their_word!r} twice; case and blanks make no difference")
        words[as_compared(their_word)] = _word(f"{key}.{their_word}", our_word)
    return words


def _columns(name: str, key: str, value: object) -> tuple[str, ...]:
    columns = _texts(key, value)
    if len(columns) > 1 and name not in JOINED:
        raise MappingWrong(key, "takes one column")
    if any(not column.strip() for column in columns):
        raise MappingWrong(key, "names a column without a name")
    return columns


def _texts(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise MappingWrong(key, "not the name of a column, nor a list of them")


def _word(key: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
        case _:
            raise MappingWrong(key, "not a text")
