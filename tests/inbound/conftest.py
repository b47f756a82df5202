"""An importer on a store of each kind, and one process that reads mails for all tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.inbound.reading.readers import Readers
from gateway.store.engine.database import Database
from tests.inbound.office import Office


@pytest.fixture(scope="session")
async def readers() -> AsyncIterator[Readers]:
    """Reads mails in another process."""
    readers = Readers()
    yield readers
    await readers.close()


@pytest.fixture
def office(tmp_path: Path, readers: Readers) -> Iterator[Office]:
    """An office with its store in a file."""
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    yield Office(database, tmp_path, readers)
    database.close()


@pytest.fixture
def each_office(store_url: str, tmp_path: Path, readers: Readers) -> Iterator[Office]:
    """The same on either store."""
    database = Database(store_url)
    database.prepare()
    yield Office(database, tmp_path, readers)
    database.close()
