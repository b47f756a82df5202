"""Files split into a header and rows of cells; each can be read several times."""

import json
import re
from bisect import bisect_right
from codecs import register_error
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import TextIOWrapper
from itertools import islice
from typing import BinaryIO, NamedTuple

from gateway.core.batches import batched
from gateway.core.feed.feed_mapping import column_key
from gateway.crm.delimited import (
    DELIMITERS,
    TOGETHER,
    CellBlock,
    CellRow,
    DelimitedLayout,
    DelimitedRows,
    find_layout,
    line_end,
)
from gateway.crm.text_encoding import Encoding, find_encoding
from gateway.crm.workbook import OLE, ZIP, Workbook, WorkbookRefused, as_text

_SAMPLE = 65_536  #: Characters.
_LOOKED_AT = 20  #: Rows searched for the header.
#: Signatures of gzip, 7-Zip, RAR and bzip2.
_COMPRESSED = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh")
#: How web pages and XML begin, which programs export under names such as `people.xls`.
_MARKUP = re.compile(r"<(?:[?!]|(?:html|head|meta|style|body|div|table)\b)", re.IGNORECASE)

# An octet that can't be decoded becomes a lone surrogate, so that only its cell is unreadable.
register_error("unread", lambda error: ("\udcff", getattr(error, "end", 0)))


class TableRefused(ValueError):
    """The table has no header, or can't be read."""


class ObjectRow(NamedTuple):
    """One JSON object; missing cells are left out."""

    line: int
    cells: Mapping[int, str]  #: By position of the column.
    problem: str = ""  #: Why there are no cells.
    #: Positions of columns it has several times: `{"tag": "NoMailingsTag", "Tag": ""}`.
    repeated: Collection[int] = ()


class TextFile:
    """A text file whose lines can be read repeatedly."""

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._file = file
        self._encoding = encoding
        self._end: str | None = ""
        self.is_cut = "the file ends within a character" if encoding.is_cut else ""
        self._end = line_end("".join(self.sample()))

    def lines(self) -> Iterator[str]:
        """Yield the lines, with their line ends."""
        self._file.seek(self._encoding.start)
        codec = self._encoding.codec
        errors = "unread" if codec.startswith("utf-16") else "surrogateescape"
        text = TextIOWrapper(self._file, codec, errors, newline=self._end)
        try:
            # `yield from` would close the file with the generator.
            for line in text:  # noqa: UP028
                yield line
        finally:
            if not self._file.closed:  # It is closed if an error interrupted the reading.
                text.detach()

    def sample(self) -> list[str]:
        """Return the first lines, starting with the first that isn't blank."""
        lines: list[str] = []
        characters = 0
        for line in self.lines():
            characters += len(line)
            if lines or line.strip():
                lines.append(line)
            if characters > _SAMPLE:
                break
        return lines


IsHeader = Callable[[Sequence[str]], bool]


class Delimited:
    """Delimited text below a header. Raises TableRefused."""

    def __init__(self, text: TextFile, layout: DelimitedLayout, is_header: IsHeader) -> None:
        self._text = text
        self._layout = layout
        self.is_cut = ""
        self.has_open_end = (
            False  #: Whether the last row has no line end; known once all rows are read.
        )
        header, self.above = _header(self._all_rows(), is_header)
        self.names = header.cells
        self.header_line = header.line

    def rows(self) -> Iterator[CellRow]:
        """Yield the rows below the header, blank ones too."""
        for block in self.blocks():
            if isinstance(block, CellBlock):
                yield from map(CellRow, block.lines, block.cells)
            else:
                yield from block

    def blocks(self) -> Iterator[CellBlock | list[CellRow]]:
        """Yield the same in blocks; all rows of a `CellBlock` have as many cells as the header."""
        source = self._all_rows()
        width, header_line = len(self.names), self.header_line
        short_rows = last_line = last_short = 0
        for block in source.blocks():
            below = _rows_below(block, header_line)
            if isinstance(below, CellBlock):
                if set(map(len, below.cells)) == {width}:
                    last_line = below.lines[-1]
                    yield below
                    continue
                rows = list(map(CellRow, below.lines, below.cells))
            else:
                rows = below
            for row in rows:
                last_line = row.line
                if len(row.cells) < width and not row.problem and any(row.cells):
                    short_rows, last_short = short_rows + 1, row.line
            yield rows
        is_last_alone = short_rows == 1 and last_short == last_line
        self.has_open_end = source.has_open_end
        if source.open_quote:
            self.is_cut = f"a quote is opened in line {source.open_quote} and closed nowhere"
        elif source.has_open_end and is_last_alone:
            self.is_cut = f"the file ends within line {last_short}"
        else:
            self.is_cut = self._text.is_cut

    def _all_rows(self) -> DelimitedRows:
        """Return the rows from the header on."""
        lines = self._text.lines()
        skipped = 0
        for _ in range(self._layout.skipped):
            skipped += 1
            next(lines)
        return DelimitedRows(lines, self._layout.delimiter, skipped + 1)


