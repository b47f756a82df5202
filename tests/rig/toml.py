"""Writing the small TOML files a test needs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_toml(document: Mapping[str, Any]) -> str:
    """Return the document as TOML: tables are nested, lists of mappings become arrays of tables."""
    return "".join(_table(document, ()))


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    nested: list[str] = []
    for key, value in table.items():
        here = (*path, key)
        if isinstance(value, Mapping):
            nested += [f"\n[{_name(here)}]\n", *_table(value, here)]
        elif _is_tables(value):
            for entry in value:
                nested += [f"\n[[{_name(here)}]]\n", *_table(entry, here)]
        else:
            lines.append(f"{_name((key,))} = {_value(value)}\n")
    return lines + nested


def _is_tables(value: object) -> bool:
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(entry, Mapping) for entry in value)


def _name(path: Sequence[str]) -> str:
    plain = (part if part.replace("_", "a").isalnum() else json.dumps(part) for part in path)
    return ".".join(plain)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            raise TypeError(f"no TOML for {value!r}")


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base with the changes merged into it; only mappings are merged recursively."""
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(inner, value) if both else value  # type: ignore[arg-type]
    return merged
