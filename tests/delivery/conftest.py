"""The pool most tests of the way to a relay use."""

import pytest

from gateway.delivery.pool import Pool
from tests.delivery.relays import make_pool, relay_settings
from tests.rig.sink import RawSink


@pytest.fixture
async def pool(sink: RawSink) -> Pool:
    """Two connections to the sink, and half a second for each step."""
    return make_pool(relay_settings(sink.port, budget=0.5))
