"""An importer on a store of each kind, and one process that reads mails for all tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.inbound.reading.readers import Readers
from gateway.store.engine.database import Database
from tests.inbound.importer_rig import ImporterRig


@pytest.fixture(scope="session")
async def readers() -> AsyncIterator[Readers]:
    """Reads mails in another process."""
    readers = Readers()
    yield readers
    await readers.close()


@pytest.fixture
def rig(tmp_path: Path, readers: Readers) -> Iterator[ImporterRig]:
    """An importer with its store in a file."""
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    yield ImporterRig(database, tmp_path, readers)
    database.close()


@pytest.fixture
def each_rig(store_url: str, tmp_path: Path, readers: Readers) -> Iterator[ImporterRig]:
    """The same on either store."""
    database = Database(store_url)
    database.prepare()
    yield ImporterRig(database, tmp_path, readers)
    database.close()
