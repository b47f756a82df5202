"""What commands on campaigns work with, and the bar that shows how far they are."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import Progress

from gateway.cli.context import Context, of

if TYPE_CHECKING:
    from gateway.sync.office import Office


@contextmanager
def office_of(context: typer.Context) -> Iterator[tuple[Context, "Office"]]:
    """Lend what work on campaigns is done with; on a terminal a bar shows how far it is."""
    from gateway.app import mailchimp

    chosen = of(context)
    with (
        chosen.store() as store,
        _bar() as beat,
        mailchimp.office(chosen.settings, store, progress=beat) as office,
    ):
        yield chosen, office


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, int] = {}

        def beat(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.update(tasks[what], completed=done, total=total or None)  # type: ignore[arg-type]

        yield beat
