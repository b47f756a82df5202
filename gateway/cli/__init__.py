"""The command line: every command, and how its result becomes an exit code."""

import sys
from collections.abc import Sequence

from gateway.cli.commands import app
from gateway.core.errors import GatewayError


def run(arguments: Sequence[str]) -> int:
    """Run a command; return 0 for good, 1 for no or failed, 2 for wrong use."""
    try:
        app(list(arguments), prog_name="gateway")
    except GatewayError as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        print(f"gateway: {named}{error.strerror or error}", file=sys.stderr)  # noqa: T201
    except UnicodeEncodeError:
        if all(
            not any("\udc80" <= char <= "\udcff" for char in argument) for argument in arguments
        ):
            raise
        print("gateway: an argument is not UTF-8: type it again", file=sys.stderr)  # noqa: T201
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 1
