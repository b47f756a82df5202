"""The pages of docs, displayed in the terminal."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import print_line
from gateway.config.shipped import SHIPPED_DOCS
from gateway.core.errors import GatewayError
from gateway.core.written import no_such_name

_WIDEST = 100  #: Columns, for easy reading.


class NoSuchPage(GatewayError):
    """No page has that name."""


def pages_beginning(incomplete: str = "") -> list[str]:
    """Return the names of pages that start so, sorted."""
    stems = (file.stem for file in SHIPPED_DOCS.glob("*.md"))
    return sorted(stem for stem in stems if stem.startswith(incomplete))


_Page = Annotated[
    str | None,
    typer.Argument(
        metavar="PAGE",
        help="The name of a page; absent: all names, a line each.",
        autocompletion=pages_beginning,
    ),
]


def show_page(page: _Page = None) -> None:
    """Show a page of the documentation.

    On a terminal it is drawn, a screen at a time (PAGER); elsewhere it is printed as it is written,
    in Markdown. Nothing is fetched.
    """
    names = pages_beginning()
    if page is None:
        widest = max(map(len, names), default=0)
        for name in names:
            print_line(f"{name:<{widest}}  {_title(SHIPPED_DOCS / f'{name}.md')}")
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in names:
        raise NoSuchPage(no_such_name("page", page, names))
    text = (SHIPPED_DOCS / f"{name}.md").read_text(encoding="utf-8")
    if sys.stdout.isatty():
        _draw(text)
    else:
        print_line(text.rstrip("\n"))


def _title(file: Path) -> str:
    """Return a page's heading."""
    with file.open(encoding="utf-8") as lines:
        return next((line.strip("# \n") for line in lines if line.startswith("# ")), file.stem)


def _draw(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    os.environ.setdefault("LESS", "-R")  # else less would show colour codes as text
    console = Console()
    with console.pager(styles=True):
        # The targets of links are in the page's source; on the screen they would fill the lines.
        console.print(Markdown(text, hyperlinks=False), width=min(console.width, _WIDEST))
