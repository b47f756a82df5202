"""The version of a store's schema: whether the schema is complete, and how it is upgraded."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, delete, insert, inspect

from gateway.core.errors import GatewayError
from gateway.store.engine.database import WrongSchema, version_advice
from gateway.store.schema import FIRST_VERSION, VERSION, schema_version
from gateway.store.schema.columns import metadata

_FOLDER = Path(__file__).parents[1] / "migrations"


class DamagedSchema(GatewayError):
    """The store lacks tables or columns its version must have."""


def defects(connection: Connection) -> list[str]:
    """Name what is missing from a store of this version; empty: nothing."""
    return list(_missing(connection))


def upgrade(connection: Connection, before: str | None) -> list[str]:
    """Bring a store of an earlier version (None: an empty one) to this one.

    Returns the versions gone through. Raises `WrongSchema` for a store that is newer than this
    gateway, or older than the first migration.
    """
    if before is not None and not FIRST_VERSION <= before <= VERSION:
        raise WrongSchema(version_advice(before))
    # Imported here: it takes a second, and only this command needs it.
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory(_FOLDER).iterate_revisions("head", before or "base")
    done: list[str] = []
    with Operations.context(MigrationContext.configure(connection)):
        for step in reversed(list(steps)):
            step.module.upgrade()
            done.append(step.revision)
    connection.execute(delete(schema_version))
    connection.execute(insert(schema_version).values(version=VERSION))
    return done


def _missing(connection: Connection) -> Iterator[str]:
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in present:
            yield f"the table {table.name}"
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in columns:
                yield f"the column {table.name}.{column.name}"
