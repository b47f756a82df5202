"""How a process of the gateway starts another one that runs a module of the gateway."""

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this Python, whatever folder one works in.

    Without `-P` Python looks for modules in that folder first: where somebody keeps a `calendar.py`
    there, it would run instead of Python's own.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
