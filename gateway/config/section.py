"""The base of all tables of the config file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from gateway.config.values import config_folder, from_folder

FILE_SUFFIX = "_file"


class Section(BaseModel):
    """A table of the config file; an attribute's docstring is the setting's documentation.

    Every command waits for these models, so nothing is done at import that can be done later: the
    validators are built when a file is read (`defer_build`), and `documents` reads the docstrings
    itself (`use_attribute_docstrings` would parse every source file).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        defer_build=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: object, info: ValidationInfo) -> object:
        if not isinstance(values, dict):
            return values
        keys = set(secret_keys(cls))
        folder = config_folder(info)
        paths = {key: values[key + FILE_SUFFIX] for key in keys if key + FILE_SUFFIX in values}
        plain = {
            key: value
            for key, value in values.items()
            if key.removesuffix(FILE_SUFFIX) not in paths
        }
        for key, path in paths.items():
            if key in values:
                wrong(key + FILE_SUFFIX, f"{key} is set as well; only one of them may be")
            plain[key] = _read_secret(key + FILE_SUFFIX, path, folder)
        return plain


def option(default: object = None, *, example: object = None, key: str | None = None) -> Any:
    """Declare a setting by its default, or an example where it has none, as the file writes them;
    `...` makes it required, `key` is what the file calls it where Python can't."""
    return Field(default, examples=None if example is None else [example], alias=key)


def wrong(key: str, problem: str) -> Never:
    """Reject a table because of one of its keys, which becomes part of the reported path."""
    raise PydanticCustomError("wrong_key", "{problem}", {"key": key, "problem": problem})


def options(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a section by their keys in the file."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def secret_keys(section: type[BaseModel]) -> Iterator[str]:
    """Return the keys of a section whose values must not be shown."""
    for key, field in options(section).items():
        if SecretStr in leaves(field.annotation):
            yield key


def table_of(annotation: object) -> type[Section] | None:
    """Return the section a setting contains, as a table, an optional table or an array."""
    for leaf in leaves(annotation):
        if isinstance(leaf, type) and issubclass(leaf, Section):
            return leaf
    return None


def is_array(annotation: object) -> bool:
    """Return whether a setting takes several values."""
    return getattr(annotation, "__origin__", None) is tuple


def leaves(annotation: object) -> list[object]:
    """Return the plain types in an annotation."""
    parts = get_args(annotation)
    if not parts:
        return [annotation]
    return [leaf for part in parts for leaf in leaves(part)]


def _read_secret(key: str, path: object, folder: Path | None) -> str:
    if not isinstance(path, str):
        wrong(key, "not the path of a file")
    file = from_folder(folder, path)
    try:
        secret = file.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except OSError as error:
        wrong(key, f'{str(error.strerror).lower()}: "{file}"')
    except UnicodeDecodeError:
        wrong(key, f'not UTF-8 text: "{file}"')
    return secret or wrong(key, f'is empty: "{file}"')
