"""Rows of a file of the feed as exports write them: delimited text, .xlsx, JSON Lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import BinaryIO, TypeVar

from gateway.core.errors import GatewayError
from gateway.core.feed.feed_mapping import DATES, KindMapping
from gateway.core.written import plain
from gateway.crm.columns import Columns, ColumnsWrong, is_header, recognised
from gateway.crm.date_columns import DateColumns
from gateway.crm.delimited import DELIMITERS, CellRow, find_layout
from gateway.crm.kinds import FileKind
from gateway.crm.tables import Delimited, ObjectRow, Objects, Sheet, TableRefused, TextFile
from gateway.crm.text_encoding import UnknownEncoding, find_encoding
from gateway.crm.unreadable import UnreadableCell
from gateway.crm.workbook import NO_VALUE, OLE, ZIP, Workbook, WorkbookRefused

#: What spreadsheets show where a formula has no value, in nl, de, fr and en.
_ERRORS = frozenset(
    f"""#N/A #N/B #NV #VALUE! #WAARDE! #WERT! #VALEUR! #REF! #VERW! #BEZUG! #NAME? #NAAM? #NOM?
    #DIV/0! #DEEL/0! #NUM! #GETAL! #ZAHL! #NOMBRE! #NULL! #LEEG! #NUL! #SPILL! #CALC! {NO_VALUE}
    """.split()
)
_NOTHING: Mapping[str, UnreadableCell] = MappingProxyType({})

_Table = Delimited | Sheet | Objects
Tabular = TypeVar("Tabular", Delimited, Sheet)


class FileRefused(GatewayError):
    """The file can't be taken in as it is; nothing of it was."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file."""

    line: int  #: Where it begins; the first line is 1.
    texts: Mapping[str, str]  #: By our columns.
    problem: str = ""  #: Why there are no texts, or not all of them.
    unread: Mapping[str, UnreadableCell] = field(
        default_factory=lambda: _NOTHING
    )  #: Fields that can't be read.


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
        self.told: frozenset[str] = frozenset()  #: Those of our columns that the file has.
        self.remarks: list[str] = []  #: What is worth knowing of the file as a whole.
        #: Between its cells; a comma too where it has none, or one that couldn't be recognised.
        self.delimiter = ","
        self.is_delimited = False  #: Whether a cell may hold the end of a row by mistake.
        #: Columns of which the last value may be cut off: nothing ends its row.
        self.open_columns: frozenset[str] = frozenset()
        self.is_truncated = ""  #: Why the file isn't whole; known when its rows are read.

    @property
    def name(self) -> str:
        """What the file is called."""
        return self._path.name

    @property
    def position(self) -> int:
        """How many octets are read."""
        return self.size if self._file is None or self._file.closed else self._file.tell()

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows; `FileRefused` says why the file as a whole can't be read."""
        with self._opened() as file:
            table = self._table(file)
            columns = self._columns(table)
            self.told = columns.told
            if columns.passed_over:
                self.remarks.append(f"columns not read: {', '.join(columns.passed_over)}")
            if columns.lacking:
                self.remarks.append(f"columns it lacks: {', '.join(columns.lacking)}")
            dates = self._dates(table, columns)
            self.remarks += dates.remarks
            self.is_delimited = isinstance(table, Delimited)
            if isinstance(table, Objects):
                yield from _of_objects(table, columns, dates)
            else:
                yield from self._of_cells(table, columns, dates)
            self.is_truncated = table.is_cut
            if isinstance(table, Delimited) and table.has_open_end:
                last = len(table.names) - 1
                self.open_columns = frozenset(
                    each.name for each in columns.sources if last in each.at
                )

    def sample(self, most: int) -> tuple[list[str], list[list[str]]]:
        """Return the header and the first rows that have something in them, as they stand."""
        with self._opened() as file:
            table = self._table(file)
            rows = (_cells(row, len(table.names)) for row in table.rows() if not row.problem)
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
                cells = _cells(row, width)
                if isinstance(row, ObjectRow) or row.problem or "".join(cells).strip():
                    texts = {} if row.problem else columns.texts(list(map(_unguarded, cells)))
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

    def _table(self, file: BinaryIO) -> _Table:
        head = file.read(len(OLE))
        file.seek(0)
        try:
            if head.startswith(ZIP):
                workbook = Workbook(file, self._kind.name)
                self.remarks.append(f"read as .xlsx, sheet {workbook.name!r}")
                return self._below(Sheet(workbook, self._is_header))
            if head == OLE:
                raise WorkbookRefused(
                    "is an Excel workbook of the old form (.xls), or one under a password; save "
                    "it as .xlsx without a password, or as CSV UTF-8"
                )
            return self._text(file)
        except (TableRefused, UnknownEncoding, WorkbookRefused) as error:
            raise self._refused(str(error)) from error

    def _text(self, file: BinaryIO) -> Delimited | Objects:
        encoding = find_encoding(file)
        text = TextFile(file, encoding)
        sample = text.sample()
        if not sample:
            raise TableRefused("is empty")
        first = sample[0].lstrip()
        if first.startswith("["):
            raise TableRefused("is a JSON array; write an object a line (JSON Lines), or CSV")
        if first.startswith("{"):
            self._say_form(encoding.words)
            return Objects(text)
        layout = find_layout(sample, self._recognised)
        name = DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
        self.delimiter = layout.delimiter if layout.delimiter in DELIMITERS else ","
        self._say_form(encoding.words, "" if layout.delimiter == "," else name)
        return self._below(Delimited(text, layout, self._is_header))

    def _below(self, table: Tabular) -> Tabular:
        if table.above:
            self.remarks.append(
                f"the header is in line {table.header_line}; what is above it is ignored"
            )
        return table

    def _is_header(self, names: Sequence[str]) -> bool:
        return is_header(self._kind, self._reading.mapping, names)

    def _recognised(self, header: Sequence[str]) -> int:
        return recognised(self._kind, self._reading.mapping, header)

    def _say_form(self, encoding: str, delimiter: str = "") -> None:
        if encoding or delimiter:
            between = f" with {delimiter} between the fields" if delimiter else ""
            self.remarks.append(f"read as {encoding or 'UTF-8'}{between}")

    def _columns(self, table: _Table) -> Columns:
        is_table = not isinstance(table, Objects)
        try:
            return Columns(self._kind, self._reading.mapping, table.names, is_table=is_table)
        except ColumnsWrong as error:
            line = 0
            if isinstance(table, Objects) and error.column is not None:
                line = table.first_line(error.column)
            raise self._refused(f"line {line}: {error}" if line else str(error)) from error

    def _dates(self, table: _Table, columns: Columns) -> DateColumns:
        names = [each.name for each in columns.sources if each.name in DATES and each.at]
        if not names:
            return DateColumns({}, self._reading.mapping.date_order)
        return DateColumns(
            _written(table, columns, names),
            self._reading.mapping.date_order,
            zone=self._reading.zone,
            today=self._reading.today,
            has_serials=not isinstance(table, Sheet) or table.has_serials,
        )

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
                cells = list(map(_unguarded, cells))
            problem, unread = "", _NOTHING
            if len(cells) < width or any(map(str.strip, cells[width:])):
                problem = f"has {len(cells)} fields where the header has {width}"
                if len(cells) > width:
                    # Which of them is the one too many can't be told.
                    yield RawRow(line, {}, problem)
                    continue
            if "#" in joined or dated:
                unread = _without_value(cells, columns, dated)
            if has_unnamed:
                count = sum(bool(cells[at].strip()) for at in columns.unnamed if at < len(cells))
                unnamed_line = unnamed_line or (line if count else 0)
                unnamed_cells += count
            yield _row(line, columns.texts(cells), dates, problem, unread)
        if unnamed_cells:
            self.remarks.append(
                f"{unnamed_cells} cells stand in columns without a name and are not read, the "
                f"first in line {unnamed_line}"
            )

    def _refused(self, reason: str) -> FileRefused:
        return FileRefused(f"{self._path}: {reason}")


