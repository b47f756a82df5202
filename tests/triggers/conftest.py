"""A node that mails on events, on a store of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.engine.database import Database
from tests.rig.prepared import copy_prepared
from tests.triggers.node import TriggerNode


@pytest.fixture
def node(tmp_path: Path, database: Database) -> Iterator[TriggerNode]:
    node = TriggerNode(tmp_path / "node", database)
    yield node
    node.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[TriggerNode]:
    """A node on SQLite, for what doesn't depend on the store."""
    url = f"sqlite:///{tmp_path}/store.db"
    copy_prepared(url)
    database = Database(url)
    database.prepare()
    node = TriggerNode(tmp_path / "node", database)
    yield node
    node.close()
    database.close()