def _rows_below(block: CellBlock | list[CellRow], line: int) -> CellBlock | list[CellRow]:
    """Return the rows that begin below a line."""
    if isinstance(block, list):
        return [row for row in block if row.line > line]
    if block.lines[0] > line:
        return block
    first = bisect_right(block.lines, line)
    return CellBlock(block.lines[first:], block.cells[first:])


class Sheet:
    """A sheet of a workbook. Raises TableRefused."""

    is_cut = ""

    def __init__(self, workbook: Workbook, is_header: IsHeader) -> None:
        self._workbook = workbook
        self.has_serials = not workbook.is_of_1904
        header, self.above = _header(self._all_rows(), is_header)
        self.names = header.cells
        self.header_line = header.line

    def rows(self) -> Iterator[CellRow]:
        """Yield the rows below the header, blank ones too."""
        for row in self._all_rows():
            if row.line > self.header_line:
                yield row

    def blocks(self) -> Iterator[list[CellRow]]:
        """Yield the same, many at a time."""
        return batched(self.rows(), TOGETHER)

    def _all_rows(self) -> Iterator[CellRow]:
        for line, cells in self._workbook.rows():
            dated = tuple(at for at, cell in enumerate(cells) if isinstance(cell, date))
            yield CellRow(line, list(map(as_text, cells)), "", dated)


def _header(rows: Iterable[CellRow], is_header: IsHeader) -> tuple[CellRow, int]:
    """Return the first row that is a header, and how many rows are above it; else the first row.

    Reports have their title above the header.
    """
    filled = (row for row in rows if row.problem or any(map(str.strip, row.cells)))
    first = list(islice(filled, _LOOKED_AT))
    if not first:
        raise TableRefused("is empty")
    if first[0].problem:
        raise TableRefused(f"line {first[0].line}: {first[0].problem}")
    above = next((at for at, row in enumerate(first) if is_header(row.cells)), 0)
    return first[above], above


_DECODER = json.JSONDecoder()
_PAIRS_DECODER = json.JSONDecoder(object_pairs_hook=tuple)  #: Keeps names that occur twice.
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*:\s*')
_AFTER_VALUE = re.compile(r"\s*[,}]")


class Objects:
    """JSON Lines; the header has every name that occurs in any object."""

    def __init__(self, text: TextFile) -> None:
        self._text = text
        self.is_cut = ""
        self.names: list[str] = []
        self._at: dict[str, int] = {}
        self._first_lines: list[int] = []
        for line, texts, _ in self._objects():
            for name, _ in texts:
                if column_key(name) not in self._at:
                    self._at[column_key(name)] = len(self.names)
                    self.names.append(name)
                    self._first_lines.append(line)

    def rows(self) -> Iterator[ObjectRow]:
        """Yield the objects."""
        for line, texts, problem in self._objects():
            cells: dict[int, str] = {}
            repeated: set[int] = set()
            for name, text in texts:
                at = self._at[column_key(name)]
                if cells.setdefault(at, text) != text:
                    repeated.add(at)
                    cells[at] += f";{text}"
            yield ObjectRow(line, cells, problem, repeated)

    def first_line(self, column: int) -> int:
        """Return the line of the first object with a column."""
        return self._first_lines[column]

    def _objects(self) -> Iterator[tuple[int, Sequence[tuple[str, str]], str]]:
        """Yield the line, names and texts of each object, and why it isn't complete, if so."""
        for line, text in enumerate(self._text.lines(), 1):
            if not text.strip():
                continue
            try:
                yield line, _texts(text), ""
            except (ValueError, RecursionError) as error:
                is_open = not text.endswith(("\n", "\r")) and text.lstrip().startswith("{")
                self.is_cut = f"the file ends within line {line}" if is_open else ""
                yield line, _whole_texts(text), str(error)


