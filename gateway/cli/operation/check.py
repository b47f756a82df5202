"""Looking at everything before mail depends on it."""

import asyncio
from typing import Annotated

import typer

from gateway.app.checks.check import check
from gateway.app.checks.findings import Level
from gateway.cli.context import of
from gateway.cli.output import one_line, print_line

_STYLES = {Level.GOOD: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


def check_everything(
    context: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Connect to nothing.")] = False,
) -> None:
    """Try everything the config names.

    Prints a line for each finding: what is wrong and what to do. The exit code is 1 if anything is
    wrong; warnings alone leave it at 0.
    """
    chosen, levels = of(context), set[Level]()

    async def print_findings() -> None:
        async for finding in check(chosen.settings, chosen.file, offline=offline):
            levels.add(finding.level)
            line = f"{finding.level:<8} {finding.what}: {one_line(finding.text)}"
            print_line(line, _STYLES[finding.level])

    asyncio.run(print_findings())
    raise typer.Exit(1 if Level.ERROR in levels else 0)
