"""The migrations and the schema are two tellings of one thing."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from gateway.store.columns import metadata
from gateway.store.database import Database
from gateway.store.schema import VERSION
from gateway.store.upgrade import defects, upgrade


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty store of each kind, without a schema."""
    database = Database(store_url)
    if database.file is not None:
        database.file.make()
    yield database
    database.close()


def test_the_migrations_lead_to_the_schema(database: Database) -> None:
    with database.writing() as connection:
        done = upgrade(connection, None)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)

    assert VERSION == done[-1]
    assert [] == differences
    assert VERSION == database.version()


def test_a_store_of_this_version_needs_no_upgrade(database: Database) -> None:
    database.prepare()

    with database.writing() as connection:
        done = upgrade(connection, database.version())

    assert [] == done
    assert VERSION == database.version()


def test_what_a_store_lacks_is_named(database: Database) -> None:
    database.prepare()
    with database.writing() as connection:
        connection.execute(text("DROP TABLE pauses"))
        connection.execute(text("ALTER TABLE messages DROP COLUMN rule"))

    with database.reading() as connection:
        missing = defects(connection)

    assert ["the column messages.rule", "the table pauses"] == missing
