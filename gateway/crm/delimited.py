"""Rows of delimited text: with commas, semicolons, tabs or bars, and any system's line ends."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, tee
from typing import NamedTuple

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_STATED = re.compile(r'"?sep=(.|\\t)"?\s*', re.IGNORECASE)
#: How often reading restarts after a quote that is never closed.
_RECOVERIES = 1_000
_LOOKED_AT = 20  #: Rows used to detect the layout.
#: Rows read at a time: with many more, their cells outgrow the processor's cache.
TOGETHER = 500


class CellRow(NamedTuple):
    """One row as cells."""

    line: int  #: Where it begins, counting from 1.
    cells: list[str]
    problem: str = ""  #: Why there are no cells.
    dated: Sequence[int] = ()  #: Positions of cells whose type is date.


class CellBlock(NamedTuple):
    """Many rows at a time, all of which could be split into cells."""

    lines: Sequence[int]  #: Where each begins.
    cells: Sequence[list[str]]


class DelimitedLayout(NamedTuple):
    """The layout of delimited text."""

    delimiter: str
    skipped: int  #: Lines above the header that aren't part of the table: `sep=;`.


def line_end(sample: str) -> str:
    r"""Return the line end of a text, given its beginning: `\n` (also for `\r\n`) or `\r`."""
    # Line breaks within cells don't count: there Excel for Mac writes \n, but ends lines with \r.
    outside = re.sub(r'"[^"]*"', "", sample)
    return "\r" if "\r" in outside and "\n" not in outside else "\n"


def find_layout(lines: Sequence[str], recognised: Callable[[list[str]], int]) -> DelimitedLayout:
    """Return the layout of a text, given its first lines.

    `recognised` returns how many names of a header are known. The delimiter with the most known
    names wins; in a tie, the one with which most rows have as many cells as the header.
    """
    if stated := _STATED.fullmatch(lines[0]) if lines else None:
        return DelimitedLayout("\t" if stated[1] == "\\t" else stated[1], 1)

    def fitness(delimiter: str) -> tuple[int, int, int]:
        rows = [row.cells for row in DelimitedRows(iter(lines), delimiter) if row.cells][
            :_LOOKED_AT
        ]
        most_known = max(map(recognised, rows), default=0)
        header = next((cells for cells in rows if recognised(cells) == most_known), [])
        if len(header) < 2:
            return most_known, 0, 0
        return most_known, sum(len(cells) == len(header) for cells in rows), len(header)

    return DelimitedLayout(max(DELIMITERS, key=fitness), 0)


class DelimitedRows:
    """Reads rows; a quote that is never closed spoils only its own line."""

    def __init__(self, lines: Iterator[str], delimiter: str, start: int = 1) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._line = start
        self._row_lines: list[str] = []  #: Lines of the current row.
        self._recoveries = 0
        self._is_read = False
        self._last = "\n"  #: The last line of the last row.
        self.open_quote = 0  #: The line of a quote still open at the end; 0: none.

    @property
    def has_open_end(self) -> bool:
        """Whether the last line has no line end."""
        return self._is_read and not self._last.endswith(("\n", "\r"))

    def __iter__(self) -> Iterator[CellRow]:
        """Yield the rows, including those without a cell."""
        reader = self._reader()
        while not self._is_read:
            line = self._line
            try:
                cells = next(reader)
            except StopIteration:
                self._is_read = True
            except csv.Error as error:
                is_open_at_end = "unexpected end of data" in str(error)
                if is_open_at_end:
                    self.open_quote = self.open_quote or line
                fault = str(error)
                if is_open_at_end or len(self._row_lines) != 1:
                    fault = f"a quote is opened here and never closed ({error})"
                reader = self._begin_anew()
                yield CellRow(line, [], fault)
            else:
                self._line += len(self._row_lines)
                self._last = self._row_lines[-1]
                self._row_lines.clear()
                yield CellRow(line, cells)

    def blocks(self) -> Iterator[CellBlock | list[CellRow]]:
        """Yield the same rows in blocks; around a faulty row, a list of single rows."""
        while not self._is_read:
            yield from self._sound_blocks()
            if rows := list(islice(self, TOGETHER)):
                yield rows

    def _sound_blocks(self) -> Iterator[CellBlock]:
        """Yield blocks up to the one with a faulty row, which is left to be read again.

        `csv` reads lines ahead of `_lines`, which catches up with each block.
        """
        ahead, self._lines = tee(self._lines)
        reader = csv.reader(ahead, delimiter=self._delimiter, strict=True)
        begin = 0
        while True:
            try:
                rows = [(reader.line_num, cells) for cells in islice(reader, TOGETHER)]
            except csv.Error:
                return
            if not rows:
                self._is_read = True
                return
            end = rows[-1][0]
            first, count = self._line, end - begin
            if count == len(rows):
                lines: Sequence[int] = range(first, first + count)
            else:
                ends = [first + end - begin for end, _ in rows]
                lines = [first, *ends[:-1]]
            cells = [row for _, row in rows]
            self._line += count
            begin = end
            [self._last] = deque(islice(self._lines, count), 1)
            yield CellBlock(lines, cells)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._noted(), delimiter=self._delimiter, strict=True)

    def _noted(self) -> Iterator[str]:
        for line in self._lines:
            self._row_lines.append(line)
            yield line

    def _begin_anew(self) -> Iterator[list[str]]:
        """Continue after the first line of an unreadable row: the others may be complete rows."""
        rest = self._row_lines[1:]
        self._recoveries += 1
        if rest and self._recoveries <= _RECOVERIES:
            self._line += 1
            self._lines = chain(rest, self._lines)
        else:
            self._line += len(self._row_lines)
        self._row_lines.clear()
        return self._reader()
