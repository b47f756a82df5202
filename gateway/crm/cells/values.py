"""The values of fields in a file: flags, dates, lists, addresses."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from gateway.core.feed.address_cell import AddressCell, read_cell
from gateway.core.feed.feed_mapping import list_divider
from gateway.core.written import nearest_text, plain, plain_name, same_word
from gateway.crm.cells.dates import ISO_DAY, DateReader
from gateway.crm.cells.flags import read_count, read_flag
from gateway.crm.cells.language_words import language_named
from gateway.crm.cells.unreadable import UnreadableCell

Word = TypeVar("Word")
_READER = DateReader()  #: For a single value, without the rest of its column.
_NO_FAULTS: Mapping[str, UnreadableCell] = MappingProxyType({})
_LANGUAGE = re.compile(r"([a-z]{2})(?:[-_][A-Za-z]{2,4})?")


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with a field of a row."""

    column: str
    text: str  #: `not a date such as 1980-05-31: '31.12.80'`
    value: str  #: As in the file.
    cure: str  #: What to do about it.

    def __str__(self) -> str:
        """Return the text, preceded by the column."""
        return f"{self.column}: {self.text}"


class KeyUnreadable(ValueError):
    """A field that identifies the row can't be read."""

    def __init__(self, fault: FieldFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class RowFields:
    """The fields of one row, read by type, each independent of the others.

    An unreadable field is noted in `unread` and counts as blank, so that the rest of the row is
    still used; only `key` and `key_choice` raise `KeyUnreadable`. `zone` is assumed for times
    without one; `faults` are known faults, by column.
    """

    __slots__ = ("_cells", "_faults", "_texts", "_zone", "is_unsure", "partly", "remarks", "unread")

    def __init__(
        self,
        texts: Mapping[str, str],
        zone: tzinfo = UTC,
        faults: Mapping[str, UnreadableCell] = _NO_FAULTS,
    ) -> None:
        self._texts = texts
        self._faults = faults
        self._zone = zone
        self._cells: dict[str, AddressCell] = {}  #: The addresses of a column.
        self.unread: dict[str, FieldFault] = {}  #: By column.
        self.partly: set[str] = set()  #: Columns that could only be read in part.
        self.is_unsure = False  #: Whether the row may belong to another record.
        self.remarks: list[FieldFault] = []  #: What is wrong with parts of fields.

    def text(self, name: str) -> str:
        """Return a name or title; empty if there is none."""
        return self._text(name, plain_name(self._texts.get(name, "")))

    def word(self, name: str) -> str:
        """Return a status, tag, role or the key of something else; empty if there is none.

        It is compared with others, so invisible characters are removed.
        """
        return self._text(name, plain(self._texts.get(name, "")))

    def _text(self, name: str, value: str) -> str:
        if value.isprintable() and name not in self._faults:
            return value
        return self._value(name, _storable, "") or ""

    def key(self, name: str) -> str:
        """Return a text that may not be blank."""
        value = plain(self._texts.get(name, ""))
        try:
            self._check(name)
            if not value:
                raise UnreadableCell("is blank", "give each row its key")
            return _storable(value)
        except UnreadableCell as error:
            raise KeyUnreadable(self._fault(name, error)) from None

    def key_choice(self, name: str, meanings: Mapping[str, Word]) -> Word:
        """Return the meaning of one of the known words, in any spelling."""
        meaning = self._choice(name, meanings)
        if meaning is None:
            raise KeyUnreadable(self._not_one_of(name, meanings))
        return meaning

    def likely_choice(self, name: str, meanings: Mapping[str, Word], otherwise: Word) -> Word:
        """Return the same; for a typo the nearest word's, for an error cell `otherwise`.

        In both cases `is_unsure` is set and a remark added. Raise for a word unlike any of them
        (`robot`).
        """
        meaning = self._choice(name, meanings)
        if meaning is not None:
            return meaning
        word = nearest_text(self._texts.get(name, ""), filter(None, meanings))
        if not word and name not in self._faults:
            raise KeyUnreadable(self._not_one_of(name, meanings))
        self.is_unsure = True
        self.remarks.append(self._not_one_of(name, meanings))
        return meanings.get(word, otherwise)

    def _choice(self, name: str, meanings: Mapping[str, Word]) -> Word | None:
        value = plain(self._texts.get(name, ""))
        meaning = meanings.get(value) or meanings.get(value.lower())
        if meaning is None and (word := same_word(value, meanings)):
            meaning = meanings[word]
        return meaning

    def _not_one_of(self, name: str, meanings: Mapping[str, Any]) -> FieldFault:
        words = ", ".join(dict.fromkeys(str(word) for word in meanings.values()))
        value = plain(self._texts.get(name, ""))
        error = UnreadableCell(f"not one of {words}: {value!r}", f"write one of {words}")
        return self._fault(name, error)

    def flag(self, name: str, *, blank: bool = False, unread: bool = False) -> bool:
        """Return yes or no, see `read_flag`; `unread` if it is neither."""
        if name not in self._texts and name not in self._faults:  # no such column
            return blank
        value = self._value(name, read_flag, unread)
        return blank if value is None else value

    def day(self, name: str) -> date | None:
        """Return a date written 1980-05-31."""
        return self._value(name, read_day, None)

    def count(self, name: str) -> int | None:
        """Return a non-negative whole number; None if blank."""
        return self._value(name, read_count, None)

    def moment(self, name: str) -> datetime | None:
        """Return a time written 1980-05-31T08:30, local unless it says otherwise, or a date."""
        value = self._value(name, read_moment, None)
        return value if value is None or value.tzinfo else value.replace(tzinfo=self._zone)

    def items(self, name: str) -> tuple[str, ...]:
        """Return the items between `;` (roles may also have commas), without blank ones."""
        text = self.word(name)
        values = text.split(list_divider(name, text) or ";")
        return tuple(filter(None, map(str.strip, values)))

    def language(self, name: str) -> str:
        """Return a language's two-letter code; `nl-BE` is `nl`."""
        return self._value(name, read_language, "") or ""

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the certain ones of several mail addresses; the others become remarks.

        If there are others, the field counts as read in part; if none is certain, as unread.
        """
        cell = self._cell(name)
        faults = []
        for doubt in cell.doubts:
            kept_parts = f"; {', '.join(doubt.parts)} for suppression only" if doubt.parts else ""
            what = doubt.fault.rpartition(": ")[0] or doubt.fault
            text = f"{doubt.text!r} is left out: it {what}{kept_parts}"
            faults.append(FieldFault(name, text, doubt.text, doubt.cure))
        if faults or name in self.unread:
            self.partly.add(name)
        if faults and not cell.addresses and name not in self.unread:
            self.unread[name] = faults[0]
            faults = faults[1:]
        self.remarks += faults
        return cell.addresses

    def address(self, name: str) -> str:
        """Return the first certain mail address; any others become remarks."""
        first, *others = self.addresses(name) or ("",)
        cure = "give it a row of its own, with a key and the same roles, or leave it out"
        for other in others:
            text = f"{other!r} is left out: a row has only one address, here {first}"
            self.remarks.append(FieldFault(name, text, other, cure))
        return first

    def unusable(self, name: str) -> tuple[str, ...]:
        """Return the pieces that can't be mailed among several mail addresses."""
        return tuple(doubt.text for doubt in self._cell(name).doubts if doubt.text)

    def lookalikes(self, name: str) -> tuple[str, ...]:
        """Return what looks like an address in the pieces that can't be mailed."""
        return self._cell(name).lookalikes

    def _cell(self, name: str) -> AddressCell:
        cell = self._cells.get(name)
        if cell is None:
            text = self._texts.get(name, "")
            self._value(name, _storable, "")
            if name not in self.unread:
                cell = read_cell(text)
            else:
                # The unreadable part may say that an address is wrong.
                readable = text.encode(errors="replace").decode().replace("\0", " ")
                cell = read_cell(readable).in_doubt()
            self._cells[name] = cell
        return cell

    def miss(self, column: str, fault: FieldFault) -> None:
        """Mark a column as unread because of a fault in it, or in a column that belongs to it."""
        self.unread[column] = fault

    def _value(
        self, name: str, read: Callable[[str], Word | None], unread: Word | None
    ) -> Word | None:
        """Return the value of a field, None if blank, or `unread`, noting the reason."""
        value = plain(self._texts.get(name, ""))
        try:
            self._check(name)
            if not value:
                return None
            return read(value if value.isprintable() else _storable(value))
        except UnreadableCell as error:
            self.unread[name] = self._fault(name, error)
            return unread

    def _check(self, name: str) -> None:
        if name in self._faults:
            raise self._faults[name]

    def _fault(self, name: str, error: UnreadableCell) -> FieldFault:
        value = self._texts.get(name, "").strip()
        # A report is UTF-8 with one line per entry, whatever the file contains.
        printable_value = value.encode(errors="backslashreplace").decode()
        return FieldFault(name, str(error), printable_value, error.cure)


def read_moment(value: str) -> datetime | None:
    """Read a time, in ISO form or as people write it; None if there is none."""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return _READER.moment(value)


@lru_cache(50_000)
def read_day(value: str) -> date | None:
    """Read a date, in ISO form or as people write it. Raise UnreadableCell."""
    if ISO_DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            text = f"not a date such as 1980-05-31: {value!r}"
            raise UnreadableCell(text, "write a day that exists") from None
    return _READER.day(value)


@lru_cache(1_000)
def read_language(value: str) -> str:
    """Return the two-letter code of a language: `nl` for `nl-BE` and `Dutch`.

    Raise UnreadableCell.
    """
    tag = _LANGUAGE.fullmatch(value.lower())
    language = tag[1] if tag is not None else language_named(value)
    if language is None:
        cure = "write the two letters of ISO 639"
        raise UnreadableCell(f"not a language such as nl: {value!r}", cure)
    return language


def _storable(value: str) -> str:
    """Return a text that can be stored."""
    if "\0" in value:
        raise UnreadableCell("contains a NUL", "leave it out")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnreadableCell("is not UTF-8", "save the file as UTF-8") from None
    return value
