"""The command line: every command, and how its result becomes an exit code."""

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from gateway.cli.commands import app
from gateway.core.errors import GatewayError


def run(arguments: Sequence[str]) -> int:
    """Run a command; return 0 for good, 1 for no or failed, 2 for wrong use.

    All errors have one form, a line on standard error: `gateway: what: cure`.
    """
    try:
        ended = app(list(arguments), prog_name="gateway", standalone_mode=False)
        sys.stdout.flush()
    except GatewayError as error:
        return _tell(f"{error}: {error.cure}" if error.cure else str(error), 1)
    except typer.Abort:
        return _tell("stopped: nothing was done", 1)
    except TyperException as error:
        from gateway.cli.wrong_use import usage_line

        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(f"{error.format_message()}\n")
            return 2
        return _tell(usage_line(error), error.exit_code)
    except BrokenPipeError:
        # The reader has seen enough, like `head`, and Python should not complain about it either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        prefix = f"{error.filename}: " if error.filename else ""
        cure = ""
        if isinstance(error, PermissionError) and error.filename:
            cure = ": try it as the user that the gateway runs as"
        return _tell(f"{prefix}{error.strerror or error}{cure}", 1)
    except UnicodeEncodeError:
        if all(
            not any("\udc80" <= char <= "\udcff" for char in argument) for argument in arguments
        ):
            raise
        return _tell("an argument is not UTF-8: type it again", 2)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return ended if isinstance(ended, int) else 0


def _tell(text: str, code: int) -> int:
    from gateway.cli.output import complain

    complain(f"gateway: {text}")
    return code
