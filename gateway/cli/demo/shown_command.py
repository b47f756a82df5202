"""Commands the demo shows as if typed by somebody."""

from pathlib import Path

from gateway.cli import run
from gateway.cli.output import print_line
from gateway.core.errors import GatewayError


class CommandFailed(GatewayError):
    """A command of the demo failed; it has already said why."""


def show_command(file: Path, *words: str) -> None:
    """Print a command and its output, using the demo's config; CommandFailed if it fails.

    It runs in this process: another would take a second before its first line.
    """
    print_line(f"\n$ gateway {' '.join(words)}", "bold")
    if run(["--config", str(file), *words]):
        raise CommandFailed(f"gateway {' '.join(words)} failed")
