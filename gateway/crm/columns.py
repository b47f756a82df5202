"""Matches the columns of a file to ours."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from gateway.core.feed.feed_mapping import (
    ALL_OTHERS,
    DATES,
    JOINED,
    ColumnMapping,
    KindMapping,
    as_compared,
    column_key,
    list_divider,
    nearest_name,
)
from gateway.core.feed.spreadsheet import harmless
from gateway.crm.cells.unreadable import UnreadableCell
from gateway.crm.kinds import FileKind
from gateway.crm.synonyms import suggest_column
from gateway.crm.workbook import NO_VALUE

_AS_OURS = ColumnMapping()
_NUMBER_OR_DAY = re.compile(r"\+?\d[\d\s./:+-]*")
#: A formula that is just a text: `="00017"`, but not `="a"&b&"c"`.
_QUOTED_TEXT = re.compile('="(?:[^"]|"")+"')
#: The errors that spreadsheets show for a formula without a value, in nl, de, fr and en.
ERRORS = frozenset(
    f"""#N/A #N/B #NV #VALUE! #WAARDE! #WERT! #VALEUR! #REF! #VERW! #BEZUG! #NAME? #NAAM? #NOM?
    #DIV/0! #DEEL/0! #NUM! #GETAL! #ZAHL! #NOMBRE! #NULL! #LEEG! #NUL! #SPILL! #CALC! {NO_VALUE}
    """.split()
)
#: The last two columns in a file of refused rows; the importer ignores them.
LINE, REASON = "line", "reason"


class ColumnsWrong(ValueError):
    """The columns of a file don't match; `column` is the position of one that shows it, if any."""

    def __init__(self, problem: str, column: int | None = None) -> None:
        super().__init__(problem)
        self.column = column


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """Where a file has the values of one of our columns."""

    name: str  #: Our name for the column.
    at: tuple[int, ...]  #: Positions in a row; empty: the value is the same in every row.
    words: Mapping[str, str]
    constant: str = ""

    def read(self, cells: Sequence[str]) -> str:
        """Return the value in a row that has all of these positions."""
        if not self.at:
            return self.constant
        if len(self.at) == 1:
            text = cells[self.at[0]]
        else:
            texts = (cells[at].strip() for at in self.at)
            text = JOINED[self.name].join(dict.fromkeys(filter(None, texts)))
        if not self.words:
            return text
        between = list_divider(self.name, text)
        if between and as_compared(text) not in self.words:
            return ";".join(map(self._our_word, text.split(between)))
        return self._our_word(text)

    def is_nothing(self, cell: str) -> bool:
        """Whether the mapping says that a cell's word means no value."""
        return not self._our_word(cell) and (bool(as_compared(cell)) or "" in self.words)

    def may_go_on(self, cell: str) -> bool:
        """Whether a cell may be the start of a word in the mapping: `No` of `No mail`."""
        word = as_compared(cell)
        return not word or any(other != word and other.startswith(word) for other in self.words)

    def _our_word(self, text: str) -> str:
        word = as_compared(text)
        if word in self.words or not word:
            return self.words.get(word, text)
        # An unreadable cell isn't "any other word": it might be one that blocks mail.
        is_word = word.isprintable() and text.strip().upper() not in ERRORS
        return self.words.get(ALL_OTHERS, text) if is_word else text


