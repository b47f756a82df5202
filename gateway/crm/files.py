"""Rows of a file of the feed as exports write them: delimited text, .xlsx, JSON Lines."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import BinaryIO

from gateway.core.errors import GatewayError
from gateway.core.feed.feed_mapping import DATES, KindMapping
from gateway.core.written import counted, plain, readable_name
from gateway.crm.columns import Columns, ColumnsWrong, is_header, recognised, unguarded
from gateway.crm.date_columns import DateColumns
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
from gateway.crm.unreadable import UnreadableCell
from gateway.crm.workbook import WorkbookRefused

_NOTHING: Mapping[str, UnreadableCell] = MappingProxyType({})


class FileRefused(GatewayError):
    """The file can't be taken in as it is; none of it was."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file."""

    line: int  #: Where it begins; the first line is 1.
    texts: Mapping[str, str]  #: By our columns.
    problem: str = ""  #: Why there are no texts, or not all of them.
    #: Fields that can't be read.
    unread: Mapping[str, UnreadableCell] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReading:
    """How the fields of a file are to be read."""

    mapping: KindMapping = field(default_factory=KindMapping)
    zone: tzinfo = UTC  #: Of times that name none.
    today: date | None = None  #: For years of two digits; None: they can't be read.


class FeedFile:
    """A file of one kind, read row by row.

    Encoding, delimiter, line ends and forms of dates are found out, and `remarks` says what was.
    Dates are handed on as ISO has them.
    """

    def __init__(self, path: Path, kind: FileKind, reading: FieldReading | None = None) -> None:
        self._path = path
        self._kind = kind
        self._reading = reading or FieldReading()
        self._file: BinaryIO | None = None
        self.size = 0  #: In octets.
        self.columns: frozenset[str] = frozenset()  #: Those of our columns that the file has.
        self.remarks: list[str] = []  #: What is worth knowing of the file as a whole.
        #: Between its cells; a comma too where it has none, or one that couldn't be recognised.
        self.delimiter = ","
        self.is_delimited = False  #: Whether a cell may hold the end of a row by mistake.
        #: Columns of which the last value may be cut off: nothing ends its row.
        self.open_columns: frozenset[str] = frozenset()
        self.is_truncated = ""  #: Why the file isn't whole; known when its rows are read.

    @property
    def name(self) -> str:
        """What the file is called, in readable form."""
        return readable_name(self._path.name)

    @property
    def position(self) -> int:
        """How many octets are read."""
        return self.size if self._file is None or self._file.closed else self._file.tell()

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows; `FileRefused` says why the file as a whole can't be read."""
        with self._opened() as file:
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
                _written(table, columns, names) if names else {},
                self._reading.mapping.date_order,
                zone=self._reading.zone,
                today=self._reading.today,
                has_serials=not isinstance(table, Sheet) or table.has_serials,
            )
            self.remarks += dates.remarks
            self.is_delimited = isinstance(table, Delimited)
            if isinstance(table, Objects):
                for line, cells, problem in table.rows():
                    texts = columns.texts_of_some(cells) if cells else {}
                    yield _row(line, texts, dates, problem)
            else:
                yield from self._of_cells(table, columns, dates)
            self.is_truncated = table.is_cut
            if isinstance(table, Delimited) and table.has_open_end:
                last = len(table.names) - 1
                self.open_columns = frozenset(
                    source.name for source in columns.sources if last in source.at
                )

    def sample(self, most: int) -> tuple[list[str], list[list[str]]]:
        """Return the header and the first rows that have something in them, as they stand."""
        with self._opened() as file:
            table = self._table(file)
            rows = (padded_cells(row, len(table.names)) for row in table.rows() if not row.problem)
            filled = (cells for cells in rows if "".join(cells).strip())
            return table.names, list(islice(filled, most))

    def as_written(self) -> Iterator[tuple[int, list[str], Mapping[str, str]]]:
        """Yield the header (line 0), then each row with something in it, as it stands.

        Each has its line, its cells, and as far as they can be told its texts by our columns.
        """
        with self._opened() as file:
            table = self._table(file)
            columns = self._columns(table)
            yield 0, list(table.names), {}
            width = len(table.names)
            for row in table.rows():
                cells = padded_cells(row, width)
                if isinstance(row, ObjectRow) or row.problem or "".join(cells).strip():
                    texts = {} if row.problem else columns.texts(list(map(unguarded, cells)))
                    yield row.line, cells, texts

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as file, TemporaryFile() as copy:
                self._file = file
                if not file.seekable():
                    # A pipe; what is in it is gone through more than once.
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
            return recognised(self._kind, self._reading.mapping, names)

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

    def _of_cells(
        self, table: Delimited | Sheet, columns: Columns, dates: DateColumns
    ) -> Iterator[RawRow]:
        width = len(table.names)
        has_unnamed = bool(columns.unnamed)
        unnamed_cells, unnamed_line = 0, 0
        for line, written, fault, dated in table.rows():
            cells = written
            if fault:
                yield RawRow(line, {}, fault)
                continue
            joined = "".join(cells)
            if not plain(joined):
                continue
            if "=" in joined or "'" in joined:
                cells = list(map(unguarded, cells))
            problem, unread = "", _NOTHING
            if len(cells) < width or any(map(str.strip, cells[width:])):
                problem = f"has {counted(len(cells), 'field')} where the header has {width}"
                if len(cells) > width:
                    # Which of them is the one too many can't be told.
                    yield RawRow(line, {}, problem)
                    continue
            if "#" in joined or dated:
                unread = columns.without_value(cells, dated)
            if has_unnamed:
                count = sum(bool(cells[at].strip()) for at in columns.unnamed if at < len(cells))
                unnamed_line = unnamed_line or (line if count else 0)
                unnamed_cells += count
            yield _row(line, columns.texts(cells), dates, problem, unread)
        if unnamed_cells:
            self.remarks.append(
                f"{counted(unnamed_cells, 'cell is', 'cells are')} in columns without a name and "
                f"not read, the first in line {unnamed_line}"
            )

    def _refused(self, reason: str) -> FileRefused:
        return FileRefused(f"{readable_name(str(self._path))}: {reason}")


def _row(
    line: int,
    texts: dict[str, str],
    dates: DateColumns,
    problem: str = "",
    unread: Mapping[str, UnreadableCell] = _NOTHING,
) -> RawRow:
    if dates.are_foreign:
        unread = {**dates.translate(texts), **unread}
    return RawRow(line, texts, problem, unread)


def _written(table: Table, columns: Columns, names: Sequence[str]) -> Mapping[str, set[str]]:
    """Return the different texts of some of our columns."""
    sources = [source for source in columns.sources if source.name in names]
    written: dict[str, set[str]] = {name: set() for name in names}
    width = len(table.names)
    for row in table.rows():
        if row.problem:
            continue
        cells = padded_cells(row, width)
        for source in sources:
            written[source.name].add(source.read(cells))
    return {name: {plain(unguarded(text)) for text in texts} for name, texts in written.items()}
