"""Commands that the demo shows, as somebody at the keyboard would type them."""

from pathlib import Path

from gateway.cli import run
from gateway.cli.output import print_line
from gateway.core.errors import GatewayError


class CommandFailed(GatewayError):
    """A command of the demo did not end well; it has said itself why."""


def show_command(file: Path, *words: str) -> None:
    """Print a command and what it prints, with the demo's config; CommandFailed if it fails.

    In this process: another one would take a second before its first line.
    """
    print_line(f"\n$ gateway {' '.join(words)}", "bold")
    if run(["--config", str(file), *words]):
        raise CommandFailed(f"gateway {' '.join(words)} failed")
