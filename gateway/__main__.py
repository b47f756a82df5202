"""Runs `gateway` on the command line."""

import gc
import io
import os
import sys


def main() -> None:
    """Run a command and exit with its code: 0 good, 1 no or failed, 2 wrong use."""
    # Imports stay in memory: looking for garbage in them takes longer than a small command.
    # `cli.commands` turns the collector on once the command is loaded.
    gc.disable()
    # pydantic would look for plugins in the metadata of every installed package, but the config
    # uses none (pydantic 2.14, `plugin/_loader.py`).
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from gateway.cli import run

    # A character the terminal can't show becomes a question mark, and doesn't end the command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
