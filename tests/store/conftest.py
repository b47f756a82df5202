"""A store with a schema, of each kind."""

from collections.abc import Iterator

import pytest

from gateway.core.kinds import TAG_SCOPES
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings
from tests.store.feeding import NOW


@pytest.fixture
def standings(database: Database) -> Iterator[Standings]:
    """Tells who is suppressed, at a fixed time."""
    standings = Standings(database, tag_scopes=TAG_SCOPES, clock=lambda: NOW)
    yield standings
    standings.close()
