"""Rows of a feed file as exports write them: delimited text, .xlsx, JSON Lines."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from functools import partial
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from gateway.core.batches import batched
from gateway.core.errors import GatewayError
from gateway.core.feed.feed_mapping import DATES, KindMapping
from gateway.core.written import counted, plain, readable_name
from gateway.crm.cells.date_columns import DateColumns
from gateway.crm.cells.unreadable import UnreadableCell
from gateway.crm.columns import (
    Columns,
    ColumnSource,
    ColumnsWrong,
    count_recognised,
    is_header,
    unguard,
)
from gateway.crm.delimited import TOGETHER, CellBlock, CellRow
from gateway.crm.kinds import FileKind
from gateway.crm.tables import (
    Delimited,
    ObjectRow,
    Objects,
    Sheet,
    Table,
    TableRefused,
    open_table,
    padded_cells,
)
from gateway.crm.text_encoding import UnknownEncoding
from gateway.crm.workbook import WorkbookRefused

_NOTHING: Mapping[str, UnreadableCell] = MappingProxyType({})


class FileRefused(GatewayError):
    """The file can't be imported as it is; none of it was."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row of a file, as written there."""

    line: int  #: Where it begins, counting from 1.
    texts: Mapping[str, str]  #: By our columns.
    problem: str = ""  #: Why it has no texts, or not all of them.
    #: Fields that can't be read.
    unread: Mapping[str, UnreadableCell] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReading:
    """How to read the fields of a file."""

    mapping: KindMapping = field(default_factory=KindMapping)
    zone: tzinfo = UTC  #: For times without one.
    today: date | None = None  #: Needed for two-digit years; None: they can't be read.


