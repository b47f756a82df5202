"""A database server that may be stopped, and relays that hesitate."""

from collections.abc import Iterator

import pytest

from tests.rig.postgres import OwnPostgres, Postgres
from tests.rig.process import needs
from tests.rig.sink import RawSink
from tests.system.traffic import Hesitation


@pytest.fixture
def cluster(postgres: Postgres) -> OwnPostgres:
    """The database server, if it may be stopped."""
    if not isinstance(postgres, OwnPostgres):
        needs("postgresql", "a server of TEST_DATABASE_URL can't be stopped")
        raise AssertionError
    return postgres


@pytest.fixture
def slow_sink(sink: RawSink) -> Iterator[RawSink]:
    """A relay that takes up to 20 ms for each verdict."""
    sink.faults = Hesitation()
    return sink
