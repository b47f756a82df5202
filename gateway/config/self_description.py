"""Descriptions of the settings, for the reference page and the sample file."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.config.section import Section, is_array, options, table_of
from gateway.config.settings import Settings
from gateway.config.wording import in_toml


def tables(section: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, type[Section]]]:
    """Yield the tables and arrays of tables in a section: key, field, its model."""
    for key, field in options(section).items():
        table = table_of(field.annotation)
        if table:
            yield key, field, table


def is_own_table(section: type[BaseModel], field: FieldInfo) -> bool:
    """Whether a table has its own heading; a small one inside another is written on one line."""
    return section is Settings or is_array(field.annotation)


def plain_keys(section: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the keys of a section that have values, including tables on one line."""
    for key, field in options(section).items():
        if table_of(field.annotation) is None or not is_own_table(section, field):
            yield key, field


def meaning(section: type[BaseModel], key: str) -> str:
    """Return the docstring below a setting, read from the source, as Python discards it."""
    module = inspect.getmodule(section)
    assert module is not None
    body = next(
        statement.body
        for statement in ast.parse(inspect.getsource(module)).body
        if isinstance(statement, ast.ClassDef) and statement.name == section.__name__
    )
    for declared, below in pairwise(body):
        match declared, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if (section.model_fields[name].alias or name) == key:
                return flowing(text)
    return ""


def purpose(section: type[BaseModel]) -> str:
    """Return the purpose of a section, on one line."""
    return flowing(section.__doc__ or "")


def flowing(text: str) -> str:
    """Return a docstring without line breaks."""
    return re.sub(r"\s+", " ", text).strip()


def default_of(field: FieldInfo) -> str:
    """Return a default in TOML; empty if there is none."""
    return "" if field.is_required() or field.default is None else in_toml(field.default)