class FeedFile:
    """A file of one kind, read row by row.

    Encoding, delimiter, line ends and date formats are detected; `remarks` says what was found.
    Dates are passed on in ISO form.
    """

    def __init__(self, path: Path, kind: FileKind, reading: FieldReading | None = None) -> None:
        self._path = path
        self._kind = kind
        self._reading = reading or FieldReading()
        self._file: BinaryIO | None = None
        self.size = 0  #: Octets.
        self.columns: frozenset[str] = frozenset()  #: Our columns that the file has.
        self.remarks: list[str] = []  #: What people should know about the file as a whole.
        #: What separates its cells; a comma even if nothing does, or it wasn't recognised.
        self.delimiter = ","
        #: Whether it is delimited text, where a row may be split by mistake.
        self.is_delimited = False
        #: Columns whose last value may be cut off, because the last line has no line end.
        self.open_columns: frozenset[str] = frozenset()
        self.is_truncated = ""  #: Why the file isn't complete; known when its rows are read.
        self.left_out = 0  #: Rows left out by the mapping; known when its rows are read.

    @property
    def name(self) -> str:
        """The file's name in readable form."""
        return readable_name(self._path.name)

    @property
    def position(self) -> int:
        """How many octets were read."""
        return self.size if self._file is None or self._file.closed else self._file.tell()

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows; `FileRefused` says why the file as a whole can't be read."""
        for block in self.blocks():
            yield from block.rows() if isinstance(block, RowBlock) else block

    def blocks(self) -> "Iterator[RowBlock | list[RawRow]]":
        """Yield the same in blocks: a `RowBlock` if every row has the right number of cells."""
        with self._open() as file:
            table = self._table(file)
            columns = self._columns(table)
            self.columns = columns.filled
            if columns.passed_over:
                self.remarks.append(f"columns not read: {', '.join(columns.passed_over)}")
            if columns.lacking:
                self.remarks.append(f"columns it lacks: {', '.join(columns.lacking)}")
            names = [
                source.name for source in columns.sources if source.name in DATES and source.at
            ]
            dates = DateColumns(
                names,
                partial(_distinct_texts, file, table, columns, names),
                self._reading.mapping.date_order,
                zone=self._reading.zone,
                today=self._reading.today,
                has_serials=not isinstance(table, Sheet) or table.has_serials,
            )
            of_dates = len(self.remarks)
            self.is_delimited = isinstance(table, Delimited)
            reading, last_line = RowReading(columns, dates, len(table.names)), 0
            if isinstance(table, Objects):
                rows = filter(None, map(reading.of_object, table.rows()))
                yield from batched(rows, TOGETHER)
            else:
                for block in table.blocks():
                    if columns.unnamed:
                        reading.note_unnamed(block)
                    if isinstance(block, CellBlock):
                        last_line = max(block.lines, default=last_line)
                        yield RowBlock(*block, reading)
                    else:
                        last_line = max((row.line for row in block), default=last_line)
                        yield list(filter(None, map(reading.of_row, block)))
            self.remarks[of_dates:of_dates] = dates.remarks
            self.remarks += reading.remarks
            self.left_out = reading.left_out
            self.is_truncated = table.is_cut
            if isinstance(table, Delimited) and table.has_open_end:
                last = len(table.names) - 1
                self.open_columns = frozenset(
                    source.name for source in columns.sources if last in source.at
                )
                self.is_truncated = self.is_truncated or reading.cuts_off(last_line, last)

    def sample(self, most: int) -> tuple[list[str], list[list[str]]]:
        """Return the header and the first rows that aren't blank, as written."""
        with self._open() as file:
            table = self._table(file)
            rows = (padded_cells(row, len(table.names)) for row in table.rows() if not row.problem)
            filled = (cells for cells in rows if "".join(cells).strip())
            return table.names, list(islice(filled, most))

    def as_written(self) -> Iterator[tuple[int, list[str], Mapping[str, str]]]:
        """Yield the header (line 0), then each row that isn't blank, as written.

        Each comes with its line, its cells, and if possible its texts by our columns.
        """
        with self._open() as file:
            table = self._table(file)
            columns = self._columns(table)
            yield 0, list(table.names), {}
            width = len(table.names)
            for row in table.rows():
                cells = padded_cells(row, width)
                if isinstance(row, ObjectRow) or row.problem or "".join(cells).strip():
                    texts = {} if row.problem else columns.texts(list(map(unguard, cells)))
                    yield row.line, cells, texts

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as file, TemporaryFile() as copy:
                self._file = file
                if not file.seekable():
                    # A pipe must be copied, because the file is read more than once.
                    copyfileobj(file, copy)
                    copy.seek(0)
                    self._file = copy
                self.size = self._file.seek(0, 2)
                self._file.seek(0)
                yield self._file
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from error

    def _table(self, file: BinaryIO) -> Table:
        def is_named(names: Sequence[str]) -> bool:
            return is_header(self._kind, self._reading.mapping, names)

        def known_names(names: Sequence[str]) -> int:
            return count_recognised(self._kind, self._reading.mapping, names)

        try:
            opened = open_table(file, self._kind.name, is_named, known_names)
        except (TableRefused, UnknownEncoding, WorkbookRefused) as error:
            raise self._refused(str(error)) from error
        self.delimiter = opened.delimiter
        self.remarks += opened.remarks
        return opened.table

    def _columns(self, table: Table) -> Columns:
        is_table = not isinstance(table, Objects)
        try:
            return Columns(self._kind, self._reading.mapping, table.names, is_table=is_table)
        except ColumnsWrong as error:
            line = 0
            if isinstance(table, Objects) and error.column is not None:
                line = table.first_line(error.column)
            raise self._refused(f"line {line}: {error}" if line else str(error)) from error

    def _refused(self, reason: str) -> FileRefused:
        return FileRefused(f"{readable_name(str(self._path))}: {reason}")