class Columns:
    """The columns of a file, matched to ours.

    `names` are the file's. Each of our columns is filled from those named in its mapping, or
    without a mapping from the one of the same name, in any case. If all columns of the file have
    our names, the mapping of columns isn't used. Raise ColumnsWrong.
    """

    def __init__(
        self, kind: FileKind, mapping: KindMapping, names: Sequence[str], *, is_table: bool = True
    ) -> None:
        self._kind = kind
        self._mapping = mapping
        self._names = [name.strip() for name in names]
        if self._names[-2:] == [LINE, REASON]:
            del self._names[-2:]
        if is_table and _are_values(self._names):
            # They may be somebody's: neither logs nor reports name them.
            raise ColumnsWrong(
                f"has no header: its first row has values, such as addresses or numbers; begin it "
                f"with a row of the columns' names: {kind.name} has {', '.join(kind.columns)}"
            )
        self._at: dict[str, int] = {}
        self._repeated: set[str] = set()
        for at, name in enumerate(self._names):
            if name:
                key = column_key(name)
                self._repeated |= {key} if key in self._at else set()
                self._at.setdefault(key, at)
        self._ignored = {column_key(name) for name in mapping.ignored}
        #: Columns of a shipped mapping that are missing from the file.
        self.lacking: list[str] = []
        ours = {column_key(name): name for name in kind.columns}
        self.is_ours = kind.needed <= {ours.get(key) for key in self._at} and ours.keys() >= set(
            self._at
        )
        self.sources = tuple(filter(None, map(self._source, kind.columns)))
        self._check(is_table)
        #: Positions of columns without a name.
        self.unnamed = tuple(at for at, name in enumerate(self._names) if not name)
        self._is_plain = all(len(source.at) == 1 and not source.words for source in self.sources)
        #: Needed columns for which the mapping turns a word into no value: such rows are skipped.
        self.leaving_out = tuple(
            source
            for source in self.sources
            if source.name in kind.needed and source.at and "" in source.words.values()
        )
        self._filled = tuple(source.name for source in self.sources)
        places = tuple(source.at[0] for source in self.sources if source.at)
        several = itemgetter(*places) if len(places) > 1 else None
        self._all = several or (lambda cells: (cells[places[0]],))

    @property
    def filled(self) -> frozenset[str]:
        """Which of our columns the file fills."""
        return frozenset(self._filled)

    @property
    def passed_over(self) -> tuple[str, ...]:
        """The names of columns that are ignored."""
        used = {at for source in self.sources for at in source.at}
        return tuple(name for at, name in enumerate(self._names) if name and at not in used)

    def texts(self, cells: Sequence[str]) -> dict[str, str]:
        """Return a row by our columns, without those for which it has too few cells."""
        if len(cells) < len(self._names):
            return {
                source.name: source.read(cells)
                for source in self.sources
                if all(at < len(cells) for at in source.at)
            }
        if self._is_plain:
            return dict(zip(self._filled, self._all(cells), strict=True))
        return {source.name: source.read(cells) for source in self.sources}

    def texts_of_some(self, cells: Mapping[int, str]) -> dict[str, str]:
        """Return a row by our columns; any of its cells may be missing."""
        texts = {}
        row = [cells.get(at, "") for at in range(len(self._names))]
        for source in self.sources:
            if not source.at or any(at in cells for at in source.at):
                texts[source.name] = source.read(row)
        return texts

    def left_out_by(self, cells: Mapping[int, str], unread: Collection[str]) -> ColumnSource | None:
        """Return the column for which the mapping leaves out a row; None: it stays.

        For example, `Mass Mail Opt Out` fills the column `group` of memberships, and its `No` means
        no group. If the column is unreadable, the row stays: it may block mail to somebody.
        """
        for source in self.leaving_out:
            [at] = source.at
            if at in cells and source.name not in unread and source.is_nothing(cells[at]):
                return source
        return None

    def without_value(
        self, cells: Sequence[str], dated: Collection[int]
    ) -> dict[str, UnreadableCell]:
        """Return our columns with a spreadsheet error, or with a date where none belongs.

        `dated` are the positions of cells that are dates in the sheet.
        """
        unread = {}
        for source in self.sources:
            for at in source.at:
                if at < len(cells) and cells[at].strip().upper() in ERRORS:
                    unread[source.name] = UnreadableCell(
                        f"has no value: {cells[at].strip()!r}", "correct the formula in the sheet"
                    )
                if at in dated and source.name not in DATES:
                    unread[source.name] = UnreadableCell(
                        f"is a date in the sheet: {cells[at]!r}",
                        "format the column as text, and enter it again",
                    )
        return unread

    def repeated(self, positions: Collection[int]) -> dict[str, UnreadableCell]:
        """Return our columns filled from one that a JSON object has with several values."""
        why = UnreadableCell("stands there several times, with different values", "write it once")
        return {
            source.name: why for source in self.sources if any(at in positions for at in source.at)
        }

    def _source(self, name: str) -> ColumnSource | None:
        mapped = self._mapping.columns.get(name, _AS_OURS)
        own = self._at.get(column_key(name))
        if self.is_ours:
            if own is None and mapped.constant is None:
                return None
            places = () if own is None else (own,)
            return ColumnSource(name, places, mapped.words, mapped.constant or "")
        if mapped.constant is not None:
            return ColumnSource(name, (), {}, mapped.constant)
        at = tuple(
            self._at[column_key(column)]
            for column in mapped.columns or (name,)
            if self._is_there(name, column, mapped)
        )
        return ColumnSource(name, at, mapped.words) if at else None

    def _is_there(self, ours: str, their_name: str, mapped: ColumnMapping) -> bool:
        if not mapped.columns and column_key(ours) in self._ignored:
            # In German, a column named `Kind` is about children.
            return False
        if column_key(their_name) in self._at:
            return True
        if mapped.columns:
            self.lacking.append(their_name)
        if mapped.columns and ours not in self._mapping.optional:
            close = nearest_name(their_name, [name for name in self._names if name])
            hint = f"did you mean {close!r}?" if close else f"it has {self._names_in_words()}"
            raise ColumnsWrong(
                f"has no column {their_name!r}, which [crm.map.{self._kind.name}] names for "
                f"{ours}; {hint}"
            )
        return False

    def _names_in_words(self) -> str:
        return ", ".join(repr(name) for name in self._names if name)

    def _check(self, is_table: bool) -> None:
        used = {at for source in self.sources for at in source.at}
        is_open = ALL_OTHERS in self._mapping.ignored
        filled = {source.name for source in self.sources}
        unknown = [
            at
            for key, at in self._at.items()
            if at not in used
            and key not in self._ignored
            and not (is_open and nearest_name(self._names[at], self._kind.columns) in {"", *filled})
        ]
        if unknown:
            names = [self._names[at] for at in unknown]
            likely = {name: suggest_column(self._kind.name, name) for name in names}
            hints = "".join(f"; {name!r} may be {ours}" for name, ours in likely.items() if ours)
            raise ColumnsWrong(
                f"unknown column {', '.join(map(repr, names))}; {self._kind.name} has "
                f"{', '.join(self._kind.columns)}{hints}; say what they are in "
                f"[crm.map.{self._kind.name}], or name them in its ignore (gateway import "
                f"{self._kind.name} FILE --propose prints both)",
                unknown[0],
            )
        if is_table and (missing := self._kind.needed - filled):
            raise ColumnsWrong(
                f"has no column {', '.join(sorted(missing))}; it has {self._names_in_words()}"
            )
        if any(self._at[key] in used for key in self._repeated):
            raise ColumnsWrong("has a column twice")