def _texts(line: str) -> list[tuple[str, str]]:
    try:
        values = _PAIRS_DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(values, tuple):
        raise ValueError("is not a JSON object")
    return [(name, _text(name, value)) for name, value in values]


def _whole_texts(line: str) -> list[tuple[str, str]]:
    """Return the texts of an object up to where it breaks off: `{"crm_id": "17", "status": "s`."""
    texts: list[tuple[str, str]] = []
    end = re.compile(r"\s*\{").match(line)
    while end is not None and (start := _NAME.match(line, end.end())) is not None:
        try:
            name = json.loads(start[1])
            value, at = _DECODER.raw_decode(line, start.end())
            text = _text(name, value)
        except (ValueError, RecursionError):
            break
        end = _AFTER_VALUE.match(line, at)
        if end is not None or not isinstance(
            value, int | float
        ):  # At the end, 17 may be the start of 1700.
            texts.append((name, text))
    return texts


def _text(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return as_text(value)
        case list():
            return ";".join(_text(name, element) for element in value)
        case _:
            raise ValueError(f"{name}: neither text, number, true, false, null nor a list of them")


Table = Delimited | Sheet | Objects


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """A file's table, and how it was read."""

    table: Table
    remarks: list[str]  #: What people should know about its format.
    #: What separates its cells; a comma even if nothing does, or it has no name.
    delimiter: str = ","


def open_table(
    file: BinaryIO, sheet: str, is_header: IsHeader, recognised: Callable[[Sequence[str]], int]
) -> OpenedTable:
    """Detect the format of a file: .xlsx, JSON Lines or delimited text.

    From a workbook, the sheet of that name is read, or the only one. `recognised` returns how many
    names of a header are known. Raise TableRefused, UnknownEncoding and WorkbookRefused.
    """
    head = file.read(len(OLE))
    file.seek(0)
    if head == OLE:
        raise WorkbookRefused(
            "is an old Excel workbook (.xls), or protected by a password; save "
            "it as .xlsx without a password, or as CSV UTF-8"
        )
    if head.startswith(_COMPRESSED):
        raise TableRefused("is compressed; unpack it")
    table: Delimited | Sheet
    delimiter = ","
    if head.startswith(ZIP):
        workbook = Workbook(file, sheet)
        remarks = [f"read as .xlsx, sheet {workbook.name!r}"]
        table = Sheet(workbook, is_header)
    else:
        encoding = find_encoding(file)
        text = TextFile(file, encoding)
        sample = text.sample()
        if not sample:
            raise TableRefused("is empty")
        first = sample[0].lstrip()
        if first.startswith("["):
            raise TableRefused("is a JSON array; write one object per line (JSON Lines), or CSV")
        if _MARKUP.match(first):
            raise TableRefused(
                "is a web page or XML, whatever its name says; open it in a spreadsheet, and save "
                "it as .xlsx or CSV UTF-8"
            )
        if first.startswith("{"):
            return OpenedTable(
                Objects(text), [f"read as {encoding.words}"] if encoding.words else []
            )
        layout = find_layout(sample, recognised)
        delimiter = layout.delimiter if layout.delimiter in DELIMITERS else ","
        between = ""
        if layout.delimiter != ",":
            name = DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
            between = f" with {name} between the fields"
        # UTF-8 with commas is the usual form and needs no remark.
        is_usual = not (encoding.words or between)
        remarks = [] if is_usual else [f"read as {encoding.words or 'UTF-8'}{between}"]
        table = Delimited(text, layout, is_header)
    if table.above:
        remarks.append(f"the header is in line {table.header_line}; what is above it is ignored")
    return OpenedTable(table, remarks, delimiter)


def padded_cells(row: CellRow | ObjectRow, width: int) -> list[str]:
    """Return as many cells of a row as there are columns; missing ones are blank."""
    if isinstance(row, ObjectRow):
        return [row.cells.get(at, "") for at in range(width)]
    if len(row.cells) == width:
        return row.cells
    return [*row.cells[:width], *[""] * (width - len(row.cells))]
