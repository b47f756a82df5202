"""The migrations and the schema are two tellings of one thing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import text

import gateway.store.migrations
from gateway.core.kinds import TAG_SCOPES, Scope, State
from gateway.core.people.people import PersonRef
from gateway.core.token import TokenRole
from gateway.store.api import tokens
from gateway.store.engine.database import Database, WrongSchema
from gateway.store.engine.upgrade import defects, upgrade
from gateway.store.journal.messages import listed
from gateway.store.people import suppression
from gateway.store.people.people import find
from gateway.store.people.suppression import Standings
from gateway.store.schema import VERSION
from gateway.store.schema.columns import metadata

AT = 1_764_000_000_000_000  #: Microseconds since 1970.
ID = 1 << 58
AS_OF_0001 = (
    "INSERT INTO schema_version VALUES ('0001')",
    'INSERT INTO "groups" (kind, crm_id, source, name, tag)'
    " VALUES ('candidate', '12', 'crm', 'Geen bulk-mail', 'NoMailingsTag')",
    "INSERT INTO people (kind, crm_id, source, first_name, last_name, emails)"
    " VALUES ('candidate', '17', 'crm', 'Ann', 'Jansen', 'ann@example.org')",
    "INSERT INTO addresses (address, kind, person) VALUES ('ann@example.org', 'candidate', '17')",
    "INSERT INTO memberships (kind, person, group_id, source, since)"
    f" VALUES ('candidate', '17', '12', 'crm', {AT})",
    "INSERT INTO suppressions (id, address, scope, since)"
    f" VALUES (1, 'bob@example.org', 'all', {AT})",
    "INSERT INTO messages (id, worker, listener, subject, kind, rule)"
    f" VALUES ({ID}, 0, 'crm', 'Vacature', 'bulk', 'precedence')",
    'INSERT INTO deliveries (message, position, recipient, address, state, "by")'
    f" VALUES ({ID}, 0, 'ann@example.org', 'ann@example.org', 'send_failed', 'gateway')",
    "INSERT INTO outbox (id, type, key, sender, recipient, body, state)"
    " VALUES (1, 'dsn', '1', '', 'crm@example.org', 'x', 'sent')",
)


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


def test_P19_an_upgrade_keeps_what_the_first_version_knew(database: Database) -> None:
    fill_as_of_0001(database)
    with pytest.raises(WrongSchema, match="gateway db upgrade"):
        database.prepare()

    with database.writing() as connection:
        done = upgrade(connection, database.version())
    database.prepare()

    with database.reading() as connection:
        assert [] == defects(connection)
        (told,) = listed(connection, limit=10)
        (person,) = find(connection, PersonRef.parse("candidate:17"))
        (entry,) = suppression.history(connection, "bob@example.org")
        standings = Standings(database, tag_scopes=TAG_SCOPES).within(
            connection, ["ann@example.org"]
        )
    assert ("0002", VERSION) == (done[0], done[-1])
    (holder,) = standings["ann@example.org"].holders
    assert ["Geen bulk-mail"] == [one.name for one in holder.suppressions]
    assert ("Vacature", State.SEND_FAILED) == (told.subject, told.deliveries[0].state)
    assert ("Ann", ("ann@example.org",)) == (person.person.first_name, person.addresses)
    assert ("bob@example.org", Scope.ALL) == (entry.address, entry.scope)


def test_a_store_of_this_version_needs_no_upgrade(database: Database) -> None:
    database.prepare()

    with database.writing() as connection:
        done = upgrade(connection, database.version())

    assert [] == done
    assert VERSION == database.version()


def test_tokens_that_could_change_suppressions_still_can(database: Database) -> None:
    folder = Path(gateway.store.migrations.__file__).parent
    steps = reversed(list(ScriptDirectory(folder).iterate_revisions("0025", "base")))
    with database.writing() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            for step in steps:
                step.module.upgrade()
        for number, scopes in enumerate(("read suppressions", "suppressions", "feed read"), 1):
            row = f"({number}, 'd{number}', '{scopes}')"
            connection.execute(text(f"INSERT INTO tokens (id, digest, scopes) VALUES {row}"))
        upgrade(connection, "0025")
        found = {one.id: one.roles for one in tokens.listed(connection)}

    assert {1: {TokenRole.MANAGER}, 2: {TokenRole.MANAGER}, 3: set()} == found


def fill_as_of_0001(database: Database) -> None:
    """Make the store a gateway of the first version left behind."""
    folder = Path(gateway.store.migrations.__file__).parent
    first = ScriptDirectory(folder).get_revision("0001")
    with database.writing() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            first.module.upgrade()
        for statement in AS_OF_0001:
            connection.execute(text(statement))


def test_what_a_store_lacks_is_named(database: Database) -> None:
    database.prepare()
    with database.writing() as connection:
        connection.execute(text("DROP TABLE pauses"))
        connection.execute(text("ALTER TABLE messages DROP COLUMN rule"))

    with database.reading() as connection:
        missing = defects(connection)

    assert ["the column messages.rule", "the table pauses"] == missing