def _are_values(names: Sequence[str]) -> bool:
    """Whether what stands in place of columns' names are values of somebody or something.

    A single number may be a name, such as that of a year.
    """
    filled = [name for name in names if name]
    if any("@" in name for name in filled):
        return True
    numbers = sum(_NUMBER_OR_DAY.fullmatch(name) is not None for name in filled)
    return bool(numbers) and (numbers > 1 or _NUMBER_OR_DAY.fullmatch(names[0]) is not None)


def is_header(kind: FileKind, mapping: KindMapping, names: Sequence[str]) -> bool:
    """Whether a row is a header: it names the columns that identify a row."""
    keys = set(map(column_key, names))

    def is_there(ours: str) -> bool:
        mapped = mapping.columns.get(ours, _AS_OURS)
        possible_names = (*mapped.columns, ours)
        return mapped.constant is not None or any(
            column_key(column) in keys for column in possible_names
        )

    return all(map(is_there, kind.needed))


def count_recognised(kind: FileKind, mapping: KindMapping, names: Sequence[str]) -> int:
    """Return how many names of a header are known."""
    known_keys = {column_key(name) for name in (*kind.columns, *mapping.ignored)}
    known_keys |= {
        column_key(name) for mapped in mapping.columns.values() for name in mapped.columns
    }
    return sum(column_key(name) in known_keys for name in names if name.strip())


def guard(cell: str) -> str:
    """Guard a cell so that no spreadsheet takes it for a formula; `unguard` undoes that."""
    safe = harmless(cell)
    return safe if unguard(safe) == unguard(cell) else cell


def unguard(cell: str) -> str:
    """Remove what keeps spreadsheets from changing a cell.

    `="00017"` keeps the zeros; a `'` before `=`, `+`, `-` or `@` prevents a formula (OWASP, CSV
    injection; EspoCRM, Odoo and hitobito write it).
    """
    if cell.startswith('="') and _QUOTED_TEXT.fullmatch(cell):
        return cell[2:-1]
    return cell[1:] if cell.startswith(("'=", "'+", "'-", "'@")) else cell
