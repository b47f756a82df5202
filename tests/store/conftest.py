"""A store with a schema, of each kind."""

from collections.abc import Iterator

import pytest

from gateway.core.kinds import TAG_SCOPES
from gateway.store.engine.database import Database
from gateway.store.journal.message_lookup import MessageLookup
from gateway.store.people.suppression import Standings
from tests.store.feeding import NOW


@pytest.fixture
def standings(database: Database) -> Iterator[Standings]:
    """Tells who is suppressed, at a fixed time."""
    standings = Standings(database, tag_scopes=TAG_SCOPES, clock=lambda: NOW)
    yield standings
    standings.close()


@pytest.fixture
def asked(database: Database) -> Iterator[MessageLookup]:
    """What is asked about messages that the store knows."""
    message_lookup = MessageLookup(database)
    yield message_lookup
    message_lookup.close()
