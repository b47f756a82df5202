"""The version of a store's schema: whether the schema is complete, and how to upgrade it."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, delete, insert, inspect

from gateway.core.errors import GatewayError
from gateway.store.engine.database import (
    Database,
    WrongSchema,
    is_upgradable,
    number_of,
    version_advice,
)
from gateway.store.schema import VERSION
from gateway.store.schema.columns import metadata
from gateway.store.schema.host import schema_version

_FOLDER = Path(__file__).parents[1] / "migrations"


class DamagedSchema(GatewayError):
    """The store lacks tables or columns that its version must have."""


def defects(connection: Connection) -> list[str]:
    """Return what is missing from a store of this version; empty if nothing is."""
    return list(_missing_parts(connection))


def upgrade(database: Database) -> list[str]:
    """Upgrade a store of an earlier version, or an empty one, to this version.

    Returns the numbers of the migrations applied. Raises `WrongSchema` for a store that is newer
    than this gateway, or made by a build before the first release.
    """
    before = database.version()
    if before == VERSION:
        return []
    if before is not None and not is_upgradable(before):
        raise WrongSchema(version_advice(before, database.place))
    # Imported here because it takes a second and only this command needs it.
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    last = "base" if before is None else number_of(before)
    steps = ScriptDirectory(_FOLDER).iterate_revisions("head", last)
    done: list[str] = []
    with database.writing() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            for step in reversed(list(steps)):
                step.module.upgrade()
                done.append(step.revision)
        connection.execute(delete(schema_version))
        connection.execute(insert(schema_version).values(version=VERSION))
    return done


def _missing_parts(connection: Connection) -> Iterator[str]:
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
