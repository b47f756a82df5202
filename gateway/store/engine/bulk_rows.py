"""Many rows in one statement: a JSON array of arrays that the database takes apart.

One statement per table keeps a writing thread from competing for the GIL once per row.
"""

from collections.abc import Sequence
from functools import cache

import orjson
from sqlalchemy import Boolean, Connection, Table


def insert_rows(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[object]],
    *,
    conflict: str = "",
) -> int:
    """Insert rows of plain values (text, integers, booleans, None) into a table; return how many.

    `conflict` says what happens to rows whose key exists, as in SQL's `ON CONFLICT`.
    """
    if not rows:
        return 0
    clause = f" ON CONFLICT {conflict}" if conflict else ""
    source = rows_source(connection, table, columns)
    names = ", ".join(f'"{name}"' for name in columns)
    inserted = connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({names}) {source}{clause}',
        (orjson.dumps(rows).decode(),),
    )
    return inserted.rowcount


def rows_source(connection: Connection, table: Table, columns: tuple[str, ...]) -> str:
    """Return a SELECT over the one JSON parameter, its columns named and typed as the table's."""
    return _source(connection.dialect.name, table, columns)


@cache
def _source(dialect: str, table: Table, columns: tuple[str, ...]) -> str:
    if dialect == "sqlite":
        values = (f"json_extract(r.value, '$[{n}]') AS \"{c}\"" for n, c in enumerate(columns))
        # WHERE true keeps SQLite from reading ON CONFLICT as a join condition.
        return f"SELECT {', '.join(values)} FROM json_each(?) AS r WHERE true"  # noqa: S608
    values = (f'(r->>{n})::{_postgres_type(table, c)} AS "{c}"' for n, c in enumerate(columns))
    return f"SELECT {', '.join(values)} FROM jsonb_array_elements(%s::jsonb) AS r WHERE true"  # noqa: S608


def _postgres_type(table: Table, column: str) -> str:
    kind = table.c[column].type
    if isinstance(kind, Boolean):
        return "boolean"
    names = {"TEXT": "text", "SMALLINT": "smallint", "INTEGER": "integer", "DATE": "date"}
    return names.get(str(kind), "bigint")
