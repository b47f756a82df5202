"""The line of a TOML text that a key of it is in, which `tomllib` doesn't say."""

import re
import tomllib
from typing import Any

KeyPath = tuple[int | str, ...]

_MARK = "the-key-in-question"  #: No key of the config.
_MOST_TRIED = 100


def line_of(text: str, path: KeyPath) -> int | None:
    """Return the line of a key, or of the table that lacks it; None if it isn't certain.

    `path` is as in problems: `("smtp", "listeners", 0, "bind")`.
    """
    values = tomllib.loads(text)
    while path:
        if _is_in(values, path):
            return _element(text, values, path) if isinstance(path[-1], int) else _key(text, path)
        path = path[:-1]
    return None


def _key(text: str, path: KeyPath) -> int | None:
    """Find the key whose place in the text changes its place among the values if it is renamed.

    The same word may be another table's key, a value, or in a comment.
    """
    key = path[-1]
    renamed = (*path[:-1], _MARK)
    words = re.finditer(rf"(?<![\w-]){re.escape(str(key))}(?![\w-])", text)
    for word, _ in zip(words, range(_MOST_TRIED), strict=False):
        try:
            values = tomllib.loads(text[: word.start()] + _MARK + text[word.end() :])
        except tomllib.TOMLDecodeError:
            continue
        if _is_in(values, renamed):
            return text.count("\n", 0, word.start()) + 1
    return None


def _element(text: str, values: dict[str, Any], path: KeyPath) -> int | None:
    """Find the header of a table in a list of them: the second `[[smtp.listeners]]` for 1."""
    *names, index = path
    dotted = r"\s*\.\s*".join(re.escape(str(name)) for name in names)
    header = re.compile(rf"^[ \t]*\[\[\s*{dotted}\s*\]\]", re.MULTILINE)
    headers = list(header.finditer(text))
    if len(headers) != len(_at(values, tuple(names))):
        return None
    return text.count("\n", 0, headers[int(index)].start()) + 1


def _is_in(values: object, path: KeyPath) -> bool:
    try:
        _at(values, path)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _at(values: Any, path: KeyPath) -> Any:
    for step in path:
        values = values[step]
    return values
