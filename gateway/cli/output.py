"""Printing of results: tables for people, JSON for scripts, nothing that could harm either.

rich is loaded only where it is used: most commands print lines, and shouldn't wait for it.
"""

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from textwrap import indent
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.core.feed.spreadsheet import harmless
from gateway.core.moments import in_utc

if TYPE_CHECKING:
    from rich.console import Console

_ALIGNED = 80  #: Maximum column width at which cells are aligned.
_UNLIMITED = 1000  #: Columns if there is no terminal width.


def console() -> "Console":
    """Return standard output: coloured and wrapped on a terminal, otherwise plain and unwrapped."""
    from rich.console import Console

    return Console(
        width=None if sys.stdout.isatty() else _UNLIMITED, highlight=False, soft_wrap=False
    )


def print_json(value: object) -> None:
    """Print one JSON document; non-ASCII characters are escaped, so that they can't be garbled."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_json_list(values: Iterable[object]) -> None:
    """Print an array like `print_json`, an entry at a time, however many there are."""
    before, after = "[\n", "[]\n"
    for value in values:
        sys.stdout.write(before + indent(json.dumps(value, indent=2), "  "))
        before, after = ",\n", "\n]\n"
    sys.stdout.write(after)


def print_line(text: str = "", style: str = "") -> None:
    """Print text without the control characters a stranger may have put into it."""
    if style and sys.stdout.isatty():
        from rich.text import Text

        console().print(Text(printable(text), style=style), soft_wrap=True)
    else:
        sys.stdout.write(printable(text) + "\n")


def complain(text: str) -> None:
    """Print a line to standard error."""
    sys.stderr.write(printable(text) + "\n")


def print_csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as CSV (RFC 4180) in UTF-8, below a row of headings, each as it comes.

    Times are in UTC, as in JSON; a missing value is an empty cell. No cell is a formula.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    writer = csv.writer(sys.stdout)
    writer.writerow(headings)
    for row in rows:
        writer.writerow(map(_csv_cell, row))


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, datetime):
        return in_utc(value) or ""
    return value if type(value) in (int, float) else harmless(str(value))


class LocalTimes:
    """Formats times for people, in one zone, which is named with the first one shown."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._is_zone_shown = False

    def show(self, moment: datetime | None) -> str:
        """Return a time; a dash for none."""
        return "-" if moment is None else self.without_zone(moment) + self._zone_once()

    def columns(
        self, headings: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> tuple[list[str], list[list[str]]]:
        """Return a table as text; the heading of its first column with a time names the zone."""
        names = list(headings)
        for place in range(len(names)):
            if any(isinstance(row[place], datetime) for row in rows):
                names[place] += self._zone_once()
        return names, [[self._cell(value) for value in row] for row in rows]

    def _cell(self, value: object) -> str:
        if value is None:
            return "-"
        return self.without_zone(value) if isinstance(value, datetime) else str(value)

    def without_zone(self, moment: datetime) -> str:
        """Return a time as it is typed: without the zone's name."""
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def _zone_once(self) -> str:
        name, self._is_zone_shown = "" if self._is_zone_shown else f" ({self._zone.key})", True
        return name


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str = "",
    times: LocalTimes | None = None,
) -> None:
    """Print rows below their headings, or `empty` if there are none.

    `empty` says what would be there and how it gets there; it may be omitted only if there are
    rows. With `times`, cells may be times, and None, which is shown as a dash.
    """
    names, cells = headings, list(rows)
    if times is not None:
        names, cells = times.columns(headings, cells)  # type: ignore[assignment]
    if not cells:
        print_line(empty)
        return
    texts = [[printable(str(cell)) for cell in row] for row in cells]
    if sys.stdout.isatty() or any("\n" in cell for row in texts for cell in row):
        _print_wrapped(names, texts)
    else:
        _print_lines([names, *texts])


def _print_wrapped(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as wide as the terminal, wrapping longer cells."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in headings:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def _print_lines(rows: Sequence[Sequence[str]]) -> None:
    """Print a table if no terminal sets a width: a line per row, however long a cell is.

    A column is as wide as its widest cell, but no wider than most subjects: a longer cell shifts
    the rest of its own line only.
    """
    from rich.cells import cell_len

    widths = [min(max(map(cell_len, column)), _ALIGNED) for column in zip(*rows, strict=True)]
    for row in rows:
        line = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        sys.stdout.write("  ".join(line).rstrip() + "\n")


def printable(text: str) -> str:
    """Return text without terminal control sequences; line ends stay."""
    return "".join(
        character if character == "\n" or character.isprintable() else "�" for character in text
    )


def one_line(text: str) -> str:
    """Return text without line ends, so that it can't pass for something else."""
    return " ".join(printable(text).split())
