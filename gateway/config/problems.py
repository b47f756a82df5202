"""Config errors, one line per mistake: file, key, what was expected, value."""

import errno
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.section import FILE_SUFFIX, options, secret_keys, table_of
from gateway.config.values import NAME_PATTERN, NAME_RULE
from gateway.core.errors import FileUnusable
from gateway.core.written import readable_name

KeyPath = tuple[int | str, ...]

_WORDS = re.compile(r"'([^']*)'")
_INTEGER_BITS = 63  #: Without the sign.
_MARK = "the-key-in-question"  #: No key of the config.
_MOST_TRIED = 100  #: Places of a word in the file.

_EXPECTED = {
    "missing": "is required",
    "int_parsing": "not a number",
    "int_type": "not a number",
    "int_from_float": "not a whole number",
    "bool_parsing": "not true or false",
    "bool_type": "not true or false",
    "string_type": "not a text",
    "pattern_type": "not a text",
    "path_type": "not a path",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "not of the right form",
    "tuple_type": "not a list",
    "mapping_type": "not a table",
    "dict_type": "not a table",
    "model_type": "not a table",
    "model_attributes_type": "not a table",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than_equal": ("le", "must be at most {}"),
    "string_too_long": ("max_length", "must have {} characters at most"),
    "too_long": ("max_length", "must have {} characters at most"),  # Already read elsewhere.
}


class ConfigError(FileUnusable):
    """The config can't be used; the text has a line for each wrong key."""

    def __init__(self, *problems: str) -> None:
        # It may contain a file name that isn't UTF-8, which no page and no JSON can represent.
        self.problems = tuple(
            "\n".join(map(readable_name, problem.split("\n"))) for problem in problems
        )
        super().__init__("\n".join(self.problems))


def read_text(file: Path) -> str:
    """Return the content of one of the operator's files; ConfigError says why it can't be read."""
    try:
        if not file.is_file() and file.exists() and not file.is_dir():
            raise ConfigError(f"{file}: no file that can be read to its end, such as a pipe")
        return file.read_text(encoding="utf-8-sig")  # Windows editors start files with a BOM.
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text") from error


def text_to_mend(file: Path) -> str:
    """Return the text of a file for somebody who will save it again, as UTF-8.

    If it isn't UTF-8, it is decoded as Windows-1252 (in which five octets have no meaning).
    ConfigError says why it can't be read.
    """
    if is_utf8(file):
        return read_text(file)
    return file.read_bytes().decode("cp1252", errors="replace")


def is_utf8(file: Path) -> bool:
    """Whether a file is text in UTF-8; True also if it can't be read."""
    try:
        read_text(file)
    except ConfigError as error:
        return not isinstance(error.__cause__, UnicodeDecodeError)
    return True


def files_in(folder: Path, *endings: str) -> list[Path]:
    """Return the files in a folder whose names have one of these endings, in order.

    There are none if the folder doesn't exist. ConfigError says why it can't be read; `Path.glob`
    would treat a folder it may not enter, or a file in its place, as empty, and silently ignore
    what the operator wrote there.
    """
    try:
        files = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        is_no_folder = error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
        cure = "name another one" if is_no_folder else "let the user the gateway runs as read it"
        raise ConfigError(f"{folder}: can't be read: {error.strerror}; {cure}") from error
    return [file for file in files if file.name.endswith(endings)]


class NotToml(ValueError):
    """A text is not valid TOML 1.0, or not supported: the message says what is wrong and where."""


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML text; raise `NotToml`."""
    try:
        values = tomllib.loads(text)
        _check_numbers(values)
    except RecursionError:
        raise NotToml("lists or tables too deep within each other") from None
    except ValueError as error:  # From its grammar, or for a number with thousands of digits.
        raise NotToml(str(error)) from None
    return values


def _check_numbers(value: object) -> None:
    """Raise `NotToml` for an integer of more than 64 bits, which TOML doesn't have (Integer)."""
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
        raise NotToml("a number of more than 64 bits")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for element in value:
            _check_numbers(element)


