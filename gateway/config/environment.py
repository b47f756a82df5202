"""Settings given by the environment: `GATEWAY_STORE__URL` stands for `url` in `[store]`."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from gateway.config.problems import ConfigError, known_keys, suggestion
from gateway.config.section import FILE_SUFFIX, is_array, options, table_of
from gateway.config.settings import Settings

PREFIX = "GATEWAY_"
CONFIG_VARIABLE = "GATEWAY_CONFIG"


@dataclass(frozen=True, slots=True)
class Override:
    """One setting the environment gives."""

    variable: str
    path: tuple[str, ...]
    value: object


def read_environment(environ: Mapping[str, str]) -> list[Override]:
    """Return the settings the environment gives; ConfigError names variables of no meaning."""
    known = dict(variables(Settings))
    mine = sorted(name for name in environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE)
    unknown = [name for name in mine if name not in known]
    if unknown:
        raise ConfigError(*(_unknown(name, [*known, CONFIG_VARIABLE]) for name in unknown))
    return [Override(name, known[name], _parsed(environ[name], known[name])) for name in mine]


def variables(
    section: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name the variable of every plain key beside the key's path."""
    for key in known_keys(section):
        path = (*above, key)
        field = options(section).get(key)
        table = table_of(field.annotation) if field else None
        if table is None:
            yield PREFIX + "__".join(path).upper(), path
        elif field and not is_array(field.annotation):
            yield from variables(table, path)


def overlay(values: dict[str, Any], overrides: Sequence[Override]) -> dict[str, Any]:
    """Return the file's values with the environment's in their place."""
    for override in overrides:
        values = _with(values, override.path, override.value)
    return values


def _with(values: Any, path: tuple[str, ...], value: object) -> dict[str, Any]:
    key, *rest = path
    table = values if isinstance(values, dict) else {}
    if rest:
        return table | {key: _with(table.get(key), tuple(rest), value)}
    # A secret and the file it is in stand for one setting: the one given here counts.
    other = key.removesuffix(FILE_SUFFIX) if key.endswith(FILE_SUFFIX) else key + FILE_SUFFIX
    return {name: one for name, one in table.items() if name != other} | {key: value}


def _parsed(text: str, path: tuple[str, ...]) -> object:
    """Lists and tables are written as in the file: `["a", "b"]`, `{a = "b"}`."""
    if not text.startswith(("[", "{")) or path[-1] == "bind":
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _unknown(name: str, known: list[str]) -> str:
    arrays = "; a setting of a [[table]] can't come from the environment"
    in_array = any(
        name.startswith(f"{PREFIX}{key.upper()}__")
        for key, field in Settings.model_fields.items()
        if is_array(field.annotation)
    )
    return f"{name}: unknown setting{arrays if in_array else suggestion(name, known)}"
