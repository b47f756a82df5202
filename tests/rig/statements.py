"""Compiled SQL that all stores of a test process share: each statement is compiled once.

Every test has a store of its own, and SQLAlchemy (2.1) keeps what it has compiled by engine: half
of the time of a test that imports something went into compiling the same statements again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache


class SharedStatements:
    """The statements one engine has compiled, kept with those of all engines of its kind."""

    def __init__(self) -> None:
        self._compiled: LRUCache[Any, Any] = LRUCache(5_000)

    def get(self, key: Any, default: Any = None) -> Any:
        return self._compiled.get(_of_its_kind(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        self._compiled[_of_its_kind(key)] = compiled

    def clear(self) -> None:
        self._compiled.clear()


def _of_its_kind(key: Any) -> Any:
    """Return a key of SQLAlchemy's with its dialect's driver in place of one engine's dialect."""
    dialect, *others = key
    return (f"{dialect.name}+{dialect.driver}", *others)


@contextmanager
def statements_shared() -> Iterator[None]:
    """Have every engine that is made share them."""
    shared = SharedStatements()
    made = Engine.__init__

    def make(engine: Engine, *arguments: Any, **options: Any) -> None:
        made(engine, *arguments, **options)
        engine._compiled_cache = shared  # type: ignore[assignment]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", make)
        yield
