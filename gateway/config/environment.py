"""Settings from the environment: `GATEWAY_STORE__URL` is `url` in `[store]`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic import BaseModel, SecretStr

from gateway.config.problems import ConfigError, NotToml, known_keys, parse_toml, suggestion
from gateway.config.section import FILE_SUFFIX, is_array, options, table_of
from gateway.config.settings import Settings

PREFIX = "GATEWAY_"
CONFIG_VARIABLE = "GATEWAY_CONFIG"


@dataclass(frozen=True, slots=True)
class VariableSetting:
    """The setting a variable refers to, and whether it is a list or table."""

    path: tuple[str, ...]
    is_structured: bool


@dataclass(frozen=True, slots=True)
class EnvironmentSetting:
    """A setting given by the environment."""

    variable: str
    path: tuple[str, ...]
    value: object


def read_environment(environ: Mapping[str, str]) -> list[EnvironmentSetting]:
    """Return the settings given by the environment; ConfigError names unknown variables."""
    known_variables = dict(variables(Settings))
    given_names = sorted(
        name for name in environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE
    )
    unknown = [name for name in given_names if name not in known_variables]
    twice = [name for name in given_names if name + FILE_SUFFIX.upper() in given_names]
    problems = [unknown_setting(name, known_variables) for name in unknown]
    problems += [
        f"{name}{FILE_SUFFIX.upper()}: {name} is set as well; only one of them may be"
        for name in twice
    ]
    if problems:
        raise ConfigError(*problems)
    return [
        EnvironmentSetting(
            name, known_variables[name].path, _parse(environ[name], known_variables[name])
        )
        for name in given_names
    ]


def variables(
    section: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, VariableSetting]]:
    """Return the variable of every plain key, with the setting it refers to."""
    for key in known_keys(section):
        path = (*above, key)
        annotation = options(section)[key].annotation if key in options(section) else SecretStr
        table = table_of(annotation)
        if table is None:
            is_structured = is_array(annotation) or get_origin(annotation) is Mapping
            yield PREFIX + "__".join(path).upper(), VariableSetting(path, is_structured)
        elif not is_array(annotation):
            yield from variables(table, path)


def overlay(values: dict[str, Any], overrides: Sequence[EnvironmentSetting]) -> dict[str, Any]:
    """Return the file's values, overridden by those of the environment."""
    for override in overrides:
        values = _with(values, override.path, override.value)
    return values


def _with(values: Any, path: tuple[str, ...], value: object) -> dict[str, Any]:
    key, *rest = path
    table = values if isinstance(values, dict) else {}
    if rest:
        return table | {key: _with(table.get(key), tuple(rest), value)}
    # A secret and its file are one setting: the one given here counts.
    other = key.removesuffix(FILE_SUFFIX) if key.endswith(FILE_SUFFIX) else key + FILE_SUFFIX
    return {name: item for name, item in table.items() if name != other} | {key: value}


def _parse(text: str, variable: VariableSetting) -> object:
    """Parse a value; lists and tables are written as in the file: `["a", "b"]`, `{a = "b"}`."""
    if not variable.is_structured:
        return text
    try:
        return parse_toml(f"value = {text}")["value"]
    except NotToml:
        return text


def unknown_setting(name: str, known_names: Iterable[str]) -> str:
    """Return the error for an unknown variable, with the nearest known one."""
    for key, field in options(Settings).items():
        if is_array(field.annotation) and name.startswith(f"{PREFIX}{key}__".upper()):
            return f"{name}: unknown setting; the keys of [[{key}]] are set in the file only"
    near = suggestion(
        name.removeprefix(PREFIX), [variable.removeprefix(PREFIX) for variable in known_names]
    )
    return f"{name}: unknown setting{near.replace('mean ', f'mean {PREFIX}')}"
