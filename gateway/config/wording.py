"""Values in TOML, and their types in words."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from gateway.config.section import table_of
from gateway.config.values import ListenAddress, OneOfWords, parse_size
from gateway.core.networks import Network

_WORDS: dict[object, str] = {
    str: "text",
    int: "number",
    bool: "true, false",
    timedelta: "duration",
    time: "time of day",
    date: "date",
    Path: "path",
    SecretStr: "secret",
    ListenAddress: "address:port",
    tuple[time, time]: "hours",
    tuple[int, int]: "day of the year",
    re.Pattern[str]: "regular expression",
    Network: "network",
}


def in_toml(value: object) -> str:
    """Return a value in TOML, as in the config file."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case Mapping():
            return "{" + ", ".join(f"{key} = {in_toml(item)}" for key, item in value.items()) + "}"
        case tuple() | list():
            return "[" + ", ".join(map(in_toml, value)) + "]"
        case _:
            text = str(value)
            return f"'{text}'" if "\\" in text else f'"{text}"'


def type_name(field: FieldInfo) -> str:
    """Return a setting's type in a word or two."""
    if any(getattr(rule, "func", None) is parse_size for rule in field.metadata):
        return "size"
    for rule in field.metadata:
        if isinstance(rule, OneOfWords):
            return _choice(rule.words)
    return _name(field.annotation)


def _name(annotation: Any) -> str:
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if annotation in _WORDS:
        return _WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _choice(annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        return _choice(parts)
    if origin is tuple:
        name = _name(parts[0])
        return f"list of {name}" if name.startswith('"') else f"list of {name}s"
    is_table = table_of(annotation) is not None or get_origin(annotation) is Mapping
    return "table" if is_table else _name(parts[0])


def _choice(values: Iterable[object]) -> str:
    return ", ".join(f'"{value}"' for value in values)