class RowReading:
    """Converts the cells of a file to texts by our columns, with dates in ISO form."""

    def __init__(self, columns: Columns, dates: DateColumns, width: int) -> None:
        self.columns = columns
        self._dates = dates
        self._width = width  #: How many cells the header has.
        self._unnamed_cells = 0
        self._unnamed_line = 0
        #: Rows, by the column for which they are left out.
        self._left_out: Counter[str] = Counter()
        self._left_out_last: tuple[int, ColumnSource, str] | None = None  #: Its line and cell.

    @property
    def left_out(self) -> int:
        """How many rows were left out by the mapping."""
        return self._left_out.total()

    @property
    def remarks(self) -> Iterator[str]:
        """What people should know about the rows that were read."""
        if self._unnamed_cells:
            yield (
                f"{counted(self._unnamed_cells, 'cell is', 'cells are')} in columns without a name "
                f"and not read, the first in line {self._unnamed_line}"
            )
        for column, rows in self._left_out.items():
            yield (
                f"{counted(rows, 'row')} left out, as the mapping gives no {column} for the word "
                "there"
            )

    def of_object(self, row: ObjectRow) -> RawRow | None:
        """Return a row of JSON Lines by our columns; None if the mapping leaves it out."""
        unread = self.columns.repeated(row.repeated) if row.repeated else _NOTHING
        may_be_left_out = self.columns.leaving_out and not row.problem
        if may_be_left_out and self._is_left_out(row.line, row.cells, unread):
            return None
        texts = self.columns.texts_of_some(row.cells) if row.cells else {}
        return self._raw_row(row.line, texts, row.problem, unread)

    def of_row(self, row: CellRow) -> RawRow | None:
        """Return a row by our columns; None if it is blank, or the mapping leaves it out."""
        line, cells, fault, dated = row
        if fault:
            return RawRow(line, {}, fault)
        joined = "".join(cells)
        if not plain(joined):
            return None
        if "=" in joined or "'" in joined:
            cells = list(map(unguard, cells))
        problem = ""
        if len(cells) < self._width or any(map(str.strip, cells[self._width :])):
            problem = f"has {counted(len(cells), 'field')} where the header has {self._width}"
            if len(cells) > self._width:
                # Nobody knows which cell is the extra one.
                return RawRow(line, {}, problem)
        unread = self.columns.without_value(cells, dated) if "#" in joined or dated else _NOTHING
        may_be_left_out = self.columns.leaving_out and not problem
        if may_be_left_out and self._is_left_out(line, dict(enumerate(cells)), unread):
            return None
        return self._raw_row(line, self.columns.texts(cells), problem, unread)

    def field(self, source: ColumnSource, cell: str) -> tuple[str, Mapping[str, UnreadableCell]]:
        """Return the text of a column filled from this one cell, and what is wrong with it."""
        cells = [""] * self._width
        cells[source.at[0]] = unguard(cell)
        texts = {source.name: source.read(cells)}
        faults = {**self._dates.translate(texts), **self.columns.without_value(cells, ())}
        return texts[source.name], {name: faults[name] for name in texts if name in faults}

    def cuts_off(self, line: int, at: int) -> str:
        """Return that the last row was left out because a cell may be cut off; otherwise empty.

        `at` is the position of that cell in `line`, the file's last, which has no line end.
        """
        if self._left_out_last is None:
            return ""
        left_out_in, source, cell = self._left_out_last
        may_be_part = left_out_in == line and source.at == (at,) and source.may_go_on(cell)
        return f"the file ends within line {line}" if may_be_part else ""

    def _is_left_out(self, line: int, cells: Mapping[int, str], unread: Collection[str]) -> bool:
        source = self.columns.left_out_by(cells, unread)
        if source is None:
            return False
        self._left_out[source.name] += 1
        self._left_out_last = (line, source, cells[source.at[0]])
        return True

    def note_unnamed(self, block: CellBlock | list[CellRow]) -> None:
        """Note the cells in columns without a name."""
        rows = zip(*block, strict=True) if isinstance(block, CellBlock) else block
        for line, cells, *_ in rows:
            if len(cells) > self._width and any(map(str.strip, cells[self._width :])):
                continue
            places = (at for at in self.columns.unnamed if at < len(cells))
            if count := sum(bool(unguard(cells[at]).strip()) for at in places):
                self._unnamed_line = self._unnamed_line or line
                self._unnamed_cells += count

    def _raw_row(
        self,
        line: int,
        texts: dict[str, str],
        problem: str,
        unread: Mapping[str, UnreadableCell] = _NOTHING,
    ) -> RawRow:
        if untold := self._dates.translate(texts):
            unread = {**untold, **unread}
        return RawRow(line, texts, problem, unread)


class RowBlock(NamedTuple):
    """Many rows, including blank ones, each with as many cells as the header."""

    lines: Sequence[int]  #: The line in which each begins.
    cells: Sequence[list[str]]  #: As written.
    reading: RowReading

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows that aren't blank, by our columns."""
        return filter(None, map(self.reading.of_row, map(CellRow, self.lines, self.cells)))


def _distinct_texts(
    file: BinaryIO, table: Table, columns: Columns, names: Sequence[str]
) -> Mapping[str, set[str]]:
    """Return the distinct texts of some of our columns; the file's position stays as it was."""
    position = file.tell()
    sources = [source for source in columns.sources if source.name in names]
    written: dict[str, set[str]] = {name: set() for name in names}
    width = len(table.names)
    for row in table.rows():
        if row.problem:
            continue
        cells = padded_cells(row, width)
        for source in sources:
            written[source.name].add(source.read(cells))
    file.seek(position)
    return {name: {plain(unguard(text)) for text in texts} for name, texts in written.items()}
