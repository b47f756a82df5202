"""Compiled SQL that all stores of a test process share: each statement is compiled once.

Every test has its own store. SQLAlchemy (2.1) caches compiled statements by engine, and doesn't
cache those that create tables and indexes: a test that imports something spent half of its time
compiling the same statements again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.util import LRUCache

from gateway.store.schema.columns import create_all


class SharedStatements:
    """The compiled statements of one engine, stored with those of all similar engines."""

    def __init__(self) -> None:
        self._compiled: LRUCache[Any, Any] = LRUCache(5_000)

    def get(self, key: Any, default: Any = None) -> Any:
        return self._compiled.get(_of_its_kind(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        self._compiled[_of_its_kind(key)] = compiled

    def clear(self) -> None:
        self._compiled.clear()


def _of_its_kind(key: Any) -> Any:
    """Return a cache key of SQLAlchemy's with the driver in place of one engine's dialect."""
    dialect, *others = key
    return (f"{dialect.name}+{dialect.driver}", *others)


@contextmanager
def statements_shared() -> Iterator[None]:
    """Have all new engines share them."""
    shared = SharedStatements()
    made = Engine.__init__

    def make(engine: Engine, *arguments: Any, **options: Any) -> None:
        made(engine, *arguments, **options)
        engine._compiled_cache = shared  # type: ignore[assignment]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", make)
        for kind in (CreateTable, CreateIndex):
            patch.setattr(kind, "compile", _compiled_once(kind.compile))
        patch.setattr("gateway.store.engine.database.create_all", _created_again(create_all))
        yield


def _compiled_once(compile_anew: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `compile` that compiles the creation of each table or index only once."""
    compiled: dict[Any, Any] = {}

    def compile_one(creation: Any, *, dialect: Dialect, schema_translate_map: Any = None) -> Any:
        keys = getattr(creation, "include_foreign_key_constraints", None)
        key = (
            creation.element,
            creation.if_not_exists,
            None if keys is None else frozenset(keys),
            f"{dialect.name}+{dialect.driver}",
        )
        if key not in compiled:
            assert not schema_translate_map
            compiled[key] = compile_anew(creation, dialect=dialect)
        return compiled[key]

    return compile_one


def _created_again(create: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """Return a `create_all` that creates later schemas with the SQL of the first."""
    created: dict[str, list[str]] = {}

    def create_again(connection: Connection) -> None:
        kind = connection.dialect.name
        if kind not in created:
            statements: list[str] = []

            def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
                if statement.lstrip().startswith("CREATE "):
                    statements.append(statement)

            event.listen(connection, "before_cursor_execute", note)
            try:
                create(connection)
            finally:
                event.remove(connection, "before_cursor_execute", note)
            created[kind] = statements
            return
        together = [";".join(created[kind])] if kind == "postgresql" else created[kind]
        for statement in together:
            connection.connection.cursor().execute(statement)

    return create_again
