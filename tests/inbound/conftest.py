"""An importer on a store of each kind, and one process that reads mails for all tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.inbound.reading.readers import Readers
from gateway.store.engine.database import Database
from tests.inbound.importer_rig import ImporterRig, copy_fed, take_in_records


@pytest.fixture(scope="session")
async def readers() -> AsyncIterator[Readers]:
    """Reads mails in another process."""
    readers = Readers()
    yield readers
    await readers.close()


@pytest.fixture
def rig(tmp_path: Path, readers: Readers) -> Iterator[ImporterRig]:
    """An importer with its store in a file."""
    database = Database(copy_fed(tmp_path))
    database.prepare()
    yield ImporterRig(database, tmp_path, readers)
    database.close()


@pytest.fixture
def each_rig(store_url: str, tmp_path: Path, readers: Readers) -> Iterator[ImporterRig]:
    """The same on either store."""
    is_sqlite = store_url.startswith("sqlite")
    database = Database(copy_fed(tmp_path) if is_sqlite else store_url)
    database.prepare()
    if not is_sqlite:
        take_in_records(database)
    yield ImporterRig(database, tmp_path, readers)
    database.close()
