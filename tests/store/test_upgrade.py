"""The migrations and the schema are two tellings of one thing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, MetaData, Table, Text, inspect, text

import gateway.store.migrations
from gateway.store.engine.database import Database, WrongSchema, number_of, version_advice
from gateway.store.engine.upgrade import defects, upgrade
from gateway.store.schema import FIRST_NUMBER, VERSION
from gateway.store.schema.columns import mark_of_tables, metadata

BEFORE_RELEASE = r"of a build before any release.*gateway db upgrade --new"
#: What a gateway of the next version would bring with it.
NEXT = """
from alembic import op
from sqlalchemy import Column, Text

revision = "9000"
down_revision = "{VERSION}"


def upgrade():
    op.add_column("pauses", Column("reason", Text, nullable=False, server_default="none given"))
"""


def is_ours(name: str | None, *_: object) -> bool:
    """Whether the schema speaks of it: SQLite keeps its index of words in tables of its own."""
    return not (name or "").startswith(("message_search", "ix_message_words_words"))


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
    done = upgrade(database)
    with database.reading() as connection:
        opts = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        differences = compare_metadata(context, metadata)

    assert number_of(VERSION) == done[-1]
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
    (folder / "versions/9000_reasons.py").write_text(NEXT.format(VERSION=number_of(VERSION)))
    monkeypatch.setattr("gateway.store.engine.upgrade._FOLDER", folder)
    for module in ("upgrade", "database"):
        monkeypatch.setattr(f"gateway.store.engine.{module}.VERSION", "9000-000000")

    done = upgrade(database)

    with database.reading() as connection:
        pauses = connection.execute(text("SELECT what, since, reason FROM pauses")).all()
    assert ["9000"] == done
    assert [("bulk", 1, "none given")] == pauses
    assert "9000-000000" == database.version()


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("9999-45f895", "newer than this gateway"),
        ("0001", BEFORE_RELEASE),
        ("0032", BEFORE_RELEASE),
        ("0104", BEFORE_RELEASE),
        # Of the same number, but without a table, or with one too many.
        (f"{FIRST_NUMBER}-000000", BEFORE_RELEASE),
    ],
)
def test_P19_a_store_that_cannot_be_upgraded_is_left_as_it_is(
    database: Database, version: str, reason: str
) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE schema_version (version TEXT PRIMARY KEY)"))
        connection.execute(text(f"INSERT INTO schema_version VALUES ('{version}')"))

    for use in (lambda: upgrade(database), database.prepare):
        with pytest.raises(WrongSchema, match=reason) as refusal:
            use()
        assert str(refusal.value).startswith(f"{database.url.database}: the store is at ver")

    with database.reading() as connection:
        assert ["schema_version"] == inspect(connection).get_table_names()
    assert version == database.version()


def test_P19_an_older_store_is_sent_to_the_command_that_upgrades_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.store.engine.database.VERSION", "0201-9c1d20")

    assert (
        "/var/gateway.db: the store is at version 0200-45f895, this gateway needs 0201-9c1d20: "
        "gateway db upgrade"
    ) == version_advice("0200-45f895", "/var/gateway.db")


def test_the_version_tells_which_tables_a_store_has() -> None:
    """So that a store of a build before any release is refused, not used without a table."""
    tables = [
        Table("a", MetaData(), Column("b", Text)),
        Table("a", MetaData(), Column("b", Text, nullable=False)),
        Table("a", MetaData(), Column("b", Text), Column("c", Text)),
        Table("a", MetaData(), Column("b", Text, index=True)),
        Table("c", MetaData(), Column("b", Text)),
    ]

    assert 5 == len({mark_of_tables([table]) for table in tables})
    assert mark_of_tables(tables) == mark_of_tables(tables[::-1])
    assert VERSION == f"{number_of(VERSION)}-{mark_of_tables(metadata.tables.values())}"


def test_a_store_of_this_version_needs_no_upgrade(database: Database) -> None:
    database.prepare()

    assert [] == upgrade(database)
    assert VERSION == database.version()


def test_what_a_store_lacks_is_named(database: Database) -> None:
    database.prepare()
    with database.writing() as connection:
        connection.execute(text("DROP TABLE pauses"))
        connection.execute(text("ALTER TABLE messages DROP COLUMN rule"))

    with database.reading() as connection:
        missing = defects(connection)

    assert ["the column messages.rule", "the table pauses"] == missing
