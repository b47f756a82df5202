"""Values of any dataclass: with everything a field can hold, and with nothing that can be left out.

A field's value follows from its name, so that a new field changes no other one.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from zlib import crc32

T = TypeVar("T")
#: Numbers that are ids: large enough to have been made in our time.
_IDS = {"id", "message", "entry", "inbox", "attempt_of", "campaign", "run", "suppression"}


def full(kind: type[T], **values: object) -> T:
    """Return a value whose every field holds something, but for those given."""
    return _sample(kind, True, values)


def bare(kind: type[T], **values: object) -> T:
    """Return a value with what no value of its kind is without, and the fields given."""
    return _sample(kind, False, values)


def _sample(kind: type[T], is_full: bool, values: Mapping[str, object]) -> T:
    hints = get_type_hints(kind)
    made = dict(values)
    for field in fields(kind):  # type: ignore[arg-type]
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if field.name not in made and (is_full or not has_default):
            made[field.name] = _value(hints[field.name], field.name, is_full)
    return kind(**made)


def _value(hint: Any, name: str, is_full: bool) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    number = crc32(name.encode())
    if origin in (Union, UnionType):
        if type(None) in parts and not is_full:
            return None
        return _value(next(part for part in parts if part is not type(None)), name, is_full)
    if origin is tuple and parts[-1] is not ...:
        return tuple(_value(part, f"{name} {at}", is_full) for at, part in enumerate(parts))
    if origin in (tuple, list, frozenset, Sequence, Set):
        made = [_value(parts[0], name, is_full)] if is_full else []
        return tuple(made) if origin in (tuple, Sequence) else origin(made)
    if origin in (dict, Mapping):
        keys = [_value(parts[0], f"{name} key", is_full)] if is_full else []
        return {key: _value(parts[1], name, is_full) for key in keys}
    if isinstance(hint, type) and is_dataclass(hint):
        return _sample(hint, is_full, {})
    if issubclass(hint, Enum):
        return [*hint][-1 if is_full else 0]
    if hint is bool:
        return is_full
    if hint is int:
        return (1_500_000_000 + number) << 29 if name in _IDS else number % 1000 if is_full else 0
    if hint is datetime:
        return datetime(2026, 3, 12, 9, 30, 15, 123_456, UTC) + timedelta(minutes=number % 100_000)
    if hint is date:
        return date(2026, 3, 12) + timedelta(number % 100)
    if hint is timedelta:
        return timedelta(minutes=number % 1000)
    if hint is bytes:
        return name.encode()
    assert hint in (str, object, Any), (name, hint)
    return f"{name} ä" if is_full else ""
