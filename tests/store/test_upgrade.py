"""The migrations and the schema are two tellings of one thing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import gateway.store.migrations
from gateway.store.engine.database import Database, WrongSchema, version_advice
from gateway.store.engine.upgrade import defects, upgrade
from gateway.store.schema import VERSION
from gateway.store.schema.columns import metadata

#: What a gateway of the next version would bring with it.
NEXT = """
from alembic import op
from sqlalchemy import Column, Text

revision = "9000"
down_revision = "{VERSION}"


def upgrade():
    op.add_column("pauses", Column("reason", Text, nullable=False, server_default="none given"))
"""


@pytest.fixture
def database(bare_store_url: str) -> Iterator[Database]:
    """An empty store of each kind, without a schema."""
    database = Database(bare_store_url)
    if database.file is not None:
        database.file.make()
    yield database
    database.close()


# SQLite tells of no expressions; the questions that need that index fail without it.
@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_migrations_lead_to_the_schema(database: Database) -> None:
    with database.writing() as connection:
        done = upgrade(connection, None)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)

    assert VERSION == done[-1]
    assert [] == differences
    assert VERSION == database.version()


def test_P19_an_upgrade_goes_on_from_the_version_of_the_store_and_keeps_its_rows(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.prepare()
    with database.writing() as connection:
        connection.execute(text("INSERT INTO pauses (what, since) VALUES ('bulk', 1)"))
    folder = tmp_path / "migrations"
    shutil.copytree(Path(gateway.store.migrations.__file__).parent, folder)
    (folder / "versions/9000_reasons.py").write_text(NEXT.format(VERSION=VERSION))
    monkeypatch.setattr("gateway.store.engine.upgrade._FOLDER", folder)
    monkeypatch.setattr("gateway.store.engine.upgrade.VERSION", "9000")

    with database.writing() as connection:
        done = upgrade(connection, database.version())

    with database.reading() as connection:
        pauses = connection.execute(text("SELECT what, since, reason FROM pauses")).all()
    assert ["9000"] == done
    assert [("bulk", 1, "none given")] == pauses
    assert "9000" == database.version()


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("9999", "newer than this gateway"),
        ("0001", "can't be upgraded; it is left as it is"),
        ("0032", "can't be upgraded; it is left as it is"),
    ],
)
def test_P19_a_store_that_cannot_be_upgraded_is_left_as_it_is(
    database: Database, version: str, reason: str
) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE schema_version (version TEXT PRIMARY KEY)"))
        connection.execute(text(f"INSERT INTO schema_version VALUES ('{version}')"))

    with pytest.raises(WrongSchema, match=reason), database.writing() as connection:
        upgrade(connection, database.version())
    with pytest.raises(WrongSchema, match=reason):
        database.prepare()

    with database.reading() as connection:
        assert ["schema_version"] == inspect(connection).get_table_names()
    assert version == database.version()


def test_P19_an_older_store_is_sent_to_the_command_that_upgrades_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.store.engine.database.VERSION", "0101")

    assert "the store is at version 0100, this gateway needs 0101: gateway db upgrade" == (
        version_advice("0100")
    )


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