def describe(
    error: ValidationError,
    settings: type[BaseModel],
    file: str,
    text: str,
    variables: Mapping[KeyPath, str],
) -> ConfigError:
    """Describe a validation error of a file's TOML text.

    `variables` names the paths set by the environment.
    """
    return ConfigError(*(_line(each, settings, file, text, variables) for each in error.errors()))


def _line(
    error: ErrorDetails,
    settings: type[BaseModel],
    file: str,
    text: str,
    variables: Mapping[KeyPath, str],
) -> str:
    key = error["ctx"]["key"] if error["type"] == "wrong_key" else ""
    place = (*error["loc"], *_steps(key))
    origins = (variable for path, variable in variables.items() if place[: len(path)] == path)
    origin = next(origins, None)
    line = line_of(text, place) if origin is None else None
    return "".join(
        (
            origin or ": ".join(filter(None, (file, _dotted(place)))),
            f": {_problem(error, settings)}{_value(error, settings)}{_nearest_word(error)}",
            f" (line {line})" if line is not None else "",
        )
    )


def _steps(key: str) -> KeyPath:
    """Return the path of a key as `_dotted` writes it: `listeners[1].bind`."""
    steps = re.findall(r"[^.\[\]]+", key)
    return tuple(int(step) if step.isdecimal() else step for step in steps)


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


def _dotted(place: KeyPath) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).removeprefix(".")


def _problem(error: ErrorDetails, settings: type[BaseModel]) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "wrong_key":
            return str(context["problem"])
        case "value_error":
            return str(context["error"])
        case "literal_error" | "enum":
            return f"not one of {str(context['expected']).replace(chr(39), chr(34))}"
        case "string_pattern_mismatch" if context["pattern"] == NAME_PATTERN:
            return NAME_RULE
        case "extra_forbidden":
            path = error["loc"]
            section = _section_at(path, settings)
            keys = known_keys(section) if section else []
            nearest = suggestion(str(path[-1]), keys)
            others = f"; known: {', '.join(keys)}" if keys else ""
            return f"unknown key{nearest or others}"
        case kind if kind in _BOUNDS:
            bound, text = _BOUNDS[kind]
            return text.format(context[bound])
        case kind:
            return _EXPECTED.get(kind, error["msg"])


def _nearest_word(error: ErrorDetails) -> str:
    """Return which of the existing words was probably meant, if any."""
    value = error["input"]
    if error["type"] not in ("literal_error", "enum") or not isinstance(value, str):
        return ""
    return suggestion(value, _WORDS.findall(str(error["ctx"]["expected"])))


def suggestion(key: str, keys: list[str]) -> str:
    """Return `; did you mean …?` with the nearest known key, or nothing."""
    nearest = get_close_matches(key, keys, 1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def known_keys(section: type[BaseModel]) -> list[str]:
    """Return every key a table may have, including the file variants of secrets."""
    return [*options(section), *(key + FILE_SUFFIX for key in secret_keys(section))]


def _value(error: ErrorDetails, settings: type[BaseModel]) -> str:
    value, path = error["input"], error["loc"]
    if error["type"] in {"missing", "extra_forbidden", "wrong_key"}:
        return ""
    section = _section_at(path, settings)
    if section is None or path[-1] in set(secret_keys(section)):
        return ""
    if isinstance(value, bool):
        return f": {str(value).lower()}"
    if isinstance(value, str):
        return f': "{value}"'
    return f": {value}" if isinstance(value, int | float) else ""


def _section_at(path: KeyPath, settings: type[BaseModel]) -> type[BaseModel] | None:
    section: type[BaseModel] | None = settings
    for step in path[:-1]:
        if isinstance(step, int):
            continue
        field = options(section).get(step) if section else None
        section = table_of(field.annotation) or section if field else None
    return section
