"""`gateway` on the command line."""

import gc
import sys


def main() -> None:
    """Run a command and exit with its code: 0 good, 1 no or failed, 2 wrong use."""
    # What is imported stays: to look for garbage in it meanwhile takes longer than a small command.
    # `cli.commands` has the collector begin once the command is loaded.
    gc.disable()
    from gateway.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