def _of_objects(table: Objects, columns: Columns, dates: DateColumns) -> Iterator[RawRow]:
    for line, cells, problem in table.rows():
        yield _row(line, columns.told_texts(cells) if cells else {}, dates, problem)


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


def _written(table: _Table, columns: Columns, names: Sequence[str]) -> Mapping[str, set[str]]:
    """Return the different texts of some of our columns."""
    sources = [each for each in columns.sources if each.name in names]
    written: dict[str, set[str]] = {name: set() for name in names}
    width = len(table.names)
    for row in table.rows():
        if row.problem:
            continue
        cells = _cells(row, width)
        for each in sources:
            written[each.name].add(each.read(cells))
    return {name: {plain(_unguarded(text)) for text in texts} for name, texts in written.items()}


def _unguarded(cell: str) -> str:
    """Return a cell without what keeps spreadsheets from changing it.

    `="00017"` keeps the zeros; with `'` before `=`, `+`, `-` or `@` it is no formula (OWASP, CSV
    injection; EspoCRM, Odoo and hitobito write it).
    """
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1]
    return cell[1:] if cell.startswith(("'=", "'+", "'-", "'@")) else cell


def _cells(row: CellRow | ObjectRow, width: int) -> list[str]:
    """Return as many cells as there are columns."""
    if isinstance(row, ObjectRow):
        return [row.cells.get(at, "") for at in range(width)]
    if len(row.cells) == width:
        return row.cells
    return [*row.cells[:width], *[""] * (width - len(row.cells))]


def _without_value(
    cells: Sequence[str], columns: Columns, dated: Iterable[int]
) -> dict[str, UnreadableCell]:
    """Return the fields in which a spreadsheet shows an error, or made a date of something else."""
    unread = {}
    for each in columns.sources:
        for at in each.at:
            if at < len(cells) and cells[at].strip().upper() in _ERRORS:
                unread[each.name] = UnreadableCell(
                    f"has no value: {cells[at].strip()!r}", "mend the formula in the sheet"
                )
            if at in dated and each.name not in DATES:
                unread[each.name] = UnreadableCell(
                    f"is a date in the sheet: {cells[at]!r}",
                    "format the column as text, and enter it again",
                )
    return unread
