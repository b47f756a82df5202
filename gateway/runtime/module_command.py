"""How one gateway process starts another that runs one of its modules."""

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this Python, whatever the current folder is.

    Without `-P`, Python looks for modules in the current folder first: a `calendar.py` there would
    run instead of Python's own.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
