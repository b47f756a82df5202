"""An office on a store of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.engine.database import Database
from tests.triggers.office import Office


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty store of each kind."""
    database = Database(store_url)
    database.prepare()
    yield database
    database.close()


@pytest.fixture
def office(tmp_path: Path, database: Database) -> Iterator[Office]:
    office = Office(tmp_path / "office", database)
    yield office
    office.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Office]:
    """An office on SQLite, for what doesn't depend on the store."""
    database = Database(f"sqlite:///{tmp_path}/desk.db")
    database.prepare()
    office = Office(tmp_path / "office", database)
    yield office
    office.close()
    database.close()
