"""`gateway` on the command line."""

import gc
import io
import os
import sys


def main() -> None:
    """Run a command and exit with its code: 0 good, 1 no or failed, 2 wrong use."""
    # What is imported stays: to look for garbage in it meanwhile takes longer than a small command.
    # `cli.commands` has the collector begin once the command is loaded.
    gc.disable()
    # pydantic would look for plugins in the metadata of every installed package, and there are none
    # the config is read with (pydantic 2.14, `plugin/_loader.py`).
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from gateway.cli import run

    # A letter that a terminal doesn't have is a question mark, and no end of the command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
