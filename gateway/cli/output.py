"""How results are printed: tables for people, JSON for scripts, nothing that could harm either.

rich is loaded by what draws with it: most commands print lines, and would wait for it.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_UNLIMITED = 1000  #: Columns, where no terminal sets a width.


def console() -> "Console":
    """Return standard output: in colour and as wide as the terminal, else plain and unwrapped."""
    from rich.console import Console

    return Console(
        width=None if sys.stdout.isatty() else _UNLIMITED, highlight=False, soft_wrap=False
    )


def print_json(value: object) -> None:
    """Print one JSON document; what is beyond ASCII is escaped, so that it can't be garbled."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_json_list(values: Iterable[object]) -> None:
    """Print an array as `print_json` does, an entry at a time: however many they are."""
    before, after = "[\n", "[]\n"
    for value in values:
        sys.stdout.write(before + indent(json.dumps(value, indent=2), "  "))
        before, after = ",\n", "\n]\n"
    sys.stdout.write(after)


def print_line(text: str = "", style: str = "") -> None:
    """Print text as it is, without the control characters a stranger may have put into it."""
    if style and sys.stdout.isatty():
        from rich.text import Text

        console().print(Text(printable(text), style=style), soft_wrap=True)
    else:
        sys.stdout.write(printable(text) + "\n")


def complain(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(printable(text) + "\n")


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = ""
) -> None:
    """Print rows below their headings; where there are none, `empty`.

    It says what would be there and how it comes there; only who has seen that there are rows leaves
    it out.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        print_line(empty)


def printable(text: str) -> str:
    """Return text in which nothing steers the terminal; line ends stay."""
    return "".join(
        character if character == "\n" or character.isprintable() else "�" for character in text
    )


def one_line(text: str) -> str:
    """Return text without line ends, so that it can't pass for something else."""
    return " ".join(printable(text).split())


def local(moment: datetime | None, zone: tzinfo) -> str:
    """Return a time as people read it; a dash for none."""
    return "-" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def duration(value: timedelta) -> str:
    """Return roughly how long something is: 40 s, 12 min, 5 h, 3 d."""
    seconds = max(0, int(value.total_seconds()))
    for unit, size, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < most:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86400} d"
