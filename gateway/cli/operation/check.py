"""Looking at everything before mail depends on it."""

import asyncio
from typing import Annotated

import typer

from gateway.app.checks.check import check
from gateway.app.checks.findings import Level
from gateway.cli.context import Context, of
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
    levels = asyncio.run(_print_findings(of(context), offline=offline))
    raise typer.Exit(1 if Level.ERROR in levels else 0)


async def _print_findings(context: Context, *, offline: bool) -> set[Level]:
    levels: set[Level] = set()
    async for finding in check(context.settings, context.file, offline=offline):
        levels.add(finding.level)
        print_line(
            f"{finding.level:<8} {finding.what}: {one_line(finding.text)}", _STYLES[finding.level]
        )
    return levels
