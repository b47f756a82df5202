"""Messages about wrong use: one line in the form of all other errors, with the cure.

Imported only when something is wrong.
"""

import re
from collections.abc import Iterable
from typing import Any

from gateway.core.written import did_you_mean

#: Messages of the library that checks options' values, and what they mean to people.
_WORDS = (
    (re.compile(r"^Value error, "), ""),
    (re.compile(r"^Input should be a valid integer.*"), "not a whole number"),
    (re.compile(r"^Input should be greater than or equal to (\S+)"), r"must be \1 or more"),
    (re.compile(r"^Input should be less than or equal to (\S+)"), r"must be \1 or less"),
    (re.compile(r"^Input should be"), "must be"),
)
_CHOICE = re.compile(r"'(?P<given>.*)' is not one of (?P<known>'.*')", re.DOTALL)
_COMMAND = re.compile(r"No such command '(?P<given>.*?)'\.", re.DOTALL)
_OPTION_VALUE = re.compile(r"Option '(.*?)' (requires|does not take) an? (argument|value)")
_EXTRA = re.compile(r"Got unexpected extra argument(?:\(s\)|s)? \((?P<given>.*)\)", re.DOTALL)


def usage_line(error: Any) -> str:
    """Return what was wrong in a command line, and the cure: `what: cure; see … --help`.

    `error` is a TyperException, of one of the kinds without a public name: a wrong value, something
    missing, an option or command that doesn't exist.
    """
    context = getattr(error, "ctx", None)
    what = _what_is_wrong(error)
    if context is None:
        return what
    return f"{what}{' See' if what.endswith('?') else '; see'} {context.command_path} --help"


def _what_is_wrong(error: Any) -> str:
    message, kind = str(error.message), type(error).__name__
    context = getattr(error, "ctx", None)
    if kind == "NoSuchOption":
        options = [] if context is None else _options(context.command)
        hint = did_you_mean(error.option_name, options)
        return f"no such option: {error.option_name}{hint}"
    param = getattr(error, "param", None)
    if kind == "MissingParameter" and param is not None:
        help_text = (getattr(param, "help", None) or "").removesuffix(".")
        return f"{_name(param)} is missing" + (f": {help_text}" if help_text else "")
    if match := _COMMAND.match(message):
        commands = [] if context is None else context.command.list_commands(context)
        path = context.command_path.partition(" ")[2] if context is not None else ""
        name = f"{path} {match['given']}".strip()
        return f"no such command: {name}{did_you_mean(match['given'], commands)}"
    if match := _EXTRA.match(message):
        return f"unexpected: {match['given']}"
    if match := _OPTION_VALUE.match(message):
        needs = "needs a value" if match[2] == "requires" else "takes no value"
        return f"{match[1]} {needs}"
    for pattern, words in _WORDS:
        message = pattern.sub(words, message)
    if match := _CHOICE.match(message):
        choices = re.findall(r"'([^']*)'", match["known"])
        hint = did_you_mean(match["given"], choices)
        message = f"{match['given']} is not one of {', '.join(choices)}{hint}"
    return f"{_name(param)}: {message.removesuffix('.')}" if param is not None else message


def _options(command: Any) -> Iterable[str]:
    return [name for param in command.params for name in param.opts if name.startswith("--")]


def _name(param: Any) -> str:
    """Return the name of an option or argument in the help."""
    option = param.opts[0] if param.opts and param.opts[0].startswith("-") else ""
    return option or param.metavar or str(param.name).upper()
