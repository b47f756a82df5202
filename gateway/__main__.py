"""`gateway` on the command line."""

import sys


def main() -> None:
    """Run a command and exit with its code: 0 good, 1 no or failed, 2 wrong use."""
    from gateway.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
